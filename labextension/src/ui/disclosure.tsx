import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { useDismissal } from './dismissal';

/** A button of the composer, and what it opens above it. */
export function Disclosure(props: {
  /** The classes of both are made of it. */
  class: string;
  label: string;
  /** What is shown when it is hovered; else the label. */
  title?: string;
  face?: ComponentChildren;
  /** Stands before the button, for itself. */
  beside?: ComponentChildren;
  /** The name of what opens. */
  name: string;
  /** `close` gives the focus back to the button. */
  children: (close: () => void) => ComponentChildren;
}): JSX.Element {
  const { label } = props;
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const isOpen = useSignal(false);
  useDismissal(box, isOpen);
  return (
    <div class={`${props.class}-box`} ref={box}>
      {props.beside}
      <button
        type="button"
        class={`${props.class}-button`}
        aria-label={label}
        aria-expanded={isOpen.value}
        title={props.title ?? label}
        ref={button}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        {props.face}
      </button>
      {isOpen.value && (
        <div class="hj-popover" role="group" aria-label={props.name}>
          {props.children(() => {
            isOpen.value = false;
            button.current?.focus();
          })}
        </div>
      )}
    </div>
  );
}
