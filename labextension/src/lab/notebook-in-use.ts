import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { signal } from '@preact/signals';
import type { Trans } from '../client/page';
import type { InsertPlace, NotebookInUse } from '../ui/host';

/**
 * Lets the person put code into the notebook they work in. The focus stays
 * where it is; each insertion is one step to undo.
 */
export function notebookInUse(
  tracker: INotebookTracker,
  trans: Trans
): NotebookInUse {
  const name = signal<string | null>(null);
  const update = (): void => {
    name.value = tracker.currentWidget?.title.label ?? null;
  };
  update();
  tracker.currentChanged.connect(update);

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
  return { name, insert };
}
