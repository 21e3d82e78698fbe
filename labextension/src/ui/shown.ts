import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** Tells whether a person can see the node: on a page and in a place in view. */
export function useShown(
  node: RefObject<Element>,
  tell: (isShown: boolean) => void
): void {
  useEffect(() => {
    let isInView = false;
    const say = (): void =>
      tell(isInView && document.visibilityState === 'visible');
    const observer = new IntersectionObserver(entries => {
      isInView = entries.at(-1)!.isIntersecting;
      say();
    });
    observer.observe(node.current!);
    document.addEventListener('visibilitychange', say);
    return () => {
      observer.disconnect();
      document.removeEventListener('visibilitychange', say);
      tell(false);
    };
  }, []);
}
