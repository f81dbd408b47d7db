/** The trace of tasks that name each other as callers: each stands in that of the job of its own id. */
export const LOOP: unique symbol = Symbol('loop of callers');

/** Tasks whose callers lead to one task of which no caller is known: they stand in one trace, whichever that will be. */
export class CallerChain<Job, Task> {
  firstTaskId: string;
  /** The best guess: the job of the first task's id. */
  job: Job;
  /** Without the first one. No attempt of them was closed yet. */
  readonly tasks = new Set<Task>();

  constructor(firstTaskId: string, job: Job) {
    this.firstTaskId = firstTaskId;
    this.job = job;
  }
}
