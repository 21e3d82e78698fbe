import type { AnyModel } from '@anywidget/types';
import type { Request } from '../client/calls';

/** What the kernel says of a request; see `notebook/relay.py`. */
type Said =
  | { type: 'answer'; id: string; status: number; headers: HeadersInit }
  | { type: 'piece'; id: string }
  | { type: 'end'; id: string; error?: string };

interface Waiting {
  resolve: (response: Response) => void;
  reject: (reason: Error) => void;
  body: ReadableStreamDefaultController<Uint8Array> | null;
}

/** A kernel that answers nothing for so long is busy, or gone. */
const PATIENCE_MS = 10_000;

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
        if (init.body instanceof Blob) {
          throw new Error('Files can be attached in JupyterLab alone.');
        }
        const id = `${(count += 1)}`;
        const one: Waiting = { resolve, reject, body: null };
        waiting.set(id, one);
        const busy = setTimeout(() => {
          abort(id);
          fail(one, 'The kernel is busy, or gone: it hands on no request.');
        }, PATIENCE_MS);
        one.resolve = response => {
          clearTimeout(busy);
          resolve(response);
        };
        init.signal?.addEventListener('abort', () => {
          clearTimeout(busy);
          abort(id);
          fail(one, 'The request was given up.');
        });
        model.send({
          type: 'request',
          id,
          method: init.method ?? 'GET',
          path,
          headers: Object.fromEntries(new Headers(init.headers)),
          body: init.body ?? null
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
