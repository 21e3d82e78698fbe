/**
 * A cursor, `{epoch}.{seq}`, is a place in all that the server ever tells. The
 * numbers start anew with each run of it, under an epoch that sorts, as text,
 * after those before. So what comes late, of a run that is over, is seen to be
 * old, also by a page that was not there then.
 */
function split(cursor: string): { epoch: string; seq: number } {
  const dot = cursor.lastIndexOf('.');
  return { epoch: cursor.slice(0, dot), seq: Number(cursor.slice(dot + 1)) };
}

/** Whether `cursor` is news to someone who has seen all up to `seen`. */
export function isNewer(cursor: string, seen: string | null): boolean {
  if (seen === null) {
    return true;
  }
  const [a, b] = [split(cursor), split(seen)];
  return a.epoch === b.epoch ? a.seq > b.seq : a.epoch > b.epoch;
}

/** Where to read on from so that nothing after either place is missed. */
export function earlier(a: string, b: string): string {
  return isNewer(a, b) ? b : a;
}
