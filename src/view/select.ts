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

/** Attempts looked at between two looks at the clock. */
const STEP = 500;

/** The last attempts of tasks that the filter lets through, by their start. Gives way to the rest of the bridge while it looks. */
export async function selectTasks(job: JobView, filter: TaskFilter, turns: Turns): Promise<readonly AttemptView[]> {
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
  if (turn.isOver()) await turns.take();
  return found.sort(byStart);
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
