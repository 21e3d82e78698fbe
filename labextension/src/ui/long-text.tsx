import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useTrans } from './host';
import { piecesOf } from './pieces';

/** Characters of a plain text that are shown unasked. */
const MOST = 8_000;

/** A plain text as it is; of a long one the begin, and the rest when asked. */
export function LongText({ text }: { text: string }): JSX.Element {
  const trans = useTrans();
  const all = useSignal(false);
  if (text.length <= MOST) {
    return <>{text}</>;
  }
  if (all.value) {
    return (
      <>
        {piecesOf(text).map((piece, i) => (
          <span key={i} class="hj-piece">
            {piece}
          </span>
        ))}
      </>
    );
  }
  return (
    <>
      {piecesOf(text.slice(0, MOST))[0]}…{' '}
      <button
        type="button"
        class="hj-button"
        onClick={() => {
          all.value = true;
        }}
      >
        {trans.__('Show all %1 characters', text.length.toLocaleString())}
      </button>
    </>
  );
}
