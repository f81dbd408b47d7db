import type { TimeSlice, Scheduler } from '../runtime/index.ts';

/** Attempts looked at between two looks at the clock. */
const STEP = 500;

/** Of work that gives way to the rest of the bridge: rests after some steps when its turn is over. */
export class Pace {
  readonly #scheduler: Scheduler;
  #slice: TimeSlice | undefined;
  #steps = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  isDue(): boolean {
    this.#steps += 1;
    return this.#steps % STEP === 0;
  }

  async rest(): Promise<void> {
    if (this.#slice === undefined || this.#slice.hasEnded()) this.#slice = await this.#scheduler.take();
  }
}
