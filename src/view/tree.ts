import type { Pace } from './pace.ts';
import type { AttemptView } from './records.ts';

export interface SelectedTask {
  readonly attempt: AttemptView;
  /** How many of the tasks above it are in the selection; 0 without an order as a tree. */
  readonly depth: number;
}

/** Tasks of one function that one task called, as one row. */
export interface SelectedFold {
  readonly key: string;
  readonly depth: number;
  /** By their start. */
  readonly members: readonly AttemptView[];
  /** Tasks below the members. */
  readonly below: number;
  /** The members follow, one deeper. */
  readonly isUnfolded: boolean;
}

export type TreeRow = SelectedTask | SelectedFold;

/** Fewer siblings than these stand for themselves: a row that hides two says less than the two. */
export const FOLD_FROM = 3;

export interface Folding {
  /** Keys of the folds whose members are wanted. */
  readonly unfolded: ReadonlySet<string>;
}

/** Which fold a task is in, if there are enough of its kind. Stays the same for as long as its job is remembered. */
export function foldKeyOf({ parentTaskId, function: own }: AttemptView, hasCallerInSight: boolean): string {
  return `${hasCallerInSight ? parentTaskId : ''}.${own.number}`;
}

/**
 * Each task under the one that called it, siblings in the order of `found`, which is that of their start. Those of a caller that is not in `found` stand at
 * the top, and so does what a damaged stream names as its own ancestor. With `folding`, siblings of one function are one row.
 */
export async function asTree(found: readonly AttemptView[], pace: Pace, folding?: Folding): Promise<readonly TreeRow[]> {
  const ids = new Set<string>();
  for (const { taskId } of found) {
    if (pace.isDue()) await pace.rest();
    ids.add(taskId);
  }
  const top: AttemptView[] = [];
  const below = new Map<string, AttemptView[]>();
  for (const attempt of found) {
    if (pace.isDue()) await pace.rest();
    const { parentTaskId } = attempt;
    const siblings = parentTaskId === undefined ? undefined : below.get(parentTaskId);
    if (parentTaskId === undefined || !ids.has(parentTaskId)) top.push(attempt);
    else if (siblings === undefined) below.set(parentTaskId, [attempt]);
    else siblings.push(attempt);
  }

  const placed = new Set<AttemptView>();
  const rows: TreeRow[] = [];

  async function place(roots: readonly TreeRow[]): Promise<void> {
    const waiting = roots.toReversed();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (pace.isDue()) await pace.rest();
      const deeper = next.depth + 1;
      if ('members' in next) {
        if (next.isUnfolded) {
          rows.push(next);
          for (const attempt of next.members.toReversed()) waiting.push({ attempt, depth: deeper });
        } else rows.push({ ...next, below: await hide(next.members) });
        continue;
      }
      const { attempt } = next;
      if (placed.has(attempt)) continue;
      placed.add(attempt);
      rows.push(next);
      for (const row of foldSiblings(below.get(attempt.taskId) ?? [], deeper, folding).toReversed()) waiting.push(row);
    }
  }

  /** Marks members and all below them as placed; the number of those below. */
  async function hide(members: readonly AttemptView[]): Promise<number> {
    let hidden = 0;
    const waiting = [...members];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (pace.isDue()) await pace.rest();
      if (placed.has(next)) continue;
      placed.add(next);
      hidden += 1;
      for (const child of below.get(next.taskId) ?? []) waiting.push(child);
    }
    return Math.max(0, hidden - members.length);
  }

  await place(foldSiblings(top, 0, folding));
  if (placed.size < found.length) for (const attempt of found) if (!placed.has(attempt)) await place([{ attempt, depth: 0 }]);
  return rows;
}

function foldSiblings(siblings: readonly AttemptView[], depth: number, folding: Folding | undefined): readonly TreeRow[] {
  if (folding === undefined || siblings.length < FOLD_FROM) return siblings.map((attempt) => ({ attempt, depth }));
  const groups = new Map<string, AttemptView[]>();
  for (const attempt of siblings) {
    const key = foldKeyOf(attempt, depth > 0);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [attempt]);
    else group.push(attempt);
  }
  const rows: TreeRow[] = [];
  for (const [key, members] of groups) {
    if (members.length >= FOLD_FROM) rows.push({ key, depth, members, below: 0, isUnfolded: folding.unfolded.has(key) });
    else for (const attempt of members) rows.push({ attempt, depth });
  }
  return rows;
}
