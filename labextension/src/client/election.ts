import type { Locks, PageLife } from './browser';

/** Begins to lead; what it returns ends that. */
export type Lead = () => () => void;

/** Decides which page of the browser holds the stream for all. */
export interface Election {
  /** The name of this page, for as long as it stands. */
  readonly page: string;
  /** Takes part from now on, and leads when it is this page's turn. */
  stand(): void;
  withdraw(): void;
  /** Takes the lead from a page that does not answer any more. */
  seize(): void;
  /** Calls `gone` when that page is not there any more. */
  watch(page: string, gone: () => void): void;
}

/**
 * By two Web Locks: one of the leader, for which all pages queue, and one of
 * each page, which shows that it is there. The browser lets go of both when a
 * page ends, however it ends.
 */
export class LockElection implements Election {
  page = '';
  private presence: AbortController | null = null;
  private candidacy: AbortController | null = null;

  constructor(
    private readonly locks: Locks,
    private readonly name: string,
    private readonly on: { present: () => void; lead: Lead }
  ) {}

  stand(): void {
    if (this.presence) {
      return;
    }
    const { signal } = (this.presence = new AbortController());
    // Another name each time: who watched the old one may keep it locked.
    this.page = crypto.randomUUID();
    this.locks
      .request(this.nameOf(this.page), { signal }, () => {
        if (!signal.aborted) {
          this.run();
          // Not before: a page that is seen to wish is seen to be there.
          this.on.present();
        }
        return abortOf(signal);
      })
      .catch(() => {
        if (!signal.aborted) {
          this.run();
        }
      });
  }

  withdraw(): void {
    this.candidacy?.abort();
    this.presence?.abort();
    this.candidacy = null;
    this.presence = null;
  }

  seize(): void {
    if (this.presence) {
      this.candidacy?.abort();
      this.run({ steal: true });
    }
  }

  watch(page: string, gone: () => void): void {
    this.locks
      .request(this.nameOf(page), { mode: 'shared' }, gone)
      .catch(() => undefined);
  }

  private run(options: LockOptions = {}): void {
    const { signal } = (this.candidacy = new AbortController());
    let end: (() => void) | undefined;
    const lead = (): Promise<void> => {
      if (!signal.aborted) {
        end = this.on.lead();
        signal.addEventListener('abort', end);
      }
      return abortOf(signal);
    };
    // What steals does not queue, and takes no signal.
    const how = options.steal ? options : { signal };
    this.locks.request(this.name, how, lead).catch(() => {
      if (signal.aborted) {
        return;
      }
      if (end) {
        // Seized by a page that heard nothing of this one: back to the queue.
        end();
        this.run();
      } else {
        // Locks that cannot be had; better a stream of its own than none.
        void lead();
      }
    });
  }

  private nameOf(page: string): string {
    return `${this.name}/page/${page}`;
  }
}

/** Browsers open six connections to a server: hidden pages give theirs back. */
const HIDDEN_MS = 30_000;

/** Where pages cannot meet, each one leads itself while it is looked at. */
export class LonelyElection implements Election {
  readonly page = 'this';
  private end: (() => void) | null = null;
  private endWatching: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly lead: Lead,
    private readonly life: PageLife
  ) {}

  stand(): void {
    this.endWatching ??= this.life.watch(() => this.look());
    // Also a page that begins hidden: it has nothing to show yet.
    this.end ??= this.lead();
    this.look();
  }

  withdraw(): void {
    this.endWatching?.();
    this.endWatching = null;
    this.pause();
  }

  seize(): void {
    // There is nobody to take it from.
  }

  watch(): void {
    // There is nobody to watch.
  }

  private look(): void {
    clearTimeout(this.timer);
    if (this.life.isVisible()) {
      this.end ??= this.lead();
    } else {
      this.timer = setTimeout(() => this.pause(), HIDDEN_MS);
    }
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.end?.();
    this.end = null;
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) {
      resolve();
    }
    signal.addEventListener('abort', () => resolve());
  });
}
