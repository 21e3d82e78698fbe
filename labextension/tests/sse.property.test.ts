import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSse, type Frame } from '../src/client/sse';

async function parse(chunks: Uint8Array[]): Promise<Frame[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      chunks.forEach(chunk => controller.enqueue(chunk));
      controller.close();
    }
  });
  const frames: Frame[] = [];
  for await (const frame of parseSse(body)) {
    frames.push(frame);
  }
  return frames;
}

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const ends = places.map(place => place % (bytes.length + 1));
  const cuts = [0, ...ends.sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

const places = fc.array(fc.nat(), { maxLength: 12 });
const lineEnd = fc.constantFrom('\n', '\r', '\r\n');
/** No line ends; with what looks like one, and characters of many bytes. */
const words = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('\u2028', '\u2029', '\u0085', '\uFEFF', ': ', '🪽', 'é')
    ),
    { maxLength: 6 }
  )
  .map(parts => parts.join('').replace(/[\r\n\0]/g, ''));

const frame = fc.record({
  id: words,
  event: words.filter(event => event !== ''),
  data: fc.array(words, { minLength: 1, maxLength: 3 }),
  comment: fc.option(words),
  /** One for each of the lines that a frame may have, and the empty one. */
  ends: fc.array(lineEnd, { minLength: 7, maxLength: 7 })
});

type Parts = typeof frame extends fc.Arbitrary<infer T> ? T : never;

function encode({ id, event, data, comment, ends }: Parts): string {
  const lines = [
    ...(comment === null ? [] : [`: ${comment}`]),
    `id: ${id}`,
    `event: ${event}`,
    ...data.map(line => `data: ${line}`),
    ''
  ];
  return lines.map((line, i) => line + ends[i]).join('');
}

describe('parseSse, whatever comes', () => {
  it('reads what was written, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 5 }),
        fc.boolean(),
        places,
        async (frames, hasBom, at) => {
          const text = frames.map(encode).join('');
          // A CR and the LF of an empty line would be read as one line end.
          fc.pre(!frames.some(hasJoinedEnds));
          const bytes = bytesOf((hasBom ? '\uFEFF' : '') + text);
          expect(await parse(cut(bytes, at))).toEqual(
            frames.map(({ id, event, data }) => ({
              id,
              event,
              data: data.join('\n')
            }))
          );
        }
      )
    );
  });

  it('reads any bytes as it reads them in one piece', async () => {
    const noise = fc.oneof(
      fc.constantFrom('data', 'id', 'event', 'retry', ':', ' ', '\0'),
      fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\uFEFF', '\u2028'),
      fc.string({ unit: 'grapheme' })
    );
    const bytes = fc.oneof(
      fc.array(noise, { maxLength: 40 }).map(parts => bytesOf(parts.join(''))),
      fc.uint8Array({ maxLength: 60 })
    );
    await fc.assert(
      fc.asyncProperty(bytes, places, async (stream, at) => {
        expect(await parse(cut(stream, at))).toEqual(await parse([stream]));
      })
    );
  });
});

function hasJoinedEnds({ data, comment, ends }: Parts): boolean {
  const last = (comment === null ? 2 : 3) + data.length;
  return ends[last - 1] === '\r' && ends[last] === '\n';
}
