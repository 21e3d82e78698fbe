import type { Summary } from '../client/api';
import type { Family } from './families';
import type { Subagents } from './sessions';

/** One line of the list, at its level of nesting; the first level is 1. */
export type Item =
  | { kind: 'conversation'; key: string; level: number; row: Summary }
  | {
      kind: 'subagents';
      key: string;
      level: number;
      of: Summary;
      /** Null while they are folded. */
      subagents: Subagents | null;
    };

/** The lines of the list: branches and subagents under what they are of. */
export function itemsOf(
  families: readonly Family[],
  unfolded: ReadonlyMap<string, Subagents>
): Item[] {
  const lines = (row: Summary, level: number): Item[] => {
    const { id: key } = row;
    const line: Item = { kind: 'conversation', key, level, row };
    if (!row.subagent_count) {
      return [line];
    }
    const subagents = unfolded.get(key) ?? null;
    const below = subagents?.rows ?? [];
    return [
      line,
      {
        kind: 'subagents',
        key: `${key}/subagents`,
        level: level + 1,
        of: row,
        subagents
      },
      ...below.flatMap(subagent => lines(subagent, level + 2))
    ];
  };
  return families.flatMap(({ origin, branches }) => [
    ...lines(origin, 1),
    ...branches.flatMap(branch => lines(branch, 2))
  ]);
}
