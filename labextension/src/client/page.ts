import type { Hint } from './api';
import type { HermesClient } from './client';
import type { Observable } from './observable';

/** Renders Markdown which is not to be trusted. */
export type RenderMarkdown = (node: HTMLElement, text: string) => Promise<void>;

/** What a person chose in the settings. */
export interface Preferences {
  /** The key that sends; Cmd does as well as Ctrl. */
  readonly sendWith: 'Enter' | 'Ctrl+Enter';
  readonly unfoldReasoning: boolean;
}

/** The part of Jupyter's translation bundle that we use. */
export interface Trans {
  __(text: string, ...args: unknown[]): string;
  _n(one: string, many: string, n: number, ...args: unknown[]): string;
}

/**
 * What the labextension offers to the widgets in the cells of its page: the
 * same client, hence the same stream, and the host's renderer and language.
 * Widgets come in a bundle of their own, maybe of another version: only plain
 * callbacks cross, and `version` changes with the shape.
 */
export interface HermesPage {
  readonly version: 1;
  readonly client: HermesClient;
  /** The conversation this page is about; empty while it is a draft. */
  readonly current: Observable<string>;
  readonly renderMarkdown: RenderMarkdown;
  readonly trans: Trans;
  readonly preferences: Pick<Observable<Preferences>, 'get' | 'subscribe'>;
  /** Takes the step that a hint proposes. */
  readonly perform: (hint: Hint) => void;
  /** Opens what an answer names, such as `data/file.py:12`, seen from `cwd`. */
  readonly openFile: (place: string, cwd: string) => void;
  /** Where a new conversation works: beside a notebook, or in a folder. */
  readonly place: () => { notebook?: string; cwd?: string };
}

const KEY = Symbol.for('hermes-jupyter.page');
const POLL_MS = 100;

type Global = typeof globalThis & { [KEY]?: HermesPage };

export function offerPage(page: HermesPage): void {
  (globalThis as Global)[KEY] = page;
}

/** Waits for the labextension, which may come after the first widget. */
export async function findPage(patienceMs: number): Promise<HermesPage | null> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const page = (globalThis as Global)[KEY];
    if (page?.version === 1) {
      return page;
    }
    if (Date.now() >= end) {
      return null;
    }
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
