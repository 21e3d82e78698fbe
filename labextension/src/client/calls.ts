import { ApiError, type Failure } from './api';

export interface RequestOptions extends RequestInit {
  /** Hears which part of the body has left, up to 1, where the host can tell. */
  onProgress?: (part: number) => void;
}

/** Sends a request to a path below the API; how is the host's business. */
export type Request = (
  path: string,
  init?: RequestOptions
) => Promise<Response>;

/** One call: JSON there and back, and every failure as an `ApiError`. */
export async function call<T>(
  request: Request,
  method: string,
  path: string,
  options: { body?: object; signal?: AbortSignal; keepalive?: boolean } = {}
): Promise<T> {
  const init: RequestInit = { method };
  if (options.signal) {
    init.signal = options.signal;
  }
  if (options.keepalive) {
    init.keepalive = true;
  }
  if (method !== 'GET') {
    init.body = JSON.stringify(options.body ?? {});
  }
  return answerOf(await reach(request, path, init));
}

/** Sends a file as it is. */
export async function upload<T>(
  request: Request,
  path: string,
  file: File,
  options: Pick<RequestOptions, 'signal' | 'onProgress'>
): Promise<T> {
  const headers = { 'Content-Type': 'application/octet-stream' };
  const init = { ...options, method: 'POST', headers, body: file };
  return answerOf(await reach(request, path, init));
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

async function answerOf<T>(response: Response): Promise<T> {
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    throw refusal(response, answer);
  }
  return answer as T;
}

async function reach(
  request: Request,
  path: string,
  init: RequestOptions
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
