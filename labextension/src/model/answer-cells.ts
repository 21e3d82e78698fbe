import type { CellType } from '../client/notebooks';

export interface CellDraft {
  cell_type: Exclude<CellType, 'raw'>;
  source: string;
}

/** The first line of a block of code, at the margin: its fence and language. */
const BEGIN = /^ {0,3}(`{3,}|~{3,})\s*([\w+#-]*)[^`]*$/;

/** The names by which answers call the language of IPython's notebooks. */
const PYTHON = ['python', 'py', 'python3', 'ipython', 'ipython3'];

/**
 * The cells that an answer makes, in its order. Code in another language than
 * the notebook's, or in none, stays in the text around it.
 */
export function cellsOf(answer: string, language: string): CellDraft[] {
  const cells: CellDraft[] = [];
  let text: string[] = [];
  let code: { fence: string; isCell: boolean; lines: string[] } | null = null;
  const endText = (): void => {
    const source = text.join('\n').trim();
    if (source) {
      cells.push({ cell_type: 'markdown', source });
    }
    text = [];
  };

  for (const line of answer.split('\n')) {
    const begin = BEGIN.exec(line);
    if (!code && begin) {
      const isCell = isIn(language, begin[2]!);
      code = { fence: begin[1]!, isCell, lines: [] };
      if (isCell) {
        endText();
        continue;
      }
    } else if (code && isEnd(line, code.fence)) {
      if (code.isCell) {
        cells.push({ cell_type: 'code', source: code.lines.join('\n') });
        code = null;
        continue;
      }
      code = null;
    }
    (code?.isCell ? code.lines : text).push(line);
  }
  if (code?.isCell) {
    cells.push({ cell_type: 'code', source: code.lines.join('\n').trimEnd() });
  }
  endText();
  return cells.filter(({ source }) => source.trim() !== '');
}

function isIn(language: string, name: string): boolean {
  const [a, b] = [language.toLowerCase(), name.toLowerCase()];
  return b !== '' && (a === b || (PYTHON.includes(a) && PYTHON.includes(b)));
}

function isEnd(line: string, fence: string): boolean {
  const mark = line.trim();
  return mark.startsWith(fence) && mark === fence[0]!.repeat(mark.length);
}
