/** How the pages stand with the server; `retryAt` is in milliseconds. */
export type Connection =
  | { state: 'connecting' }
  | { state: 'open' }
  /** Nothing comes by stream, so that news is asked for now and then. */
  | { state: 'polling' }
  | { state: 'lost'; retryAt: number }
  | { state: 'signed-out' };

/** Whether the server answers, and its news reaches this page. */
export function isInTouch({ state }: Connection): boolean {
  return state === 'open' || state === 'polling';
}

export function isSame(a: Connection, b: Connection): boolean {
  const [at, bt] = [a, b].map(it => (it.state === 'lost' ? it.retryAt : 0));
  return a.state === b.state && at === bt;
}
