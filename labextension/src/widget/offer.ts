import type { Observable } from '../client/observable';

export type View = 'chat' | 'gauge' | 'clarify' | 'sessions';

/** What a widget's kernel sets, and may change. */
export interface PanelTraits {
  /** Empty follows the page's current conversation. */
  readonly sessionId: Pick<Observable<string>, 'get' | 'subscribe'>;
  readonly view: Pick<Observable<View>, 'get' | 'subscribe'>;
}

/** Shows a chat, or a part of it, in an element, until the returned end. */
export type ShowPanel = (el: HTMLElement, traits: PanelTraits) => () => void;

/**
 * What the labextension offers to the widgets in the cells of its page. Those
 * come with the kernel, maybe of another version: only plain callbacks cross,
 * and `version` changes with the shape.
 */
interface Offer {
  readonly version: 1;
  readonly showPanel: ShowPanel;
}

const KEY = Symbol.for('hermes-jupyter.page');
const POLL_MS = 100;

type Global = typeof globalThis & { [KEY]?: Offer };

export function offerPanels(showPanel: ShowPanel): void {
  (globalThis as Global)[KEY] = { version: 1, showPanel };
}

/** Waits for the labextension, which may come after the first widget. */
export async function findPanels(
  patienceMs: number
): Promise<ShowPanel | null> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const offer = (globalThis as Global)[KEY];
    if (offer?.version === 1) {
      return offer.showPanel;
    }
    if (Date.now() >= end) {
      return null;
    }
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
