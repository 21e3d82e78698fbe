import type { JSX } from 'preact';
import type { InsertPlace } from './host';
import { CopyButton } from './copy-button';
import { useHost } from './host';
import { IconButton } from './icon-button';
import { AboveIcon, BelowIcon, ReplaceIcon } from './icons';

/** What can be done with a block of code: copied, or put into the notebook. */
export function CodeActions({ text }: { text: () => string }): JSX.Element {
  const { trans, notebook } = useHost();
  const name = notebook?.name.value ?? null;
  const insert = (
    place: InsertPlace,
    icon: JSX.Element,
    label: string,
    title: string
  ) => (
    <IconButton
      label={label}
      disabled={name === null}
      title={name === null ? trans.__('No notebook is open') : title}
      onClick={() => notebook?.insert(text(), place)}
    >
      {icon}
    </IconButton>
  );
  return (
    <>
      <CopyButton label={trans.__('Copy the code')} text={text} />
      {notebook && (
        <>
          {insert(
            'above',
            <AboveIcon />,
            trans.__('Above'),
            trans.__('Insert above the active cell of %1', name)
          )}
          {insert(
            'below',
            <BelowIcon />,
            trans.__('Below'),
            trans.__('Insert below the active cell of %1', name)
          )}
          {insert(
            'selection',
            <ReplaceIcon />,
            trans.__('Replace'),
            trans.__('Replace the selection in the active cell of %1', name)
          )}
        </>
      )}
    </>
  );
}
