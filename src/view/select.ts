import type { Scheduler } from '../runtime/index.ts';
import { earlierOf, nodeName } from './describe.ts';
import { Pace } from './pace.ts';
import type { AttemptView, JobView } from './records.ts';
import { sortInSlices } from './sort-in-slices.ts';
import { PENDING_STAGES, type Stage } from './stage.ts';
import { asTree, type TreeOptions, type SelectedTask, type TreeRow } from './tree.ts';

/** Filters of the task list. Texts match any part, in any letter case. */
export interface TaskFilter {
  /** `pending` matches all three pending stages. */
  readonly state?: Stage | 'pending';
  readonly name?: string;
  readonly node?: string;
  readonly error?: string;
  /** Searches name, function, task id, node and error. */
  readonly search?: string;
}

/** `start`: by start time. `tree`: each task below its caller, siblings by start time. */
export type TaskOrder = 'start' | 'tree';

/** Returns the latest attempt of each task that matches. Works in time slices. */
export async function selectTasks(
  job: JobView,
  filter: TaskFilter,
  order: TaskOrder,
  scheduler: Scheduler,
): Promise<readonly SelectedTask[]> {
  const pace = new Pace(scheduler);
  const found = await findTasks(job, pace, matcherOf(filter));
  if (order === 'start') return found.map((attempt) => ({ attempt, depth: 0 }));
  return (await asTree(found, pace)).filter((row) => 'attempt' in row);
}

export interface SelectedTree {
  readonly rows: readonly TreeRow[];
  readonly tasks: readonly AttemptView[];
}

/** Returns all tasks of a job as a tree, with siblings of one function rolled up. */
export async function selectTree(job: JobView, options: TreeOptions, scheduler: Scheduler): Promise<SelectedTree> {
  const pace = new Pace(scheduler);
  const tasks = await findTasks(job, pace);
  return { tasks, rows: await asTree(tasks, pace, options) };
}

/** Sorted by start time. */
async function findTasks(job: JobView, pace: Pace, matches?: (attempt: AttemptView) => boolean): Promise<readonly AttemptView[]> {
  return sortInSlices(await collectTasks(job, pace, matches), byStart, pace);
}

/** Collects the latest attempts of tasks: ended ones first, then open ones. */
export async function collectTasks(job: JobView, pace: Pace, matches?: (attempt: AttemptView) => boolean): Promise<readonly AttemptView[]> {
  const { lastAttempts } = job.session;
  const found: AttemptView[] = [];
  for (const attempts of [job.others, job.failures, job.open]) {
    for (const attempt of attempts) {
      if (pace.isDue()) await pace.rest();
      if (lastAttempts.get(attempt.taskId) === attempt && matches?.(attempt) !== false) found.push(attempt);
    }
  }
  await pace.rest();
  return found;
}

/** Attempts without a start time come last. */
function byStart(a: AttemptView, b: AttemptView): number {
  const [left, right] = [a.startMs, b.startMs];
  if (left < right) return -1;
  if (left > right) return 1;
  return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
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
