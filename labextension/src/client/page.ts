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
 * What a page has around the components: one client, hence one stream, and the
 * host's renderer and language.
 */
export interface HermesPage {
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
