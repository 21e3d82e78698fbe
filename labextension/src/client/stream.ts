import { Observable } from './observable';
import { parseSse, type Frame } from './sse';

/** How the page stands with the server; `retryAt` is in milliseconds. */
export type Connection =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'lost'; retryAt: number }
  | { state: 'signed-out' };

/** The server pings every five seconds; three missing pings are a dead line. */
const SILENCE_MS = 15_000;
const LONGEST_WAIT_S = 30;
const REOPEN = 'reopen';

/** One event stream that is kept open for as long as the page lives. */
export class EventStream {
  readonly connection = new Observable<Connection>({ state: 'connecting' });

  /** The id of the last frame read. */
  cursor: string | null = null;

  private running = false;
  private failures = 0;
  private attempt: AbortController | null = null;
  private wake: () => void = () => undefined;

  constructor(
    private readonly open: (
      cursor: string | null,
      signal: AbortSignal
    ) => Promise<Response>,
    private readonly deliver: (frame: Frame) => void
  ) {}

  start(): void {
    if (!this.running) {
      this.running = true;
      void this.keepOpen();
    }
  }

  stop(): void {
    this.running = false;
    this.attempt?.abort();
    this.wake();
  }

  /** Asks the server anew, from `cursor` on. */
  reopenFrom(cursor: string): void {
    this.cursor = cursor;
    this.attempt?.abort(REOPEN);
  }

  /** Ends the waiting for the next attempt. */
  retryNow(): void {
    this.wake();
  }

  private async keepOpen(): Promise<void> {
    while (this.running) {
      const end = await this.readUntilItEnds();
      if (!this.running || end === 'reopened') {
        continue;
      }
      if (end === 'signed-out') {
        await this.waitForSignIn();
      } else {
        await this.backOff();
      }
      this.connection.set({ state: 'connecting' });
    }
  }

  private async readUntilItEnds(): Promise<'lost' | 'reopened' | 'signed-out'> {
    const attempt = (this.attempt = new AbortController());
    let silence = setTimeout(() => attempt.abort(), SILENCE_MS);
    try {
      const response = await this.open(this.cursor, attempt.signal);
      if (response.status === 401 || response.status === 403) {
        return 'signed-out';
      }
      if (!response.ok || !response.body) {
        return 'lost';
      }
      this.connection.set({ state: 'open' });
      for await (const frame of parseSse(response.body)) {
        // Frames of a connection that was given up would move the cursor.
        if (attempt.signal.aborted) {
          break;
        }
        clearTimeout(silence);
        silence = setTimeout(() => attempt.abort(), SILENCE_MS);
        this.failures = 0;
        this.cursor = frame.id || this.cursor;
        this.handOn(frame);
      }
    } catch {
      // A broken connection is an ordinary end of one.
    } finally {
      clearTimeout(silence);
      this.attempt = null;
    }
    return attempt.signal.reason === REOPEN ? 'reopened' : 'lost';
  }

  private handOn(frame: Frame): void {
    try {
      this.deliver(frame);
    } catch (error) {
      // A listener's fault must not look like a lost connection.
      reportError(error);
    }
  }

  private async backOff(): Promise<void> {
    const seconds = Math.min(2 ** this.failures, LONGEST_WAIT_S);
    // Jitter, so that the pages of a restarted server do not come all at once.
    const wait = seconds * 1000 * (0.75 + Math.random() / 2);
    this.failures += 1;
    this.connection.set({ state: 'lost', retryAt: Date.now() + wait });
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, wait);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async waitForSignIn(): Promise<void> {
    this.connection.set({ state: 'signed-out' });
    await new Promise<void>(resolve => {
      this.wake = resolve;
    });
  }
}
