import type {
  Browser,
  Change,
  Channel,
  Locks,
  PageLife
} from '../src/client/browser';

interface Request {
  page: FakePage;
  isShared: boolean;
  grant: () => Promise<unknown>;
  settle: (result: unknown) => void;
  fail: (reason: unknown) => void;
}

const aborted = () => new DOMException('Aborted', 'AbortError');

/** The Web Locks of one origin, as far as the client uses them. */
class FakeLocks {
  private readonly held = new Map<string, Set<Request>>();
  private readonly queues = new Map<string, Request[]>();

  request(
    page: FakePage,
    name: string,
    options: LockOptions,
    callback: () => unknown
  ): Promise<unknown> {
    return new Promise((settle, fail) => {
      if (options.signal?.aborted) {
        return fail(aborted());
      }
      const grant = async () => callback();
      const isShared = options.mode === 'shared';
      const request = { page, isShared, grant, settle, fail };
      const queue = this.queues.get(name) ?? [];
      this.queues.set(name, queue);
      if (options.steal) {
        this.held.get(name)?.forEach(({ fail }) => fail(aborted()));
        this.held.delete(name);
        queue.unshift(request);
      } else {
        queue.push(request);
      }
      options.signal?.addEventListener('abort', () => {
        if (queue.includes(request)) {
          queue.splice(queue.indexOf(request), 1);
          fail(aborted());
        }
      });
      this.grantNext(name);
    });
  }

  holderOf(name: string): FakePage | undefined {
    return [...(this.held.get(name) ?? [])][0]?.page;
  }

  releaseAllOf(page: FakePage): void {
    for (const [name, queue] of this.queues) {
      const rest = queue.filter(request => request.page !== page);
      queue.splice(0, queue.length, ...rest);
      const held = this.held.get(name) ?? new Set();
      held.forEach(request => request.page === page && held.delete(request));
      this.grantNext(name);
    }
  }

  private grantNext(name: string): void {
    const queue = this.queues.get(name) ?? [];
    const held = this.held.get(name) ?? new Set<Request>();
    this.held.set(name, held);
    const [next] = queue;
    const isFree = [...held].every(({ isShared }) => isShared);
    if (!next || !isFree || (held.size > 0 && !next.isShared)) {
      return;
    }
    queue.shift();
    held.add(next);
    // As in a browser, nobody is granted a lock while still asking for it.
    void Promise.resolve()
      .then(next.grant)
      .then(next.settle, next.fail)
      .finally(() => {
        held.delete(next);
        this.grantNext(name);
      });
    this.grantNext(name);
  }
}

/** One tab: what the client has around it, and what may happen to it. */
export class FakePage {
  isVisible = true;
  private state: 'alive' | 'frozen' | 'dead' = 'alive';
  private readonly watchers = new Set<(change: Change) => void>();
  private readonly listeners = new Set<(event: MessageEvent) => void>();
  /** What happens to it as soon as it runs again. */
  private late: (() => void)[] = [];

  constructor(
    private readonly origin: FakeOrigin,
    readonly name: string
  ) {}

  readonly life: PageLife = {
    isVisible: () => this.isVisible,
    watch: listener => {
      this.watchers.add(listener);
      return () => this.watchers.delete(listener);
    }
  };

  get browser(): Browser {
    const { origin } = this;
    const locks = {
      request: (name: string, options: LockOptions, callback: () => unknown) =>
        new Promise((resolve, reject) =>
          this.whenAlive(() =>
            origin.locks
              .request(this, name, options, callback)
              .then(resolve, reject)
          )
        )
    } as unknown as Locks;
    const openChannel = (): Channel => {
      origin.pages.add(this);
      return {
        postMessage: message =>
          this.whenAlive(() => origin.post(this, message)),
        addEventListener: ((_: string, hear: (event: MessageEvent) => void) =>
          this.listeners.add(hear)) as Channel['addEventListener'],
        close: () => origin.pages.delete(this)
      };
    };
    return { life: this.life, meeting: { name: 'x', locks, openChannel } };
  }

  change(change: Change): void {
    if (change === 'shown' || change === 'hidden') {
      this.isVisible = change === 'shown';
    }
    this.watchers.forEach(watcher => watcher(change));
  }

  /** Ends without a word, as with a crash. */
  crash(): void {
    this.state = 'dead';
    this.origin.pages.delete(this);
    this.origin.locks.releaseAllOf(this);
  }

  /** Stops hearing and speaking, and keeps its locks. */
  freeze(): void {
    this.state = 'frozen';
  }

  thaw(): void {
    if (this.state === 'frozen') {
      // What it says on hearing this comes after what it has said before.
      for (let happens; (happens = this.late.shift());) {
        happens();
      }
      this.state = 'alive';
    }
  }

  deliver(message: unknown): void {
    this.whenAlive(() => {
      if (this.origin.pages.has(this)) {
        const event = new MessageEvent('message', { data: message });
        this.listeners.forEach(hear => hear(event));
      }
    });
  }

  private whenAlive(happens: () => void): void {
    if (this.state === 'alive') {
      happens();
    } else if (this.state === 'frozen') {
      this.late.push(happens);
    }
  }
}

/** The pages of one origin, and how they hear each other. */
export class FakeOrigin {
  readonly locks = new FakeLocks();
  readonly pages = new Set<FakePage>();
  /** How long a message is under way; each sender's arrive in order. */
  lagMs = 1;

  get leader(): FakePage | undefined {
    return this.locks.holderOf('x');
  }

  post(from: FakePage, message: unknown): void {
    const copy: unknown = structuredClone(message);
    for (const page of this.pages) {
      if (page !== from) {
        setTimeout(() => page.deliver(copy), this.lagMs);
      }
    }
  }
}
