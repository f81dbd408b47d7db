import type { Scheduler } from '../runtime/index.ts';
import { earlierOf, nodeName } from './describe.ts';
import { Pace } from './pace.ts';
import type { AttemptView, JobView } from './records.ts';
import { sortInTurns } from './sort-in-turns.ts';
import { PENDING_STAGES, type Stage } from './stage.ts';
import { asTree, type Folding, type SelectedTask, type TreeRow } from './tree.ts';

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

/** The last attempts of tasks that the filter lets through. Gives way to the rest of the bridge while it looks. */
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

/** All tasks of a job as a tree, folded by function. */
export async function selectTree(job: JobView, folding: Folding, scheduler: Scheduler): Promise<SelectedTree> {
  const pace = new Pace(scheduler);
  const tasks = await findTasks(job, pace);
  return { tasks, rows: await asTree(tasks, pace, folding) };
}

/** By their start. */
async function findTasks(job: JobView, pace: Pace, matches?: (attempt: AttemptView) => boolean): Promise<readonly AttemptView[]> {
  return sortInTurns(await collectTasks(job, pace, matches), byStart, pace);
}

/** Those that are over, then those that are open. */
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

/** What has no time yet stands at the end. */
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
