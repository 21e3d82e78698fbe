import type { Connection } from './connection';
import { Observable } from './observable';
import { parseSse, type Frame } from './sse';

/** The server pings every five seconds; three missing pings are a dead line. */
const SILENCE_MS = 15_000;
/** The server's first bytes come at once, unless somebody holds them back. */
const MUTE_MS = 5_000;
/** The server ends a stream that a proxy may keep for a page that is gone. */
const CALLED_BACK_MS = 60_000;
/** So many answers in a row without a frame: streams do not come through. */
const BARREN = 3;
const LONGEST_WAIT_S = 30;

const REOPENED = 'reopened';
const SILENT = 'silent';

type End = 'lost' | 'reopened' | 'signed-out';

/**
 * One event stream that is kept open.
 *
 * A hidden page's timers are late by up to a second, and later still if one
 * sets the next. None here does: between two there is always the network.
 */
export class EventStream {
  readonly connection: Observable<Connection>;

  /** Whether the server is asked for streams and none bears a frame. */
  readonly isBarren = new Observable(false);

  /** The id of the last frame read. */
  cursor: string | null = null;

  private running = false;
  /** Attempts since the last frame, for the back-off. */
  private failures = 0;
  /** Those of them that the server, or somebody before it, had answered. */
  private barren = 0;
  private attempt: AbortController | null = null;
  private wake: () => void = () => undefined;

  constructor(
    private readonly open: (
      cursor: string | null,
      signal: AbortSignal
    ) => Promise<Response>,
    private readonly deliver: (frame: Frame) => void,
    connection: Connection = { state: 'connecting' }
  ) {
    this.connection = new Observable(connection);
  }

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
  reopenFrom(cursor: string | null): void {
    this.cursor = cursor;
    this.attempt?.abort(REOPENED);
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
      if (this.running) {
        this.connection.set({ state: 'connecting' });
      }
    }
  }

  private async readUntilItEnds(): Promise<End> {
    const attempt = (this.attempt = new AbortController());
    const { signal } = attempt;
    const giveUp = (): void => attempt.abort(SILENT);
    let silence = setTimeout(giveUp, SILENCE_MS);
    const mute = setTimeout(() => this.isBarren.set(true), MUTE_MS);
    const begun = performance.now();
    let isAnswered = false;
    let isCalledBack = false;
    let frames = 0;
    try {
      const response = await this.open(this.cursor, signal);
      if (response.status === 401 || response.status === 403) {
        this.isBarren.set(false);
        return 'signed-out';
      }
      isAnswered = response.status !== 404;
      if (!response.ok || !response.body) {
        return 'lost';
      }
      const onBytes = (): void => {
        clearTimeout(mute);
        if (!signal.aborted && this.connection.get().state !== 'open') {
          this.connection.set({ state: 'open' });
        }
      };
      for await (const frame of parseSse(response.body, onBytes)) {
        // Frames of a connection that was given up would move the cursor.
        if (signal.aborted) {
          break;
        }
        clearTimeout(silence);
        silence = setTimeout(giveUp, SILENCE_MS);
        frames += 1;
        this.failures = 0;
        this.barren = 0;
        this.isBarren.set(false);
        this.cursor = frame.id || this.cursor;
        this.deliver(frame);
      }
      isCalledBack = frames > 0 && performance.now() - begun > CALLED_BACK_MS;
    } catch {
      // A broken connection is an ordinary end of one.
    } finally {
      clearTimeout(silence);
      clearTimeout(mute);
      this.attempt = null;
      const isWanted = this.running && signal.reason !== REOPENED;
      const isSilent = signal.reason === SILENT;
      if (isWanted && isAnswered && (frames === 0 || isSilent)) {
        this.barren = isSilent ? BARREN : this.barren + 1;
        this.isBarren.set(this.isBarren.get() || this.barren >= BARREN);
      }
    }
    return isCalledBack || signal.reason === REOPENED ? 'reopened' : 'lost';
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
