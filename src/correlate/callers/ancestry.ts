import type { TimeNs } from '../../event/index.ts';
import { isDriverTask } from '../naming/ray-ids.ts';
import { FinalTrace, LOOP } from './caller-chain.ts';
import { isThread } from './made-up-ids.ts';
import type { Attempt, Task } from '../entities/entities.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';

/**
 * The job in whose trace a task stands: its caller's, so that of the first ancestor that a driver submitted. `isFinal` when no
 * later event can change it; otherwise the job of the first known caller's id is the best guess.
 */
export function traceJobOf({ trace, jobId }: Task): { readonly jobId: string; readonly isFinal: boolean } {
  return { jobId, isFinal: trace instanceof FinalTrace || trace === LOOP };
}

/** False while, or because, the caller of one of its callers is not known. */
export function areCallersKnown({ trace }: Task): boolean {
  return trace instanceof FinalTrace ? !trace.isGuess : trace === LOOP;
}

/** An unknown caller gets a placeholder directly below the job. */
const UNKNOWN_CALLER_DEPTH = 1;

/**
 * Sets the depth of a task's span in its trace: 1 directly below the job, at most `limit`. Each task on the way to the first caller
 * gets its depth too, so all walks of a chain together take as many steps as the chain has tasks.
 */
export function findDepth(task: Task, limit: number): void {
  const path: Task[] = [];
  let next: Task | undefined = task;
  let depth = 0;
  while (next !== undefined && next.depth === 0) {
    path.push(next);
    // Not 0: a loop, which only a damaged stream has, ends here.
    next.depth = limit;
    const callerId: string | undefined = next.parentTaskId;
    if (callerId === undefined || isDriverTask(callerId)) break;
    next = next.session.findTask(callerId);
    depth = next?.depth ?? UNKNOWN_CALLER_DEPTH;
  }
  for (const member of path.reverse()) {
    depth = Math.min(depth + 1, limit);
    member.depth = depth;
  }
}

/** An attempt of a task, open or closed; undefined where nothing but the id of its task is known. */
export interface AttemptRef {
  readonly taskId: string;
  readonly number: number;
  readonly attempt: Attempt | ClosedAttempt | undefined;
}

/**
 * Where a task's span hangs before rollups are considered: under an attempt of its parent task, or under the job. `tooDeep` is
 * the attempt that it would hang under if the trace could be as deep.
 */
export type Parent =
  | { readonly kind: 'job'; readonly tooDeep?: AttemptRef; readonly byDriver?: true }
  | ({ readonly kind: 'attempt' } & AttemptRef);

const UNDER_JOB: Parent = { kind: 'job' };
const UNDER_DRIVER: Parent = { kind: 'job', byDriver: true };

/** The attempt of the parent task that ran when the child was submitted, at `startNs()`. */
export function parentOf(task: Task, maxDepth: number, startNs: () => TimeNs): Parent {
  const parentId = task.parentTaskId;
  if (parentId !== undefined && isDriverTask(parentId)) return UNDER_DRIVER;
  if (parentId === undefined || task.trace === LOOP) return UNDER_JOB;
  const parent = task.session.findTask(parentId);
  if (parent === undefined && isThread(task.session, parentId)) return parentOfCall(task, parentId, maxDepth, startNs());
  const attempt = parent?.runningAt(startNs);
  const ref = { taskId: parentId, number: attempt?.number ?? 0, attempt };
  return task.depth > maxDepth ? { kind: 'job', tooDeep: ref } : { kind: 'attempt', ...ref };
}

/** A thread's call hangs under the attempt that ran in the thread's worker, if that attempt is known and in the same trace. */
function parentOfCall(task: Task, threadId: string, maxDepth: number, startNs: TimeNs): Parent {
  const { session } = task;
  const thread = session.threads?.get(threadId);
  if (thread?.isDriver === true) return UNDER_DRIVER;
  const run = thread?.workerId === undefined ? undefined : session.threads?.runningAt(thread.workerId, startNs);
  const host = run === undefined ? undefined : session.findTask(run.taskId);
  if (run === undefined || host === undefined || host.id === task.id || traceJobOf(host).jobId !== traceJobOf(task).jobId) return UNDER_JOB;
  const ref = { taskId: host.id, number: run.number, attempt: host.find(run.number) };
  return host.depth >= maxDepth ? { kind: 'job', tooDeep: ref } : { kind: 'attempt', ...ref };
}
