import { channelName } from './channel';

export type Channel = Pick<
  BroadcastChannel,
  'postMessage' | 'addEventListener' | 'close'
>;

export type Locks = Pick<LockManager, 'request'>;

/** `suspended`: nothing runs here from now on, maybe for ever. */
export type Change = 'shown' | 'focused' | 'hidden' | 'suspended' | 'resumed';

/** What happens to a page as a whole. */
export interface PageLife {
  isVisible(): boolean;
  /** Calls `listener` at each change, until the returned end. */
  watch(listener: (change: Change) => void): () => void;
}

/** What the client needs of the browser around it. */
export interface Browser {
  readonly life: PageLife;
  /** Where the pages of one server meet; null where they cannot. */
  readonly meeting: {
    readonly name: string;
    readonly locks: Locks;
    readonly openChannel: (name: string) => Channel;
  } | null;
}

/** The browser that this code runs in. */
export function browserFor(baseUrl: string): Browser {
  // Both are missing somewhere: locks on plain http, unless on localhost.
  const locks = navigator.locks as LockManager | undefined;
  const isAble = locks !== undefined && 'BroadcastChannel' in globalThis;
  return {
    life: documentLife,
    meeting: isAble
      ? {
          name: channelName(baseUrl),
          locks,
          openChannel: name => new BroadcastChannel(name)
        }
      : null
  };
}

const documentLife: PageLife = {
  isVisible: () => !document.hidden,
  watch(listener) {
    const end = new AbortController();
    const on = (
      target: EventTarget,
      name: string,
      changeOf: (event: Event) => Change | null
    ): void =>
      target.addEventListener(
        name,
        event => {
          const change = changeOf(event);
          if (change) {
            listener(change);
          }
        },
        { signal: end.signal }
      );
    on(document, 'visibilitychange', () =>
      document.hidden ? 'hidden' : 'shown'
    );
    on(window, 'focus', () => 'focused');
    on(document, 'freeze', () => 'suspended');
    on(document, 'resume', () => 'resumed');
    on(window, 'pagehide', () => 'suspended');
    on(window, 'pageshow', event =>
      (event as PageTransitionEvent).persisted ? 'resumed' : null
    );
    return () => end.abort();
  }
};

/** A page that is always seen and knows of no other. */
export const alone: Browser = {
  life: { isVisible: () => true, watch: () => () => undefined },
  meeting: null
};
