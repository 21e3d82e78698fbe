import type { INotebookModel } from '@jupyterlab/notebook';
import type { CellEdited, Edit, Refusal } from '../client/notebooks';

type SharedNotebook = INotebookModel['sharedModel'];
type SharedCell = SharedNotebook['cells'][number];

/** Those of JupyterLab's models have one; the interface does not tell. */
interface WithUndo {
  undoManager?: { stopCapturing(): void };
}

/** What of an edit cannot be done, as the server is told. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

/**
 * Makes all edits in a notebook, as one step to undo, or none of them.
 * Answers the cells that were changed or inserted; throws a `Refused`.
 */
export function editCells(
  notebook: SharedNotebook,
  edits: readonly Edit[]
): CellEdited[] {
  refuseIfNot(notebook, edits);
  const touched = new Set<string>();
  asOneStep(notebook, () => {
    // The notebook's own list of cells follows when the transaction is over.
    const cells = [...notebook.cells];
    const placeOf = (id: string): number =>
      cells.findIndex(cell => cell.getId() === id);
    const before = (id: string | null): number =>
      id === null ? cells.length : placeOf(id);
    const put = (at: number, cell: Parameters<typeof notebook.insertCell>[1]) =>
      cells.splice(at, 0, notebook.insertCell(at, cell) as SharedCell);
    const take = (id: string): SharedCell => {
      const at = placeOf(id);
      notebook.deleteCell(at);
      return cells.splice(at, 1)[0]!;
    };

    for (const edit of edits) {
      switch (edit.op) {
        case 'insert': {
          const { id, cell_type, source } = edit.cell;
          // As JupyterLab trusts what a person types.
          const metadata = cell_type === 'code' ? { trusted: true } : {};
          put(before(edit.before_id), { id, cell_type, source, metadata });
          touched.add(id);
          break;
        }
        case 'replace':
          replaceSource(cells[placeOf(edit.cell_id)]!, edit.source);
          touched.add(edit.cell_id);
          break;
        case 'delete':
          take(edit.cell_id);
          touched.delete(edit.cell_id);
          break;
        case 'move': {
          const copy = cells[placeOf(edit.cell_id)]!.toJSON();
          take(edit.cell_id);
          put(before(edit.before_id), copy);
          touched.add(edit.cell_id);
          break;
        }
      }
    }
  });
  return editedOf(notebook, id => touched.has(id));
}

/** Runs `change` as a step of its own in the notebook's history. */
export function asOneStep(notebook: SharedNotebook, change: () => void): void {
  const { undoManager } = notebook as WithUndo;
  undoManager?.stopCapturing();
  notebook.transact(change);
  undoManager?.stopCapturing();
}

/** Looks at all edits, in their order, before the first is made. */
function refuseIfNot(notebook: SharedNotebook, edits: readonly Edit[]): void {
  const sources = new Map<string, string>();
  for (const cell of notebook.cells) {
    sources.set(cell.getId(), cell.getSource());
  }
  const isLocked = (id: string, key: 'editable' | 'deletable'): boolean =>
    notebook.cells.find(cell => cell.getId() === id)?.getMetadata()[key] ===
    false;
  const differing = new Set<string>();
  const need = (id: string): void => {
    if (!sources.has(id)) {
      throw new Refused({
        code: 'no_such_cell',
        message: `There is no cell ${id}.`
      });
    }
  };

  for (const edit of edits) {
    if (edit.op === 'insert') {
      if (sources.has(edit.cell.id)) {
        throw new Refused({
          code: 'cell_exists',
          message: `There is a cell ${edit.cell.id} already.`
        });
      }
      sources.set(edit.cell.id, edit.cell.source);
    } else {
      need(edit.cell_id);
      if (sources.get(edit.cell_id) !== edit.expected) {
        differing.add(edit.cell_id);
      }
      if (edit.op === 'replace') {
        sources.set(edit.cell_id, edit.source);
      }
      if (
        (edit.op === 'replace' && isLocked(edit.cell_id, 'editable')) ||
        (edit.op === 'delete' && isLocked(edit.cell_id, 'deletable'))
      ) {
        throw new Refused({
          code: 'read_only',
          message: `The cell ${edit.cell_id} is protected by its metadata.`
        });
      }
    }
    if ('before_id' in edit && edit.before_id !== null) {
      need(edit.before_id);
    }
    if (edit.op === 'delete') {
      sources.delete(edit.cell_id);
    }
    if (edit.op === 'move' && edit.before_id === edit.cell_id) {
      throw new Refused({
        code: 'no_such_cell',
        message: 'A cell cannot be moved before itself.'
      });
    }
  }
  if (differing.size > 0) {
    throw new Refused({
      code: 'changed',
      message: 'The notebook has changed since it was read.',
      cells: editedOf(notebook, id => differing.has(id))
    });
  }
}

/** Changes only what differs, so that a person's caret stays where it is. */
function replaceSource(cell: SharedCell, source: string): void {
  const was = cell.getSource();
  const most = Math.min(was.length, source.length);
  let begin = 0;
  while (begin < most && was[begin] === source[begin]) {
    begin += 1;
  }
  let end = 0;
  while (end < most - begin && was.at(-1 - end) === source.at(-1 - end)) {
    end += 1;
  }
  // Never between the halves of a character that takes two places.
  if (isSecondHalf(was, begin) || isSecondHalf(source, begin)) {
    begin -= 1;
  }
  if (
    isSecondHalf(was, was.length - end) ||
    isSecondHalf(source, source.length - end)
  ) {
    end -= 1;
  }
  cell.updateSource(
    begin,
    was.length - end,
    source.slice(begin, source.length - end)
  );
}

function isSecondHalf(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code < 0xe000;
}

function editedOf(
  notebook: SharedNotebook,
  isWanted: (id: string) => boolean
): CellEdited[] {
  return notebook.cells
    .map((cell, index) => ({
      id: cell.getId(),
      index,
      cell_type: cell.cell_type,
      source: cell.getSource()
    }))
    .filter(({ id }) => isWanted(id));
}
