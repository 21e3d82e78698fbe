import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';

/** How long it stays, for whoever reads it out; in milliseconds. */
const HEARD_MS = 3000;

/** Tells a text to those who hear the page, wherever they are in it. */
export function Heard(props: {
  text: Signal<string>;
  live: 'polite' | 'assertive';
}): JSX.Element {
  const { text, live } = props;
  useEffect(() => {
    // It can be seen elsewhere, and is to be found there alone.
    const end = setTimeout(() => {
      text.value = '';
    }, HEARD_MS);
    return () => clearTimeout(end);
  }, [text.value]);
  return (
    <div class="hj-heard" aria-live={live}>
      {text}
    </div>
  );
}
