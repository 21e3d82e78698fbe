/**
 * A cursor, `{epoch}.{seq}`, is a place in the server's one sequence of
 * events. The sequence starts anew, under another epoch, with the server.
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
  return a.epoch !== b.epoch || a.seq > b.seq;
}

/**
 * Where to read on from so that nothing after `seen` or `snapshot` is missed.
 * Across epochs that is `seen`: the server answers it with fresh snapshots.
 */
export function earlier(seen: string | null, snapshot: string): string {
  if (seen === null) {
    return snapshot;
  }
  const [a, b] = [split(seen), split(snapshot)];
  return a.epoch === b.epoch && b.seq < a.seq ? snapshot : seen;
}

/**
 * Where a stream must begin for two readers. Null, the beginning with fresh
 * snapshots, serves everybody: also those whose cursors do not compare.
 */
export function common(a: string | null, b: string | null): string | null {
  if (a === null || b === null) {
    return null;
  }
  return split(a).epoch === split(b).epoch ? earlier(a, b) : null;
}
