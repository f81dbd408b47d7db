import type { Attempt, Job } from './records.ts';

/** Every open attempt that stands in a job's trace, as far as is known. */
export function* openAttemptsOf({ open, chains }: Job): Generator<Attempt> {
  yield* open;
  for (const { tasks } of chains) for (const task of tasks) yield* task.openAttempts();
}

export function hasOpenAttempts({ open, chains }: Job): boolean {
  return open.size > 0 || chains.size > 0;
}
