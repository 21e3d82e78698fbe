import type { Cell, CodeCell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { CommandRegistry } from '@lumino/commands';
import { Widget, type PanelLayout } from '@lumino/widgets';
import type { Trans } from '../client/page';
import { CellCommandIDs, hasError } from './cell-commands';

/** Offers help below the output of each cell that has failed. */
export function addErrorBars(
  tracker: INotebookTracker,
  commands: CommandRegistry,
  trans: Trans
): void {
  const bars = new WeakMap<Cell, Widget | null>();

  const watch = (cell: Cell): void => {
    if (cell.model.type !== 'code' || bars.has(cell)) {
      return;
    }
    bars.set(cell, null);
    const code = cell as CodeCell;
    const { outputs } = code.model;
    const look = (): void => {
      const last = outputs.length - 1;
      if (last < 0) {
        bars.get(code)?.dispose();
        bars.set(code, null);
      } else if (outputs.get(last).type === 'error') {
        void show(code);
      }
    };
    // Not at each piece of a text that an output goes on with.
    code.outputArea.outputLengthChanged.connect(look);
    if (hasError(code)) {
      void show(code);
    }
  };

  const show = async (cell: CodeCell): Promise<void> => {
    await cell.ready;
    if (cell.isDisposed || bars.get(cell) || !hasError(cell)) {
      return;
    }
    const bar = new ErrorBar(cell.model.id, commands, trans);
    bars.set(cell, bar);
    const layout = cell.layout as PanelLayout;
    // Below the outputs, above the cell's foot.
    layout.insertWidget(layout.widgets.length - 1, bar);
  };

  const watchAll = async (panel: NotebookPanel): Promise<void> => {
    await panel.context.ready;
    const { content } = panel;
    content.widgets.forEach(watch);
    content.model?.cells.changed.connect((_, { newIndex, newValues, type }) => {
      if (type === 'add') {
        content.widgets
          .slice(newIndex, newIndex + newValues.length)
          .forEach(watch);
      }
    });
  };
  tracker.forEach(panel => void watchAll(panel));
  tracker.widgetAdded.connect((_, panel) => void watchAll(panel));
}

class ErrorBar extends Widget {
  constructor(cellId: string, commands: CommandRegistry, trans: Trans) {
    super();
    this.addClass('hj-error-bar');
    this.node.setAttribute('role', 'group');
    this.node.setAttribute('aria-label', trans.__('Hermes'));
    const add = (label: string, command: string): void => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'hj-bar-button';
      button.textContent = label;
      button.title = commands.caption(command, { cell_id: cellId });
      button.addEventListener('click', () => {
        void commands.execute(command, { cell_id: cellId });
      });
      this.node.append(button);
    };
    add(trans.__('Explain'), CellCommandIDs.explain);
    add(trans.__('Fix'), CellCommandIDs.fix);
  }
}
