import type { Turns } from '../receiver/index.ts';
import { earlierOf, nodeName } from './describe.ts';
import { PENDING_STAGES, type Stage } from './stage.ts';
import type { AttemptView, JobView } from './records.ts';

/** What tasks to show. Texts are looked for in any letter case, anywhere. */
export interface TaskFilter {
  /** `pending` is all three of them. */
  readonly state?: Stage | 'pending';
  readonly name?: string;
  readonly node?: string;
  readonly error?: string;
  /** In name, function, ids, node and error. */
  readonly search?: string;
}

/** `start`: by their start. `tree`: each under the task that called it, those of one caller by their start. */
export type TaskOrder = 'start' | 'tree';

export interface SelectedTask {
  readonly attempt: AttemptView;
  /** How many of the tasks above it are in the selection; 0 without an order as a tree. */
  readonly depth: number;
}

/** Attempts looked at between two looks at the clock. */
const STEP = 500;

/** The last attempts of tasks that the filter lets through. Gives way to the rest of the bridge while it looks. */
export async function selectTasks(job: JobView, filter: TaskFilter, order: TaskOrder, turns: Turns): Promise<readonly SelectedTask[]> {
  const matches = matcherOf(filter);
  const { lastAttempts } = job.session;
  const found: AttemptView[] = [];
  let looked = 0;
  let turn = await turns.take();
  for (const attempts of [job.others, job.failures, job.open]) {
    for (const attempt of attempts) {
      looked += 1;
      if (looked % STEP === 0 && turn.isOver()) turn = await turns.take();
      if (lastAttempts.get(attempt.taskId) === attempt && matches(attempt)) found.push(attempt);
    }
  }
  if (turn.isOver()) turn = await turns.take();
  found.sort(byStart);
  if (order === 'start') return found.map((attempt) => ({ attempt, depth: 0 }));
  if (turn.isOver()) await turns.take();
  return asTree(found);
}

/** Damaged streams can name a task as its own ancestor: such a task stands at the top. */
function asTree(found: readonly AttemptView[]): readonly SelectedTask[] {
  const ids = new Set(found.map(({ taskId }) => taskId));
  const below = new Map<string, AttemptView[]>();
  const top: AttemptView[] = [];
  for (const attempt of found) {
    const { parentTaskId } = attempt;
    if (parentTaskId === undefined || !ids.has(parentTaskId)) top.push(attempt);
    else {
      const siblings = below.get(parentTaskId);
      if (siblings === undefined) below.set(parentTaskId, [attempt]);
      else siblings.push(attempt);
    }
  }
  const placed = new Set<AttemptView>();
  const tree: SelectedTask[] = [];
  for (const root of [...top, ...found]) {
    const waiting: SelectedTask[] = [{ attempt: root, depth: 0 }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (placed.has(next.attempt)) continue;
      placed.add(next.attempt);
      tree.push(next);
      const { depth } = next;
      for (const child of (below.get(next.attempt.taskId) ?? []).toReversed()) waiting.push({ attempt: child, depth: depth + 1 });
    }
  }
  return tree;
}

/** What has no time yet stands at the end. */
function byStart(a: AttemptView, b: AttemptView): number {
  const [left, right] = [a.startMs, b.startMs].map((ms) => (Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms));
  return left === right ? 0 : (left ?? 0) - (right ?? 0);
}

function matcherOf(filter: TaskFilter): (attempt: AttemptView) => boolean {
  const { state } = filter;
  const [name, node, error, search] = [filter.name, filter.node, filter.error, filter.search].map((text) => text?.toLowerCase() ?? '');
  return (attempt) => {
    if (state !== undefined && attempt.stage !== state && !(state === 'pending' && PENDING_STAGES.includes(attempt.stage))) return false;
    if (!has(attempt.name, name) && !has(attempt.function.name, name)) return false;
    const attempts = node || error || search ? [attempt, ...earlierOf(attempt)] : [];
    return (
      (!node || attempts.some((each) => isOnNode(each, node))) &&
      (!error || attempts.some((each) => has(errorText(each), error))) &&
      (!search || attempts.some((each) => isFound(each, search)))
    );
  };
}

function has(text: string | undefined, part = ''): boolean {
  return part === '' || text?.toLowerCase().includes(part) === true;
}

function isOnNode({ nodeId, job }: AttemptView, node: string): boolean {
  return nodeId !== undefined && (has(nodeId, node) || has(nodeName(job.session, nodeId), node));
}

function errorText({ error }: AttemptView): string | undefined {
  return error === undefined ? undefined : `${error.type}: ${error.message}`;
}

function isFound(attempt: AttemptView, text: string): boolean {
  const { name, function: own, taskId } = attempt;
  return has(name, text) || has(own.name, text) || taskId.includes(text) || isOnNode(attempt, text) || has(errorText(attempt), text);
}
