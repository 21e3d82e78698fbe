import type { Summary } from '../client/api';

/** A conversation and the branches that were made of it, newest first. */
export interface Family {
  origin: Summary;
  branches: readonly Summary[];
}

/**
 * Rows in the order of the list: families by pin, newest activity and id. A
 * branch whose origin is not among the rows is an origin itself.
 */
export function familiesOf(rows: readonly Summary[]): Family[] {
  const byId = new Map(rows.map(row => [row.id, row]));
  const branches = new Map<string, Summary[]>();
  const origins: Summary[] = [];
  for (const row of rows) {
    const origin = originOf(row, byId);
    if (origin === row) {
      origins.push(row);
    } else {
      branches.set(origin.id, [...(branches.get(origin.id) ?? []), row]);
    }
  }
  return origins
    .map(origin => ({
      origin,
      branches: (branches.get(origin.id) ?? []).sort(byActivity)
    }))
    .sort(byPlace);
}

export function byActivity(a: Summary, b: Summary): number {
  return b.last_active - a.last_active || (b.id < a.id ? -1 : 1);
}

/** Where a branch of a branch comes from in the end. */
function originOf(row: Summary, byId: ReadonlyMap<string, Summary>): Summary {
  let origin = row;
  // No longer way than that is without a loop, which only damage makes.
  for (let steps = byId.size; steps > 0; steps -= 1) {
    const isBranch = origin.relation === 'branch';
    const parent = isBranch ? byId.get(origin.parent_id ?? '') : undefined;
    if (!parent) {
      return origin;
    }
    origin = parent;
  }
  return row;
}

function byPlace(a: Family, b: Family): number {
  return (
    Number(isPinned(b)) - Number(isPinned(a)) ||
    lastActive(b) - lastActive(a) ||
    (b.origin.id < a.origin.id ? -1 : 1)
  );
}

function isPinned({ origin, branches }: Family): boolean {
  return origin.pinned || branches.some(({ pinned }) => pinned);
}

function lastActive({ origin, branches }: Family): number {
  return Math.max(origin.last_active, branches[0]?.last_active ?? 0);
}
