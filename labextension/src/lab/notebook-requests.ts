import type { CodeCell, ICodeCellModel } from '@jupyterlab/cells';
import {
  runCell,
  type INotebookCellExecutor,
  type Notebook,
  type NotebookPanel
} from '@jupyterlab/notebook';
import type { CellRead, CellRun, NotebookRequest } from '../client/notebooks';
import { boundedOutputs, isError, type Output } from '../model/outputs';
import { editCells, Refused } from './cell-edits';

/** Meets what the server asks of a notebook that is open in this page. */
export async function meet(
  panel: NotebookPanel,
  request: NotebookRequest,
  executor: INotebookCellExecutor | null
): Promise<object> {
  await panel.context.ready;
  switch (request.op) {
    case 'cells':
      return read(panel, request.args);
    case 'edit': {
      const { model } = panel.content;
      if (!model || model.readOnly) {
        throw new Refused({
          code: 'read_only',
          message: 'The notebook is read-only.'
        });
      }
      const before = model.sharedModel.cells.map(cell => cell.getId());
      const cells = keepingPlace(panel.content, () =>
        editCells(model.sharedModel, request.args.edits)
      );
      const after = new Set(model.sharedModel.cells.map(cell => cell.getId()));
      // The kernel is told of them, as when a person deletes cells.
      model.deletedCells.push(...before.filter(id => !after.has(id)));
      return { cells };
    }
    case 'run':
      return { cells: await run(panel, request.args, executor ?? { runCell }) };
  }
}

function read(
  { content, sessionContext }: NotebookPanel,
  { ids, outputs }: { ids?: string[]; outputs: boolean }
): object {
  const wanted = ids && new Set(ids);
  const cells: CellRead[] = [];
  const models = content.model?.cells ?? [];
  let index = 0;
  for (const model of models) {
    const { id, type, sharedModel } = model;
    if (!wanted || wanted.has(id)) {
      const code = type === 'code' ? (model as ICodeCellModel) : null;
      cells.push({
        id,
        index,
        cell_type: type,
        source: sharedModel.getSource(),
        execution_count: code?.executionCount ?? null,
        ...(outputs
          ? { outputs: code ? outputsOf(code) : [] }
          : { output_count: code?.outputs.length ?? 0 })
      });
    }
    index += 1;
  }
  const kernel = sessionContext.session?.kernel;
  return {
    cells,
    kernel: kernel
      ? { id: kernel.id, name: kernel.name, status: kernel.status }
      : null
  };
}

/** The outputs of a code cell, as in a notebook's file. */
export function rawOutputs({ outputs }: ICodeCellModel): Output[] {
  return Array.from(
    { length: outputs.length },
    (_, i) => outputs.get(i).toJSON() as Output
  );
}

function outputsOf(model: ICodeCellModel): Output[] {
  return boundedOutputs(rawOutputs(model));
}

/**
 * Runs cells as JupyterLab runs them, so that the outputs are the notebook's;
 * up to the first that fails or is not over in time, which goes on running.
 */
async function run(
  panel: NotebookPanel,
  { cell_ids, timeout }: { cell_ids: string[]; timeout: number },
  executor: INotebookCellExecutor
): Promise<CellRun[]> {
  const { content, sessionContext } = panel;
  if (!sessionContext.session?.kernel || sessionContext.isTerminating) {
    throw new Refused({
      code: 'no_kernel',
      message: 'The notebook has no kernel that runs.'
    });
  }
  if (sessionContext.pendingInput) {
    throw new Refused({
      code: 'pending_input',
      message: 'A cell of the notebook waits for the input of the person.'
    });
  }
  const cells = cell_ids.map(id => {
    const cell = content.widgets.find(({ model }) => model.id === id);
    if (!cell) {
      const message = `There is no cell ${id}.`;
      throw new Refused({ code: 'no_such_cell', message });
    }
    return cell;
  });

  let timer: ReturnType<typeof setTimeout> | undefined;
  const isOver = new Promise<'timeout'>(resolve => {
    timer = setTimeout(resolve, timeout * 1000, 'timeout');
  });
  const runs: CellRun[] = [];
  for (const cell of cells) {
    // Only code runs; the rest is as good as it stands.
    const status =
      cell.model.type === 'code'
        ? await Promise.race([
            runOne(cell as CodeCell, panel, executor),
            isOver
          ])
        : 'ok';
    runs.push({
      id: cell.model.id,
      status,
      execution_count: executionCountOf(cell as CodeCell),
      outputs:
        cell.model.type === 'code' ? outputsOf((cell as CodeCell).model) : []
    });
    if (status !== 'ok') {
      break;
    }
  }
  clearTimeout(timer);
  return runs;
}

async function runOne(
  cell: CodeCell,
  { content, sessionContext }: NotebookPanel,
  executor: INotebookCellExecutor
): Promise<CellRun['status']> {
  try {
    const isRun = await executor.runCell({
      cell,
      notebook: content.model!,
      notebookConfig: content.notebookConfig,
      sessionContext,
      onCellExecuted: () => undefined,
      onCellExecutionScheduled: () => undefined
    });
    if (rawOutputs(cell.model).some(isError)) {
      return 'error';
    }
    return isRun ? 'ok' : 'aborted';
  } catch {
    // The kernel's answer to code that fails: its outputs tell why.
    return rawOutputs(cell.model).some(isError) ? 'error' : 'aborted';
  }
}

function executionCountOf({ model }: CodeCell): number | null {
  return model.type === 'code' ? model.executionCount : null;
}

/** Has the person be where they are: at the same cell, which stays in its place. */
function keepingPlace<T>(content: Notebook, change: () => T): T {
  const active = content.activeCell?.model.id;
  const seen = firstInSight(content);
  const result = change();
  const at = content.widgets.findIndex(({ model }) => model.id === active);
  if (at >= 0 && at !== content.activeCellIndex) {
    content.activeCellIndex = at;
  }
  if (seen && seen.node.isConnected) {
    const moved = seen.node.getBoundingClientRect().top - seen.top;
    content.outerNode.scrollTop += moved;
  }
  return result;
}

/** What a person looks at, and where on the screen it is. */
function firstInSight(
  content: Notebook
): { node: HTMLElement; top: number } | null {
  const box = content.outerNode.getBoundingClientRect();
  for (const { node, isAttached } of content.widgets) {
    const { top, bottom } = node.getBoundingClientRect();
    if (isAttached && bottom > box.top && top < box.bottom) {
      return { node, top };
    }
  }
  return null;
}
