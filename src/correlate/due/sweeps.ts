/** Things that one step of a walk looks at, so that the caller can give way to others before the next step. */
export const MAX_STEP_ITEMS = 500;

/**
 * Walks over many open things that one event, or one due time, makes necessary: the end of a job, the death of a node, a silent session.
 * All of them are through before anything else is finished. They change only when things are due, so that it makes no difference
 * where a step ends.
 */
export class Sweeps {
  #walks: Iterator<unknown>[] = [];
  /** Index of the walk that takes the next step. */
  #next = 0;

  get isEmpty(): boolean {
    return this.#next >= this.#walks.length;
  }

  /** Adds a walk. A short one is done at once. */
  add(walk: Iterator<unknown>): void {
    if (this.isEmpty && isDone(walk, MAX_STEP_ITEMS)) return;
    this.#walks.push(walk);
  }

  /** Takes one step of a walk. */
  step(): void {
    const walk = this.#walks[this.#next];
    if (walk === undefined || !isDone(walk, MAX_STEP_ITEMS)) return;
    this.#next += 1;
    if (!this.isEmpty) return;
    this.#walks = [];
    this.#next = 0;
  }

  /** Ends all walks, for a caller that needs the whole state at once. */
  finish(): void {
    while (!this.isEmpty) this.step();
  }
}

function isDone(walk: Iterator<unknown>, steps: number): boolean {
  for (let step = 0; step < steps; step += 1) if (walk.next().done === true) return true;
  return false;
}
