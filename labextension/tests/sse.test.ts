import { describe, expect, it } from 'vitest';
import { parseSse, type Frame } from '../src/client/sse';

const STREAM =
  '\uFEFF: hello\r\n' +
  'id: e.1\r\nevent: message.delta\r\ndata: {"text":"grüße 🪽"}\r\n\r\n' +
  'id: e.2\nevent: notice\ndata: one\ndata:two\n\n' +
  'event: nothing-to-say\n\n' +
  'data: plain\rretry: 5\rid\r\r' +
  'data: never finished\n';

const FRAMES: Frame[] = [
  { id: 'e.1', event: 'message.delta', data: '{"text":"grüße 🪽"}' },
  { id: 'e.2', event: 'notice', data: 'one\ntwo' },
  { id: '', event: 'message', data: 'plain' }
];

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

describe('parseSse', () => {
  const bytes = new TextEncoder().encode(STREAM);

  it('reads ids, events, comments, line ends and data of several lines', async () => {
    expect(await parse([bytes])).toEqual(FRAMES);
  });

  it('does not care where the stream is cut in two', async () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      const frames = await parse([bytes.slice(0, cut), bytes.slice(cut)]);
      expect(frames, `cut at ${cut}`).toEqual(FRAMES);
    }
  });

  it('reads a stream that comes byte by byte', async () => {
    const chunks = Array.from(bytes, byte => Uint8Array.of(byte));
    expect(await parse(chunks)).toEqual(FRAMES);
  });

  it('closes the connection when the reader leaves', async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: controller => controller.enqueue(bytes),
      cancel: () => {
        cancelled = true;
      }
    });
    for await (const _ of parseSse(body)) {
      break;
    }
    expect(cancelled).toBe(true);
  });
});
