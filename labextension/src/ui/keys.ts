import type { Preferences } from '../client/page';

/** The key code browsers report while an input method composes. */
const COMPOSING = 229;

/** Whether this key press sends, and does not break a line or compose. */
export function sends(
  event: KeyboardEvent,
  { sendWith }: Pick<Preferences, 'sendWith'>
): boolean {
  const isWanted = sendWith === 'Enter' || event.ctrlKey || event.metaKey;
  return (
    event.key === 'Enter' &&
    isWanted &&
    !event.shiftKey &&
    !event.isComposing &&
    event.keyCode !== COMPOSING
  );
}
