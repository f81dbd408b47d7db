/** The job in whose trace a task stands, once no later event can change that. */
export class FinalTrace {
  readonly jobId: string;
  /** A span had to be sent before all callers were known. */
  readonly isGuess: boolean;

  constructor(jobId: string, isGuess: boolean) {
    this.jobId = jobId;
    this.isGuess = isGuess;
  }
}

/** Those of one job, which its tasks share. */
export class FinalTraces {
  readonly #jobId: string;
  #known: FinalTrace | undefined;
  #guessed: FinalTrace | undefined;

  constructor(jobId: string) {
    this.#jobId = jobId;
  }

  get known(): FinalTrace {
    return (this.#known ??= new FinalTrace(this.#jobId, false));
  }

  get guessed(): FinalTrace {
    return (this.#guessed ??= new FinalTrace(this.#jobId, true));
  }
}

/** Tasks that name each other as callers. Each belongs to the trace of the job in its own id. */
export const LOOP: unique symbol = Symbol('loop of callers');

/** Tasks whose callers lead to one task with an unknown caller. All of them belong to one trace, which is not known yet. */
export class CallerChain<Job, Task> {
  firstTaskId: string;
  /** The best guess: the job of the first task's id. */
  job: Job;
  /** Without the first one. No attempt of them was closed yet. */
  readonly tasks = new Set<Task>();
  /** Members for which a watcher may still learn that the guess changed. */
  moves = 0;

  constructor(firstTaskId: string, job: Job) {
    this.firstTaskId = firstTaskId;
    this.job = job;
  }
}
