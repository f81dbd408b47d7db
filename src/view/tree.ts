import type { Pace } from './pace.ts';
import type { AttemptView } from './records.ts';

export interface SelectedTask {
  readonly attempt: AttemptView;
  /** Number of its ancestors in the selection; 0 unless in tree order. */
  readonly depth: number;
}

/** Sibling tasks of one function, rolled up into one row. */
export interface SelectedRollup {
  readonly key: string;
  readonly depth: number;
  /** Sorted by start time. */
  readonly members: readonly AttemptView[];
  /** Number of descendants of the members, while they are hidden. */
  readonly below: number;
  /** True: the members follow as rows, one level deeper. */
  readonly isExpanded: boolean;
}

export type TreeRow = SelectedTask | SelectedRollup;

/**
 * Smallest number of siblings that form a rollup: hiding two tasks behind one row loses more than
 * it saves.
 */
export const MIN_ROLLUP_TASKS = 3;

export interface TreeOptions {
  /** Keys of the rollups to expand. */
  readonly expanded: ReadonlySet<string>;
}

/**
 * Key of the rollup that a task belongs to, if enough siblings exist. It stays the same while the
 * job is remembered.
 */
export function rollupKeyOf({ parentTaskId, function: own }: AttemptView, hasCallerInSight: boolean): string {
  return `${hasCallerInSight ? parentTaskId : ''}.${own.number}`;
}

/**
 * Arranges tasks below their callers. Siblings keep the order of `found`, which is by start time.
 * Tasks whose caller is not in `found` are at the top level, and so are tasks that a damaged stream
 * makes their own ancestors. With `options`, siblings of one function are rolled up.
 */
export async function asTree(found: readonly AttemptView[], pace: Pace, options?: TreeOptions): Promise<readonly TreeRow[]> {
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
        if (next.isExpanded) {
          rows.push(next);
          for (const attempt of next.members.toReversed()) waiting.push({ attempt, depth: deeper });
        } else rows.push({ ...next, below: await hide(next.members) });
        continue;
      }
      const { attempt } = next;
      if (placed.has(attempt)) continue;
      placed.add(attempt);
      rows.push(next);
      for (const row of rollUpSiblings(below.get(attempt.taskId) ?? [], deeper, options).toReversed()) waiting.push(row);
    }
  }

  /** Marks members and their descendants as placed, and returns the number of descendants. */
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

  await place(rollUpSiblings(top, 0, options));
  if (placed.size < found.length) for (const attempt of found) if (!placed.has(attempt)) await place([{ attempt, depth: 0 }]);
  return rows;
}

function rollUpSiblings(siblings: readonly AttemptView[], depth: number, options: TreeOptions | undefined): readonly TreeRow[] {
  if (options === undefined || siblings.length < MIN_ROLLUP_TASKS) return siblings.map((attempt) => ({ attempt, depth }));
  const groups = new Map<string, AttemptView[]>();
  for (const attempt of siblings) {
    const key = rollupKeyOf(attempt, depth > 0);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [attempt]);
    else group.push(attempt);
  }
  const rows: TreeRow[] = [];
  for (const [key, members] of groups) {
    if (members.length >= MIN_ROLLUP_TASKS) rows.push({ key, depth, members, below: 0, isExpanded: options.expanded.has(key) });
    else for (const attempt of members) rows.push({ attempt, depth });
  }
  return rows;
}
