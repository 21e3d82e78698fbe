import { useSignal, type ReadonlySignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** As near to the beginning, what is earlier is asked for; in pixels. */
const NEAR = 300;
const NEAR_END = 24;

/** For so long after an input, scrolling is the person's; in milliseconds. */
const THEIRS = 500;

/** What a person scrolls with. */
const INPUTS = ['wheel', 'touchmove', 'pointerdown', 'pointermove', 'keydown'];

export interface Scrolling {
  readonly atEnd: ReadonlySignal<boolean>;
  toEnd(): void;
  /** Puts what the person looks at back to where it was. */
  hold(): void;
  /** Goes to an entry of the log, and gives it the focus. */
  toEntry(key: string): void;
}

/**
 * Stays at the end while the person is there, and else with the entry that
 * stands at the top of the view, whatever is put above it or grows there.
 */
export function useScrolling(
  box: RefObject<HTMLElement>,
  log: RefObject<HTMLElement>,
  onNearBeginning: () => void
): Scrolling {
  const atEnd = useSignal(true);
  const anchor = useRef<{ entry: Element; top: number } | null>(null);
  const last = useRef(0);
  const height = useRef(0);
  const onNear = useRef(onNearBeginning);
  onNear.current = onNearBeginning;

  const topOf = (entry: Element): number =>
    entry.getBoundingClientRect().top -
    box.current!.getBoundingClientRect().top;
  const scroll = (top: number): void => {
    box.current!.scrollTop = top;
    // Not a movement of the person's.
    last.current = box.current!.scrollTop;
    height.current = box.current!.scrollHeight;
  };
  const drop = (entry: Element): void => {
    anchor.current = { entry, top: topOf(entry) };
  };

  const toEnd = (): void => {
    atEnd.value = true;
    scroll(box.current!.scrollHeight);
  };
  const hold = (): void => {
    if (atEnd.peek()) {
      toEnd();
      return;
    }
    const held = anchor.current;
    if (held?.entry.isConnected) {
      const moved = topOf(held.entry) - held.top;
      if (moved !== 0) {
        scroll(box.current!.scrollTop + moved);
      }
    }
  };
  const toEntry = (key: string): void => {
    const entries = log.current!.querySelectorAll<HTMLElement>('.hj-entry');
    const entry = [...entries].find(({ dataset }) => dataset.key === key);
    if (entry) {
      atEnd.value = false;
      const { clientHeight } = box.current!;
      scroll(box.current!.scrollTop + topOf(entry) - clientHeight / 4);
      drop(entry);
      entry.focus({ preventScroll: true });
    }
  };

  useEffect(() => {
    const node = box.current!;
    let touched = -THEIRS;
    const onInput = ({ timeStamp }: Event): void => {
      touched = timeStamp;
    };
    const onScroll = ({ timeStamp }: Event): void => {
      const below = node.scrollHeight - node.scrollTop - node.clientHeight;
      const isBack = node.scrollTop < last.current;
      const isMoved = node.scrollTop !== last.current;
      // What became shorter moves the view too, which nobody has done.
      const isTheirs =
        timeStamp - touched < THEIRS || node.scrollHeight === height.current;
      last.current = node.scrollTop;
      height.current = node.scrollHeight;
      // The text may have grown since: only going back means leaving the end.
      if (below < NEAR_END) {
        atEnd.value = true;
      } else if (isBack && isTheirs) {
        atEnd.value = false;
      } else if (isBack) {
        hold();
      }
      const part = isMoved ? firstInView(log.current!, topOf) : null;
      if (part) {
        const isOfEntries = part.firstElementChild?.matches('.hj-entry');
        drop((isOfEntries && firstInView(part, topOf)) || part);
      }
      if (isBack && node.scrollTop < NEAR) {
        onNear.current();
      }
    };
    const resized = new ResizeObserver(hold);
    resized.observe(node);
    // With all that stands around the log: when a line below it goes, the
    // browser moves the end, which nobody has left.
    resized.observe(node.firstElementChild!);
    node.addEventListener('scroll', onScroll, { passive: true });
    INPUTS.forEach(name =>
      node.addEventListener(name, onInput, { passive: true })
    );
    return () => {
      resized.disconnect();
      node.removeEventListener('scroll', onScroll);
      INPUTS.forEach(name => node.removeEventListener(name, onInput));
    };
  }, []);
  return { atEnd, toEnd, hold, toEntry };
}

/** The first part of a whole that reaches into the view; they stand in order. */
function firstInView(
  whole: Element,
  topOf: (entry: Element) => number
): Element | null {
  const entries = whole.children;
  let low = 0;
  let high = entries.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle]!;
    if (topOf(entry) + entry.clientHeight > 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return entries[low] ?? null;
}
