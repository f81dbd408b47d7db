import type { TaskCounts } from './task-counts.ts';
import type { Attempt, Job } from './entities.ts';

/** Every open attempt that is known to belong to the job's trace. */
export function* openAttemptsOf({ open, chains }: Job): Generator<Attempt> {
  yield* open;
  for (const { tasks } of chains) for (const task of tasks) yield* task.openAttempts();
}

export function hasOpenAttempts({ open, chains }: Job): boolean {
  return open.size > 0 || chains.size > 0;
}

/** Tasks by the outcome of their last attempt, without tasks that have a later open attempt. */
export function tasksSoFar(job: Job): TaskCounts {
  const counts = { ...job.closedTasks };
  for (const { task, number } of openAttemptsOf(job)) {
    const last = task.lastClosed;
    if (last !== undefined && last.number < number) counts[last.outcome] -= 1;
  }
  return counts;
}
