import type { TimeNs } from '../event/index.ts';
import { isDriverTask, jobIdOf } from './ray-ids.ts';
import type { Attempt, ClosedAttempt, Session, Task } from './records.ts';

/** A longer chain of parents is taken for damaged; Ray runs out of workers long before. */
const ANCESTORS_MAX = 10_000;

/**
 * The job in whose trace a task stands: its caller's, so that of the first ancestor that the driver submitted. `isFinal` when
 * no later event can change it; otherwise the nearest known ancestor's own job is the best guess.
 */
export function traceJobOf(task: Task): { readonly jobId: string; readonly isFinal: boolean } {
  if (task.traceJobId !== undefined) return { jobId: task.traceJobId, isFinal: true };
  let current = task;
  for (let steps = 0; steps < ANCESTORS_MAX; steps += 1) {
    if (current.traceJobId !== undefined) return settle(task, current.traceJobId);
    const parentId = current.parentTaskId;
    if (parentId === undefined) return { jobId: current.ownJobId, isFinal: false };
    if (isDriverTask(parentId)) return settle(task, jobIdOf(parentId));
    const parent = task.session.findTask(parentId);
    if (parent === undefined) return { jobId: jobIdOf(parentId), isFinal: false };
    if (parent.id === task.id) break;
    current = parent;
  }
  return { jobId: task.ownJobId, isFinal: true };
}

function settle(task: Task, jobId: string): { readonly jobId: string; readonly isFinal: boolean } {
  // One text for all tasks of a job.
  task.traceJobId = task.session.jobs.get(jobId)?.id ?? jobId;
  return { jobId, isFinal: true };
}

/** Where a task's span hangs before folding is looked at: under the job, or under an attempt of its parent task. */
export type Parent =
  | { readonly kind: 'job' }
  | { readonly kind: 'attempt'; readonly taskId: string; readonly number: number; readonly attempt: Attempt | ClosedAttempt | undefined };

const UNDER_JOB: Parent = { kind: 'job' };

/** The attempt of the parent task that ran when the child was submitted, at `atNs`. */
export function parentOf(session: Session, task: Task, atNs: TimeNs): Parent {
  const parentId = task.parentTaskId;
  if (parentId === undefined || isDriverTask(parentId) || isOwnAncestor(session, task)) return UNDER_JOB;
  const attempt = session.findTask(parentId)?.runningAt(atNs);
  return { kind: 'attempt', taskId: parentId, number: attempt?.number ?? 0, attempt };
}

/** Damaged streams can name a task as its own ancestor; such a task hangs under the job. */
function isOwnAncestor(session: Session, task: Task): boolean {
  if (task.traceJobId !== undefined) return false;
  let current: Task | undefined = task;
  for (let steps = 0; steps < ANCESTORS_MAX; steps += 1) {
    const parentId: string | undefined = current?.parentTaskId;
    if (parentId === undefined || isDriverTask(parentId)) return false;
    if (parentId === task.id) return true;
    current = session.findTask(parentId);
    if (current === undefined || current.traceJobId !== undefined) return false;
  }
  return true;
}
