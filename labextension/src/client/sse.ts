/** One frame of a `text/event-stream`. */
export interface Frame {
  id: string;
  event: string;
  data: string;
}

const LINE_END = /\r\n|\n|\r(?!$)/;

/**
 * Reads a `text/event-stream` body as the WHATWG describes it, wherever the
 * network has cut it. `EventSource` is not an option: it cannot send the
 * headers that JupyterHub asks for.
 */
export async function* parseSse(
  body: ReadableStream<Uint8Array>
): AsyncGenerator<Frame> {
  const reader = body.getReader();
  // The decoder drops a leading BOM and joins characters cut in two.
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  let event = '';
  let data: string[] = [];

  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      rest += decoder.decode(value, { stream: true });
      for (;;) {
        // A CR at the very end may be the first half of a CRLF: wait for more.
        const end = LINE_END.exec(rest);
        if (!end) {
          break;
        }
        const line = rest.slice(0, end.index);
        rest = rest.slice(end.index + end[0].length);
        if (line === '') {
          if (data.length > 0) {
            yield { id, event: event || 'message', data: data.join('\n') };
          }
          event = '';
          data = [];
          continue;
        }
        const [, field, text = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (field === 'data') {
          data.push(text);
        } else if (field === 'event') {
          event = text;
        } else if (field === 'id') {
          id = text;
        }
      }
    }
  } finally {
    // Whoever stops reading closes the connection with it.
    reader.cancel().catch(() => undefined);
  }
}
