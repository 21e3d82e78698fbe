/** One frame of a `text/event-stream`. */
export interface Frame {
  id: string;
  event: string;
  data: string;
}

const LINE_END = /\r\n|\n|\r/;

/**
 * Reads a `text/event-stream` body as the WHATWG describes it, wherever the
 * network has cut it. `EventSource` is not an option: it cannot send the
 * headers that JupyterHub asks for. `onBytes` hears of all that arrives, also
 * of what makes no frame.
 */
export async function* parseSse(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void = () => undefined
): AsyncGenerator<Frame> {
  const reader = body.getReader();
  // The decoder drops a leading BOM and joins characters cut in two.
  const decoder = new TextDecoder();
  let rest = '';
  let endedInCr = false;
  let id = '';
  let event = '';
  let data: string[] = [];

  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      onBytes();
      let text = decoder.decode(value, { stream: true });
      if (text === '') {
        continue;
      }
      if (endedInCr && text.startsWith('\n')) {
        text = text.slice(1);
      }
      endedInCr = text.endsWith('\r');
      const lines = (rest + text).split(LINE_END);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) {
            yield { id, event: event || 'message', data: data.join('\n') };
          }
          event = '';
          data = [];
          continue;
        }
        const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (field === 'data') {
          data.push(value);
        } else if (field === 'event') {
          event = value;
        } else if (field === 'id' && !value.includes('\0')) {
          id = value;
        }
      }
    }
  } finally {
    // Whoever stops reading closes the connection with it.
    reader.cancel().catch(() => undefined);
  }
}
