import type { TaskCounts } from './task-counts.ts';
import type { Job } from './entities.ts';

/** What lists open attempts: a job, or what a reader sees of one. */
interface Lists<Attempt> {
  readonly open: Iterable<Attempt> & { readonly size: number };
  readonly chains: Iterable<{ readonly tasks: Iterable<{ openAttempts(): Iterable<Attempt> }> }> & { readonly size: number };
}

/** Every open attempt that is known to belong to the job's trace. */
export function* openAttemptsOf<Attempt>({ open, chains }: Lists<Attempt>): Generator<Attempt> {
  yield* open;
  for (const { tasks } of chains) for (const task of tasks) yield* task.openAttempts();
}

export function hasOpenAttempts({ open, chains }: Lists<unknown>): boolean {
  return open.size > 0 || chains.size > 0;
}

/** Tasks by the outcome of their last attempt, without tasks that have a later open attempt. */
export function tasksSoFar(job: Job): TaskCounts {
  const counts = { ...job.closedTasks };
  for (const { task, number } of openAttemptsOf(job)) {
    const last = task.lastClosed;
    if (last !== undefined && !last.isPlaceholder && last.number < number) counts[last.outcome] -= 1;
  }
  return counts;
}
