/** The key code browsers report while an input method composes. */
const COMPOSING = 229;

/** Whether this key press sends: Enter, unless it breaks a line or composes. */
export function sends(event: KeyboardEvent): boolean {
  return (
    event.key === 'Enter' &&
    !event.shiftKey &&
    !event.isComposing &&
    event.keyCode !== COMPOSING
  );
}
