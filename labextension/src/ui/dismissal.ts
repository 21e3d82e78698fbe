import type { Signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/**
 * Closes what a button inside of `box` has opened: by Escape, which brings the
 * focus back to the button, by a press elsewhere, and by going elsewhere.
 */
export function useDismissal(
  box: RefObject<HTMLElement>,
  isOpen: Signal<boolean>
): void {
  useEffect(() => {
    const node = box.current;
    if (!isOpen.value || !node) {
      return;
    }
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') {
        event.preventDefault();
        event.stopPropagation();
        isOpen.value = false;
        node.querySelector<HTMLElement>('[aria-expanded]')?.focus();
      }
    };
    const onElsewhere = (event: Event): void => {
      const to =
        event instanceof FocusEvent ? event.relatedTarget : event.target;
      if (to instanceof Node && !node.contains(to)) {
        isOpen.value = false;
      }
    };
    node.addEventListener('keydown', onKey);
    node.addEventListener('focusout', onElsewhere);
    document.addEventListener('pointerdown', onElsewhere);
    return () => {
      node.removeEventListener('keydown', onKey);
      node.removeEventListener('focusout', onElsewhere);
      document.removeEventListener('pointerdown', onElsewhere);
    };
  }, [isOpen.value]);
}
