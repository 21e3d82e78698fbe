import { YNotebook } from '@jupyter/ydoc';
import type { INotebookModel } from '@jupyterlab/notebook';
import { describe, expect, it } from 'vitest';
import type { Edit, Refusal } from '../src/client/notebooks';
import { editCells, Refused } from '../src/lab/cell-edits';

/** JupyterLab's own model of a notebook; `wide`: one history for all cells. */
function notebookOf(sources: string[], { wide = false } = {}): YNotebook {
  const notebook = new YNotebook({ disableDocumentWideUndoRedo: !wide });
  notebook.insertCells(
    0,
    sources.map((source, i) => ({ cell_type: 'code', id: `c${i}`, source }))
  );
  notebook.clearUndoHistory();
  return notebook;
}

const edit = (notebook: YNotebook, ...edits: Edit[]) =>
  editCells(notebook as unknown as INotebookModel['sharedModel'], edits);
const cellsOf = (notebook: YNotebook): [string, string][] =>
  notebook.cells.map(cell => [cell.getId(), cell.getSource()]);
const refusalOf = (act: () => unknown): Refusal => {
  try {
    act();
  } catch (error) {
    return (error as Refused).refusal;
  }
  throw new Error('It was not refused.');
};

const ALL: Edit[] = [
  { op: 'replace', cell_id: 'c1', expected: 'b', source: 'B' },
  {
    op: 'insert',
    cell: { id: 'new', cell_type: 'code', source: 'n' },
    before_id: 'c1'
  },
  { op: 'delete', cell_id: 'c0', expected: 'a' },
  { op: 'move', cell_id: 'c1', expected: 'B', before_id: null },
  { op: 'replace', cell_id: 'new', expected: 'n', source: 'N' }
];

describe('edits of an open notebook', () => {
  it.each([false, true])('are one step to undo (wide: %s)', wide => {
    const notebook = notebookOf(['a', 'b', 'c'], { wide });
    const before = cellsOf(notebook);
    notebook.cells[2]!.setSource('C');
    const touched = edit(notebook, ...ALL);
    expect(cellsOf(notebook)).toEqual([
      ['new', 'N'],
      ['c2', 'C'],
      ['c1', 'B']
    ]);
    expect(touched).toEqual([
      { id: 'new', index: 0, cell_type: 'code', source: 'N' },
      { id: 'c1', index: 2, cell_type: 'code', source: 'B' }
    ]);
    expect(notebook.cells[0]!.getMetadata()).toEqual({ trusted: true });
    expect(notebook.undoManager.undoStack).toHaveLength(wide ? 2 : 1);
    notebook.undo();
    // What was typed just before is no part of the step.
    expect(cellsOf(notebook)).toEqual([...before.slice(0, 2), ['c2', 'C']]);
    expect(notebook.dirty).toBe(true);
  });

  it('are all refused when one cell is not what was read', () => {
    const notebook = notebookOf(['a', 'typed since', 'c']);
    const refusal = refusalOf(() =>
      edit(notebook, ...ALL.toReversed(), ...ALL)
    );
    expect(refusal.code).toBe('no_such_cell');
    expect(refusalOf(() => edit(notebook, ...ALL))).toMatchObject({
      code: 'changed',
      cells: [{ id: 'c1', index: 1, source: 'typed since' }]
    });
    expect(cellsOf(notebook).map(([, source]) => source)).toEqual([
      'a',
      'typed since',
      'c'
    ]);
    expect(notebook.undoManager.undoStack).toHaveLength(0);
  });

  it('leave a cell that its metadata protects', () => {
    const notebook = notebookOf(['a']);
    notebook.cells[0]!.setMetadata('editable', false);
    const replace: Edit = {
      op: 'replace',
      cell_id: 'c0',
      expected: 'a',
      source: 'A'
    };
    expect(refusalOf(() => edit(notebook, replace)).code).toBe('read_only');
  });

  it('change no more of a text than what differs', () => {
    const notebook = notebookOf(['x = 😀\ny = 1']);
    const changes: unknown[] = [];
    notebook.cells[0]!.ysource.observe(event => changes.push(event.delta));
    edit(notebook, {
      op: 'replace',
      cell_id: 'c0',
      expected: 'x = 😀\ny = 1',
      source: 'x = 😃\ny = 1'
    });
    expect(notebook.cells[0]!.getSource()).toBe('x = 😃\ny = 1');
    expect(changes).toEqual([[{ retain: 4 }, { insert: '😃' }, { delete: 2 }]]);
  });
});
