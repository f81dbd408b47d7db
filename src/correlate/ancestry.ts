import type { TimeNs } from '../event/index.ts';
import { isDriverTask } from './ray-ids.ts';
import { CallerChain, LOOP } from './caller-chain.ts';
import type { Attempt, ClosedAttempt, Session, Task } from './records.ts';

/**
 * The job in whose trace a task stands: its caller's, so that of the first ancestor that a driver submitted. `isFinal` when no
 * later event can change it; otherwise the job of the first known caller's id is the best guess.
 */
export function traceJobOf({ trace, ownJobId }: Task): { readonly jobId: string; readonly isFinal: boolean } {
  if (typeof trace === 'string') return { jobId: trace, isFinal: true };
  if (trace instanceof CallerChain) return { jobId: trace.job.id, isFinal: false };
  return { jobId: ownJobId, isFinal: trace === LOOP };
}

/** Where a task's span hangs before folding is looked at: under the job, or under an attempt of its parent task. */
export type Parent =
  | { readonly kind: 'job' }
  | { readonly kind: 'attempt'; readonly taskId: string; readonly number: number; readonly attempt: Attempt | ClosedAttempt | undefined };

const UNDER_JOB: Parent = { kind: 'job' };

/** The attempt of the parent task that ran when the child was submitted, at `atNs`. */
export function parentOf(session: Session, task: Task, atNs: TimeNs): Parent {
  const parentId = task.parentTaskId;
  if (parentId === undefined || isDriverTask(parentId) || task.trace === LOOP) return UNDER_JOB;
  const attempt = session.findTask(parentId)?.runningAt(atNs);
  return { kind: 'attempt', taskId: parentId, number: attempt?.number ?? 0, attempt };
}
