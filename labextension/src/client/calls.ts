import { ApiError, type Failure } from './api';

/** Sends a request to a path below the API; how is the host's business. */
export type Request = (path: string, init?: RequestInit) => Promise<Response>;

/** One call: JSON there and back, and every failure as an `ApiError`. */
export async function call<T>(
  request: Request,
  method: string,
  path: string,
  options: { body?: object; signal?: AbortSignal } = {}
): Promise<T> {
  const init: RequestInit = { method };
  if (options.signal) {
    init.signal = options.signal;
  }
  if (method !== 'GET') {
    init.body = JSON.stringify(options.body ?? {});
  }
  const response = await reach(request, path, init);
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    throw refusal(response, answer);
  }
  return answer as T;
}

/** Fetches a file, which has the name that the server gives to it. */
export async function fetchFile(request: Request, path: string): Promise<File> {
  const response = await reach(request, path, { method: 'GET' });
  if (!response.ok) {
    throw refusal(response, await response.json().catch(() => null));
  }
  const disposition = response.headers.get('Content-Disposition') ?? '';
  const name = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  const type = response.headers.get('Content-Type') ?? '';
  const content = await response.blob();
  return new File([content], name ? decodeURIComponent(name) : '', { type });
}

async function reach(
  request: Request,
  path: string,
  init: RequestInit
): Promise<Response> {
  try {
    return await request(path, init);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ApiError({ code: 'unreachable', message }, 0);
  }
}

function refusal(response: Response, answer: unknown): ApiError {
  const { error } = (answer ?? {}) as { error?: Failure };
  const unknown = {
    code: notOurs(response.status),
    message: `${response.status} ${response.statusText}`.trim()
  };
  return new ApiError(error ?? unknown, response.status);
}

/** The code of a refusal that somebody before our server has written. */
function notOurs(status: number): string {
  return `http-${status}`;
}

/** Whether our server says so: a proxy's 404 is no word about a conversation. */
export function isGone(thrown: unknown): boolean {
  const { status, code } = ApiError.from(thrown);
  return status === 404 && code !== notOurs(404);
}
