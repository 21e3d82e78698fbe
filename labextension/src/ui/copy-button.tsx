import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { copyText } from './clipboard';
import { useTrans } from './host';
import { IconButton } from './icon-button';
import { CheckIcon, CopyIcon } from './icons';

/** How long the button says what came of it, in milliseconds. */
const SAID_MS = 2000;

/** Copies what `text` answers when it is pressed. */
export function CopyButton(props: {
  text: () => string;
  /** What is copied. */
  label: string;
}): JSX.Element {
  const trans = useTrans();
  const outcome = useSignal<'copied' | 'refused' | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => {
      outcome.value = null;
    }, SAID_MS);
    return () => clearTimeout(timer);
  }, [outcome.value]);
  const copy = (): void => {
    copyText(props.text()).then(
      () => {
        outcome.value = 'copied';
      },
      () => {
        outcome.value = 'refused';
      }
    );
  };
  const isCopied = outcome.value === 'copied';
  return (
    <>
      <IconButton
        label={isCopied ? trans.__('Copied') : props.label}
        onClick={copy}
      >
        {isCopied ? <CheckIcon /> : <CopyIcon />}
      </IconButton>
      {outcome.value === 'refused' && (
        <span class="hj-quiet" role="alert">
          {trans.__('Select and copy it by hand')}
        </span>
      )}
    </>
  );
}
