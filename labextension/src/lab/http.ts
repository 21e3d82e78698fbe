import { ServerConnection } from '@jupyterlab/services';
import type { Request } from '../client/client';

/** Requests with the server's own settings: base URL, token, XSRF. */
export function requestTo(settings: ServerConnection.ISettings): Request {
  return (path, { onProgress, ...init } = {}) =>
    ServerConnection.makeRequest(
      `${settings.baseUrl}hermes/api/${path}`,
      init,
      onProgress && init.body instanceof Blob
        ? { ...settings, fetch: sending(init.body, onProgress) }
        : settings
    );
}

/** `fetch` of a request that has `body`; the real one does not tell how far it is. */
function sending(
  body: Blob,
  onProgress: (part: number) => void
): ServerConnection.ISettings['fetch'] {
  return input =>
    new Promise((resolve, reject) => {
      const request = input as globalThis.Request;
      const { signal } = request;
      const xhr = new XMLHttpRequest();
      xhr.open(request.method, request.url);
      request.headers.forEach((value, name) =>
        xhr.setRequestHeader(name, value)
      );
      xhr.withCredentials = request.credentials === 'include';
      xhr.upload.onprogress = ({ loaded, total }) =>
        onProgress(total > 0 ? loaded / total : 0);
      xhr.onload = () => {
        const { status, statusText } = xhr;
        resolve(new Response(xhr.responseText, { status, statusText }));
      };
      xhr.onerror = () => reject(new TypeError('Failed to fetch'));
      xhr.onabort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', () => xhr.abort());
      xhr.send(body);
    });
}
