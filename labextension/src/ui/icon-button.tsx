import type { JSX } from 'preact';

/** A button that shows a picture alone; its name is its tooltip too. */
export function IconButton(props: {
  label: string;
  /** Says more than the name; else the name is shown. */
  title?: string;
  class?: string;
  disabled?: boolean;
  onClick: () => void;
  children: JSX.Element;
}): JSX.Element {
  return (
    <button
      type="button"
      class={props.class ? `hj-icon-button ${props.class}` : 'hj-icon-button'}
      aria-label={props.label}
      title={props.title ?? props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
