import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** Where the person goes on when nothing around can have the focus. */
const PLACES = ['.hj-input', '.hj-search', '.hj-scroll'];

/**
 * Keeps the focus in a panel when what has it goes: the nearest around it that
 * can have the focus gets it, else the place where the person goes on. The
 * browser would leave them at the beginning of the page.
 */
export function useKeptFocus(panel: RefObject<HTMLElement>): void {
  useEffect(() => {
    const node = panel.current!;
    /** What has the focus and all that it is in, as it was then. */
    let around: HTMLElement[] = [];

    const onFocus = (event: Event): void => {
      const path = event.composedPath() as HTMLElement[];
      const end = path.indexOf(node);
      around = end < 0 ? [] : path.slice(0, end);
    };
    const onPress = (): void => {
      // Where nothing takes the focus, the person has let go of it.
      around = [];
    };
    const observer = new MutationObserver(() => {
      const [focused, ...outer] = around;
      // Whoever has it meanwhile keeps it.
      if (
        focused &&
        !focused.isConnected &&
        document.activeElement === document.body
      ) {
        const next =
          outer.find(
            element => element.isConnected && element.hasAttribute('tabindex')
          ) ?? placeIn(node);
        next?.focus({ preventScroll: true });
      }
    });
    observer.observe(node, { childList: true, subtree: true });
    document.addEventListener('focusin', onFocus);
    document.addEventListener('pointerdown', onPress);
    return () => {
      observer.disconnect();
      document.removeEventListener('focusin', onFocus);
      document.removeEventListener('pointerdown', onPress);
    };
  }, []);
}

/** Where the person goes on in a panel. */
export function placeIn(panel: HTMLElement): HTMLElement | null {
  const places = PLACES.map(place => panel.querySelector<HTMLElement>(place));
  return places.find(place => place !== null) ?? null;
}
