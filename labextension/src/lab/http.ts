import { ServerConnection } from '@jupyterlab/services';
import type { Request } from '../client/client';

/** Requests with the server's own settings: base URL, token, XSRF. */
export function requestTo(settings: ServerConnection.ISettings): Request {
  return (path, init = {}) =>
    ServerConnection.makeRequest(
      `${settings.baseUrl}hermes/api/${path}`,
      init,
      settings
    );
}
