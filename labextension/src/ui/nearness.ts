import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** How far beyond the view is near: its own height, above and below. */
const MARGIN = '100% 0px';

/**
 * Tells nodes when they come near to the view of a box that is scrolled; one
 * in a frame, so that a long way through them stays smooth.
 */
export class Nearness {
  private readonly watched = new Map<Element, () => void>();
  private readonly near = new Set<Element>();
  private observer: IntersectionObserver | null = null;
  private frame = 0;

  constructor(private readonly box: RefObject<HTMLElement>) {}

  /** Calls `tell` once, unless it is ended before. */
  watch(node: Element, tell: () => void): () => void {
    this.observer ??= new IntersectionObserver(entries => this.note(entries), {
      root: this.box.current,
      rootMargin: MARGIN
    });
    this.watched.set(node, tell);
    this.observer.observe(node);
    return () => this.forget(node);
  }

  close(): void {
    this.observer?.disconnect();
    cancelAnimationFrame(this.frame);
  }

  private note(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && this.watched.has(target)) {
        this.near.add(target);
      } else {
        this.near.delete(target);
      }
    }
    this.next();
  }

  private next(): void {
    if (this.frame !== 0 || this.near.size === 0) {
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      // What came last is where the person is now.
      const node = [...this.near].at(-1);
      if (node) {
        const tell = this.watched.get(node);
        this.forget(node);
        tell?.();
      }
      this.next();
    });
  }

  private forget(node: Element): void {
    this.observer?.unobserve(node);
    this.watched.delete(node);
    this.near.delete(node);
  }
}

export function useNearness(box: RefObject<HTMLElement>): Nearness {
  const [nearness] = useState(() => new Nearness(box));
  useEffect(() => () => nearness.close(), []);
  return nearness;
}
