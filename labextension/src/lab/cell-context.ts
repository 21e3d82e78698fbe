import type { Cell, ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { Drag } from '@lumino/dragdrop';
import type { ReadonlySignal } from '@preact/signals';
import type { Trans } from '../client/page';
import type {
  ContextChip,
  NotebookBeside,
  NotebookName
} from '../model/context';
import { outputText } from '../model/outputs';
import { serverPath } from './notebook-bridge';
import { rawOutputs } from './notebook-requests';

/** Characters of a cell's output that go with it: the end of it. */
const MOST_OUTPUT = 4_000;

/** Cells that are offered for a mention. */
const MOST_OFFERED = 8;

export const CELL_MIME = 'application/vnd.jupyter.cells';

/** Makes chips of the cells of this page's notebooks. */
export class CellContext implements NotebookBeside {
  constructor(
    readonly notebook: ReadonlySignal<NotebookName | null>,
    private readonly tracker: INotebookTracker,
    private readonly contents: Contents.IManager,
    private readonly trans: Trans
  ) {}

  cells(number: string): ContextChip[] {
    const panel = this.tracker.currentWidget;
    if (!panel) {
      return [];
    }
    const { widgets, activeCellIndex } = panel.content;
    const first = Math.max(0, activeCellIndex - MOST_OFFERED / 2);
    const fitting = number
      ? widgets.filter((_, i) => String(i + 1).startsWith(number))
      : widgets.slice(first);
    return fitting
      .slice(0, MOST_OFFERED)
      .flatMap(cell => this.chipOf(panel, cell) ?? []);
  }

  /** The selected text of the active cell, else the selected cells. */
  selected(panel: NotebookPanel): ContextChip[] {
    const { content } = panel;
    const cell = content.activeCell;
    const text = cell && selectionOf(cell);
    if (cell && text) {
      const chip = this.chipOf(panel, cell);
      const label = this.trans.__('%1, a part', chip?.label ?? '');
      return chip
        ? [
            {
              kind: 'selection',
              path: chip.path,
              cell_id: cell.model.id,
              text,
              label
            }
          ]
        : [];
    }
    return content.widgets
      .filter(one => content.isSelectedOrActive(one))
      .flatMap(one => this.chipOf(panel, one) ?? []);
  }

  /** A cell as it is now, and what it has put out. */
  chipOf(panel: NotebookPanel, cell: Cell): ContextChip | null {
    const path = serverPath(panel, this.contents);
    if (path === null) {
      return null;
    }
    const { model } = cell;
    const number = panel.content.widgets.indexOf(cell) + 1;
    const name = path.split('/').at(-1)!;
    const output =
      model.type === 'code'
        ? outputText(rawOutputs(model as ICodeCellModel), MOST_OUTPUT)
        : '';
    return {
      kind: 'cell',
      path,
      cell_id: model.id,
      cell_type: model.type,
      source: model.sharedModel.getSource(),
      ...(output && { output }),
      label: this.trans.__('%1 · cell %2', name, number)
    };
  }

  /** The cells that are dropped, of the notebook that they come from. */
  dropped({ mimeData, source }: Drag.Event): ContextChip[] {
    const panel = this.tracker.find(({ content }) => content === source);
    const cells = mimeData.getData('internal:cells') as Cell[];
    return panel ? cells.flatMap(cell => this.chipOf(panel, cell) ?? []) : [];
  }
}

function selectionOf({ editor }: Cell): string {
  if (!editor) {
    return '';
  }
  const { start, end } = editor.getSelection();
  const [from, to] = [start, end]
    .map(position => editor.getOffsetAt(position))
    .sort((a, b) => a - b);
  return editor.model.sharedModel.getSource().slice(from, to).trim();
}
