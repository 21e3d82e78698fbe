import type { JSX } from 'preact';
import { useHost } from './host';
import { IconButton } from './icon-button';
import { CellsIcon } from './icons';

/** Puts a whole answer into the notebook, its text and its code as cells. */
export function InsertCells({
  text
}: {
  text: () => string;
}): JSX.Element | null {
  const { trans, notebook } = useHost();
  const name = notebook?.name.value ?? null;
  return (
    <IconButton
      label={trans.__('Insert as cells')}
      title={
        name === null
          ? trans.__('No notebook is open')
          : trans.__('Insert as cells below the active cell of %1', name)
      }
      disabled={name === null}
      onClick={() => notebook?.insertAnswer(text())}
    >
      <CellsIcon />
    </IconButton>
  );
}
