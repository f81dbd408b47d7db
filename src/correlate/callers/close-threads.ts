import { isMadeUp } from './made-up-ids.ts';
import { hasOpenAttempts } from '../entities/open-attempts.ts';
import { isDriverTask } from '../naming/ray-ids.ts';
import type { Job } from '../entities/entities.ts';
import type { State } from '../state.ts';

/**
 * Before a job is closed: an id that was taken for a thread's and is a task's, because an event named its actor meanwhile, has an attempt after
 * all, which takes its entries of user code from the job.
 */
export function settleThreads(state: State, { session, profile }: Job, nowMs: number): void {
  for (const { taskId, attempt } of profile) {
    if (taskId !== undefined && !isDriverTask(taskId) && !isMadeUp(session, taskId)) state.attempt(session, taskId, attempt, nowMs);
  }
}

/** Once nothing of the job is open that a thread could have called. */
export function forgetThreads(job: Job): void {
  if (!hasOpenAttempts(job)) job.session.threads?.forgetJob(job.id);
}
