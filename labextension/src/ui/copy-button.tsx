import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { copyText } from './clipboard';
import { useTrans } from './host';

/** How long the button says what came of it, in milliseconds. */
const SAID_MS = 2000;

/** Copies what `text` answers when it is pressed. */
export function CopyButton(props: {
  text: () => string;
  /** What is copied, where there is more than one such button. */
  label?: string;
}): JSX.Element {
  const trans = useTrans();
  const said = useSignal('');
  useEffect(() => {
    const timer = setTimeout(() => {
      said.value = '';
    }, SAID_MS);
    return () => clearTimeout(timer);
  }, [said.value]);
  const copy = (): void => {
    copyText(props.text()).then(
      () => {
        said.value = trans.__('Copied');
      },
      () => {
        said.value = trans.__('Select and copy it by hand');
      }
    );
  };
  return (
    <button
      type="button"
      class="hj-button"
      aria-label={said.value || props.label}
      title={props.label}
      onClick={copy}
    >
      {said.value || trans.__('Copy')}
    </button>
  );
}
