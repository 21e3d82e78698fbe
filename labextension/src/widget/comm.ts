import type { AnyModel } from '@anywidget/types';
import type { Request } from '../client/calls';

/** What the kernel says of a request; see `notebook/relay.py`. */
type Said =
  | { type: 'heard'; id: string }
  | { type: 'more'; id: string }
  | { type: 'answer'; id: string; status: number; headers: HeadersInit }
  | { type: 'piece'; id: string }
  | { type: 'end'; id: string; error?: string };

interface Waiting {
  resolve: (response: Response) => void;
  reject: (reason: Error) => void;
  body: ReadableStreamDefaultController<Uint8Array> | null;
  /** Begins anew to wait for the kernel. */
  stay: (ms: number) => void;
  sendPart: () => void;
}

/** A kernel that does not hear for so long is busy, or gone. */
const PATIENCE_MS = 10_000;

/** What it has heard may wait for an agent that starts. */
const ANSWER_MS = 90_000;

/** Bytes of a file that go at once: every host's socket takes so much. */
const PART = 1024 * 1024;

/**
 * Requests that go through the widget's comm, and from the kernel on to the
 * server: the only way where the page itself cannot reach the server.
 */
export function requestByComm(model: AnyModel): {
  request: Request;
  end: () => void;
} {
  const waiting = new Map<string, Waiting>();
  let count = 0;

  const hear = (said: Said, buffers: readonly DataView[]): void => {
    const one = waiting.get(said.id);
    if (!one) {
      return;
    }
    switch (said.type) {
      case 'heard':
        return one.stay(ANSWER_MS);
      case 'more':
        one.stay(ANSWER_MS);
        return one.sendPart();
      case 'answer': {
        const body = new ReadableStream<Uint8Array>({
          start: controller => {
            one.body = controller;
          },
          cancel: () => abort(said.id)
        });
        const { status, headers } = said;
        return one.resolve(new Response(body, { status, headers }));
      }
      case 'piece':
        return buffers.forEach(piece => one.body?.enqueue(bytesOf(piece)));
      case 'end':
        waiting.delete(said.id);
        if (said.error === undefined) {
          one.body?.close();
        } else {
          fail(one, said.error);
        }
    }
  };

  const abort = (id: string): void => {
    if (waiting.delete(id)) {
      model.send({ type: 'abort', id });
    }
  };

  model.on('msg:custom', hear);

  return {
    request: (path, init = {}) =>
      new Promise((resolve, reject) => {
        const id = `${(count += 1)}`;
        let busy: ReturnType<typeof setTimeout> | undefined;
        const giveUp = (reason: string): void => {
          clearTimeout(busy);
          abort(id);
          fail(one, reason);
        };
        const one: Waiting = {
          resolve: response => {
            clearTimeout(busy);
            resolve(response);
          },
          reject,
          body: null,
          stay: ms => {
            clearTimeout(busy);
            busy = setTimeout(
              () =>
                giveUp('The kernel is busy, or gone: it hands on no request.'),
              ms
            );
          },
          sendPart: () => undefined
        };
        waiting.set(id, one);
        one.stay(PATIENCE_MS);
        init.signal?.addEventListener('abort', () =>
          giveUp('The request was given up.')
        );
        const { body } = init;
        const file = body instanceof Blob ? body : null;
        let sent = 0;
        one.sendPart = () => {
          const part = file!.slice(sent, sent + PART);
          sent += part.size;
          part.arrayBuffer().then(
            bytes => {
              model.send({ type: 'part', id }, {}, [bytes]);
              init.onProgress?.(sent / file!.size);
            },
            () => giveUp('The file cannot be read any more.')
          );
        };
        model.send({
          type: 'request',
          id,
          method: init.method ?? 'GET',
          path,
          headers: Object.fromEntries(new Headers(init.headers)),
          ...(file ? { size: file.size } : { body: body ?? null })
        });
      }),
    end: () => {
      model.off('msg:custom', hear);
      [...waiting.keys()].forEach(abort);
    }
  };
}

function fail(one: Waiting, reason: string): void {
  const error = new Error(reason);
  one.reject(error);
  try {
    one.body?.error(error);
  } catch {
    // Its reader has gone before.
  }
}

function bytesOf(piece: DataView): Uint8Array {
  return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
}
