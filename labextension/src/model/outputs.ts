/** Characters of the text of one output that the agent is given. */
const MOST_TEXT = 20_000;

/** Characters of one picture, which is base64 unless it is SVG. */
const MOST_IMAGE = 1_000_000;

const IMAGES = ['image/png', 'image/jpeg', 'image/svg+xml'];

/** What of a result is text, the best for a reader first. */
const TEXTS = ['text/plain', 'text/markdown', 'text/latex', 'text/html'];

/** What terminals take for colours and cursor moves. */
const ANSI = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;

/** An output as in a notebook's file. */
export interface Output {
  output_type: string;
  [name: string]: unknown;
}

/** Outputs as the agent is given them; what is left out is said. */
export function boundedOutputs(outputs: readonly Output[]): Output[] {
  return outputs.flatMap(output => {
    switch (output.output_type) {
      case 'stream':
        return [{ ...output, text: shortened(textOf(output.text)) }];
      case 'error': {
        const traceback = textOf(output.traceback, '\n');
        return [{ ...output, traceback: shortened(traceback).split('\n') }];
      }
      default:
        return boundedResult(output);
    }
  });
}

/** What outputs say, as plain text; the end is kept of what is too long. */
export function outputText(outputs: readonly Output[], most: number): string {
  const text = outputs
    .map(output => {
      switch (output.output_type) {
        case 'stream':
          return textOf(output.text);
        case 'error':
          return (
            textOf(output.traceback, '\n') ||
            `${textOf(output.ename)}: ${textOf(output.evalue)}`
          );
        default:
          return textOf((output.data as Data | undefined)?.['text/plain']);
      }
    })
    .filter(Boolean)
    .map(one => one.replace(ANSI, '').trimEnd())
    .join('\n');
  return text.length > most ? `…${text.slice(1 - most)}` : text;
}

export function isError({ output_type }: Output): boolean {
  return output_type === 'error';
}

type Data = Record<string, unknown>;

function boundedResult(output: Output): Output[] {
  const data = (output.data ?? {}) as Data;
  const kept: Data = {};
  const left: string[] = [];
  const text = TEXTS.find(type => type in data);
  if (text) {
    kept[text] = shortened(textOf(data[text]));
  }
  const image = IMAGES.find(type => type in data);
  if (image) {
    const content = textOf(data[image]);
    if (content.length <= MOST_IMAGE) {
      kept[image] = content;
    } else {
      left.push(`${image} of ${content.length} characters`);
    }
  }
  if (!text && !image) {
    left.push(Object.keys(data).join(', ') || 'an empty output');
  }
  const notes = left.map(what => ({
    output_type: 'stream',
    name: 'stderr',
    text: `[left out: ${what}]\n`
  }));
  const isEmpty = Object.keys(kept).length === 0;
  const bounded = { ...output, data: kept, metadata: {} };
  return isEmpty ? notes : [bounded, ...notes];
}

/** The begin and the end: there is the cause, and what became of it. */
function shortened(text: string): string {
  if (text.length <= MOST_TEXT) {
    return text;
  }
  const left = `\n[… ${text.length - MOST_TEXT} characters left out …]\n`;
  const half = (MOST_TEXT - left.length) / 2;
  return text.slice(0, Math.ceil(half)) + left + text.slice(-Math.floor(half));
}

/** In files, a text may be a list of its lines. */
function textOf(value: unknown, between = ''): string {
  if (Array.isArray(value)) {
    return value.join(between);
  }
  return typeof value === 'string' ? value : '';
}
