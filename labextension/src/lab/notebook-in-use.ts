import { Notification } from '@jupyterlab/apputils';
import type {
  INotebookTracker,
  Notebook,
  NotebookPanel
} from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { Trans } from '../client/page';
import { cellsOf } from '../model/answer-cells';
import type { NotebookName } from '../model/context';
import type { InsertPlace, NotebookInUse } from '../ui/host';
import { asOneStep } from './cell-edits';
import { panelOf, serverPath } from './notebook-bridge';

export interface InUseOptions {
  tracker: INotebookTracker;
  contents: Contents.IManager;
  trans: Trans;
  /** Opens a notebook; undefined where it opens in a page of its own. */
  open: (path: string) => Promise<NotebookPanel | undefined>;
  /** Brings a tab to the front. */
  activate: (id: string) => void;
}

/**
 * Lets the person put code into the notebook they work in. The focus stays
 * where it is; each insertion is one step to undo.
 */
export function notebookInUse(
  place: ReadonlySignal<NotebookName | null>,
  { tracker, contents, trans, open, activate }: InUseOptions
): NotebookInUse {
  const insert = (code: string, place: InsertPlace): void => {
    const content = tracker.currentWidget?.content;
    const cells = content?.model?.sharedModel;
    if (!content || !cells) {
      return;
    }
    if (place === 'selection') {
      const cell = content.activeCell;
      if (cell?.editor?.replaceSelection && !cell.readOnly) {
        cell.editor.replaceSelection(code);
      } else {
        Notification.warning(trans.__('The active cell cannot be edited.'));
      }
      return;
    }
    const at = content.activeCellIndex + (place === 'below' ? 1 : 0);
    const metadata = { trusted: true };
    cells.insertCell(at, { cell_type: 'code', source: code, metadata });
    content.activeCellIndex = at;
    void content.scrollToItem(at);
  };

  const insertAnswer = (answer: string): void => {
    const content = tracker.currentWidget?.content;
    const model = content?.model;
    if (!content || !model) {
      return;
    }
    const at = content.activeCellIndex + 1;
    const cells = cellsOf(answer, model.defaultKernelLanguage || 'python');
    asOneStep(model.sharedModel, () => {
      model.sharedModel.insertCells(
        at,
        cells.map(cell => ({ ...cell, metadata: { trusted: true } }))
      );
    });
    content.activeCellIndex = at;
    void content.scrollToItem(at);
  };

  const show = async (path: string, cellId: string): Promise<void> => {
    const panel = panelOf(tracker, contents, path) ?? (await open(path));
    if (!panel) {
      return;
    }
    activate(panel.id);
    await panel.revealed;
    await showCell(panel.content, cellId, () =>
      Notification.warning(
        trans.__('The cell is not in %1 any more.', panel.title.label)
      )
    );
  };

  return {
    name: computed(() => place.value?.name ?? null),
    insert,
    insertAnswer,
    show: (path, cellId) => {
      show(path, cellId).catch((error: Error) => {
        Notification.error(error.message);
      });
    }
  };
}

/** The notebook that the person used last, as it is called now. */
export function placeInUse(
  tracker: INotebookTracker,
  contents: Contents.IManager
): ReadonlySignal<NotebookName | null> {
  const place = signal<NotebookName | null>(null);
  const update = (): void => {
    const panel = tracker.currentWidget;
    const path = panel && serverPath(panel, contents);
    place.value = path ? { path, name: path.split('/').at(-1)! } : null;
  };
  update();
  tracker.currentChanged.connect(update);
  const watch = (_: unknown, panel: NotebookPanel): void => {
    panel.context.pathChanged.connect(update);
  };
  tracker.forEach(panel => watch(tracker, panel));
  tracker.widgetAdded.connect(watch);
  return place;
}

async function showCell(
  content: Notebook,
  cellId: string,
  onMissing: () => void
): Promise<void> {
  const at = content.widgets.findIndex(({ model }) => model.id === cellId);
  if (at < 0) {
    return onMissing();
  }
  content.deselectAll();
  content.activeCellIndex = at;
  await content.scrollToItem(at, 'center');
}
