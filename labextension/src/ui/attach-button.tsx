import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { useTrans } from './host';
import { ClipIcon } from './icons';

/** Has the person choose files. */
export function AttachButton(props: {
  onFiles: (files: File[]) => void;
}): JSX.Element {
  const trans = useTrans();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={event => {
          const { files } = event.currentTarget;
          props.onFiles([...(files ?? [])]);
          // The same one can be chosen again.
          event.currentTarget.value = '';
        }}
      />
      <button
        type="button"
        class="hj-icon-button"
        aria-label={trans.__('Attach files')}
        title={trans.__('Attach files')}
        onClick={() => input.current!.click()}
      >
        <ClipIcon />
      </button>
    </>
  );
}
