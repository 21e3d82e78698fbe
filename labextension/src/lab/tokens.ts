import type { INotebookTracker } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { Browser } from '../client/browser';
import type { Observable } from '../client/observable';
import type { HermesPage } from '../client/page';
import type { PageModel } from '../model/page';
import type { Host } from '../ui/host';
import type { CellContext } from './cell-context';
import type { Panels } from './panels';
import type { Settings } from './settings';

/** Hermes as one page has it: one client, hence one stream, for all that show it. */
export interface IHermes {
  readonly host: HermesPage & Host;
  readonly page: PageModel;
  readonly browser: Browser;
  readonly settings: Observable<Settings>;
  /** Null in an application without notebooks. */
  readonly notebooks: HermesNotebooks | null;
}

export interface HermesNotebooks {
  readonly tracker: INotebookTracker;
  /** What prompts can tell of their cells. */
  readonly context: CellContext;
}

export const IHermes = new Token<IHermes>(
  'hermes-jupyter:IHermes',
  'The connection of this page with the Hermes agent: its client, and what is known of conversations and questions.'
);

export type IHermesPanels = Panels;

export const IHermesPanels = new Token<IHermesPanels>(
  'hermes-jupyter:IHermesPanels',
  'The panels that show conversations with Hermes: at the side, and in tabs.'
);
