import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { Cell, CodeCell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Trans } from '../client/page';
import { isError } from '../model/outputs';
import type { CellContext } from './cell-context';
import { hermesIcon } from './icon';
import { rawOutputs } from './notebook-requests';
import type { Panels } from './panels';

export const CellCommandIDs = {
  ask: 'hermes:ask-cell',
  explain: 'hermes:explain-cell',
  fix: 'hermes:fix-cell'
};

export interface CellCommandOptions {
  tracker: INotebookTracker;
  context: CellContext;
  panels: Panels;
  trans: Trans;
}

/** The commands that speak of a cell: that which is named, else the active one. */
export function addCellCommands(
  app: JupyterFrontEnd,
  { tracker, context, panels, trans }: CellCommandOptions
): void {
  const { commands } = app;
  const find = (
    args: ReadonlyPartialJSONObject
  ): { panel: NotebookPanel; cell: Cell } | null => {
    const id = args.cell_id;
    const panel = id
      ? tracker.find(({ content }) =>
          content.widgets.some(({ model }) => model.id === id)
        )
      : tracker.currentWidget;
    const cell = id
      ? panel?.content.widgets.find(({ model }) => model.id === id)
      : panel?.content.activeCell;
    return panel && cell ? { panel, cell } : null;
  };
  const describedBy = {
    args: {
      type: 'object' as const,
      properties: {
        cell_id: {
          type: 'string' as const,
          description: 'The cell; the active one if it is not given'
        }
      }
    }
  };
  const add = (
    id: string,
    options: {
      label: string;
      caption: string;
      needsError?: boolean;
      act: (panel: NotebookPanel, cell: Cell) => void | Promise<void>;
    }
  ): void => {
    const { label, caption, needsError = false, act } = options;
    const isPossible = (args: ReadonlyPartialJSONObject): boolean => {
      const found = find(args);
      return found !== null && (!needsError || hasError(found.cell));
    };
    commands.addCommand(id, {
      label,
      caption,
      icon: hermesIcon,
      describedBy,
      isEnabled: isPossible,
      isVisible: isPossible,
      execute: args => {
        const found = find(args);
        return found && act(found.panel, found.cell);
      }
    });
  };
  /** Asks at once; the focus stays in the notebook. */
  const askOf = async (
    panel: NotebookPanel,
    cell: Cell,
    text: string
  ): Promise<void> => {
    const chip = context.chipOf(panel, cell);
    const chat = panels.chatToAsk();
    panels.reveal();
    await chat.ask(text, chip ? [chip] : []);
  };

  add(CellCommandIDs.ask, {
    label: trans.__('Ask Hermes About Cell'),
    caption: trans.__('Ask Hermes about the cell, or about what is selected'),
    act: (panel, cell) => {
      const isActive = cell === panel.content.activeCell;
      const chips = isActive
        ? context.selected(panel)
        : [context.chipOf(panel, cell) ?? []].flat();
      panels.chatToAsk().context?.add(chips);
      panels.show();
    }
  });
  add(CellCommandIDs.explain, {
    label: trans.__('Explain Cell with Hermes'),
    caption: trans.__('Have Hermes explain the cell and what it has put out'),
    act: (panel, cell) =>
      askOf(
        panel,
        cell,
        hasError(cell)
          ? trans.__('Explain the error of this cell.')
          : trans.__('Explain this cell.')
      )
  });
  add(CellCommandIDs.fix, {
    label: trans.__('Fix Cell with Hermes'),
    caption: trans.__('Have Hermes fix the error of the cell'),
    needsError: true,
    act: (panel, cell) =>
      askOf(panel, cell, trans.__('Fix the error of this cell.'))
  });
}

export function addCellCommandsToPalette(
  palette: ICommandPalette,
  trans: Trans
): void {
  for (const command of Object.values(CellCommandIDs)) {
    palette.addItem({ command, category: trans.__('Hermes') });
  }
}

export function hasError(cell: Cell): boolean {
  return (
    cell.model.type === 'code' &&
    rawOutputs((cell as CodeCell).model).some(isError)
  );
}
