import type { TimeSlice, Scheduler } from '../runtime/index.ts';

/** Steps of work between two checks of the time slice. */
const STEPS_BETWEEN_CHECKS = 500;

/** Paces long work so that the rest of the bridge runs in between. Call `rest` whenever `isDue`. */
export class Pace {
  readonly #scheduler: Scheduler;
  #slice: TimeSlice | undefined;
  #steps = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  isDue(): boolean {
    this.#steps += 1;
    return this.#steps % STEPS_BETWEEN_CHECKS === 0;
  }

  /** Waits for the next time slice if the current one has ended. */
  async rest(): Promise<void> {
    if (this.#slice === undefined || this.#slice.hasEnded()) this.#slice = await this.#scheduler.take();
  }
}
