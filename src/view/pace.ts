import type { Turn, Turns } from '../runtime/index.ts';

/** Attempts looked at between two looks at the clock. */
const STEP = 500;

/** Of work that gives way to the rest of the bridge: rests after some steps when its turn is over. */
export class Pace {
  readonly #turns: Turns;
  #turn: Turn | undefined;
  #steps = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  isDue(): boolean {
    this.#steps += 1;
    return this.#steps % STEP === 0;
  }

  async rest(): Promise<void> {
    if (this.#turn === undefined || this.#turn.isOver()) this.#turn = await this.#turns.take();
  }
}
