import type { MessageModel } from './message';

/** Messages from which on a stretch ends where it may, and where it must. */
const SOME = 8;
const MOST = 24;

/** Messages that follow each other, and are shown or put off together. */
export type Stretch = readonly MessageModel[];

/**
 * Cuts a transcript into stretches, those that are there already as they are:
 * what comes at an end makes the last one longer or begins another, what comes
 * before or between leaves the others alone. Tool calls stand together.
 */
export function stretchesOf(
  messages: readonly MessageModel[],
  known: readonly Stretch[]
): readonly Stretch[] {
  const firsts = new Map(known.map(stretch => [stretch[0], stretch]));
  const stretches: MessageModel[][] = [];
  let open: MessageModel[] = [];
  for (const message of messages) {
    const isFull =
      open.length >= (message.role === 'tool' ? MOST : SOME) ||
      firsts.has(message);
    if (isFull || stretches.length === 0) {
      open = [];
      stretches.push(open);
    }
    open.push(message);
  }
  return stretches.map(stretch => {
    const before = firsts.get(stretch[0]);
    return before && isSame(before, stretch) ? before : stretch;
  });
}

function isSame(one: Stretch, other: Stretch): boolean {
  return (
    one.length === other.length && one.every((entry, i) => entry === other[i])
  );
}
