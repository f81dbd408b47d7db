import type { Cost, TraceBudget } from '../budget/budget.ts';

/** What is left of a trace whose end is known, to learn whether all of it fits. Stops measuring when it surely does not. */
export class TraceRest {
  readonly #budget: TraceBudget;
  #cost: Cost;
  #mayFit: boolean;

  /** `first` is known to be in it, and at least `moreSpans` besides. */
  constructor(budget: TraceBudget, first: Cost, moreSpans = 0) {
    this.#budget = budget;
    this.#cost = first;
    this.#mayFit = !budget.isUnlimited && budget.fitsWhole({ spans: first.spans + moreSpans, bytes: first.bytes });
  }

  get mayFit(): boolean {
    return this.#mayFit;
  }

  add(measure: () => Cost): void {
    if (!this.#mayFit) return;
    const { spans, bytes } = measure();
    this.#cost = { spans: this.#cost.spans + spans, bytes: this.#cost.bytes + bytes };
    this.#mayFit = this.#budget.fitsWhole(this.#cost);
  }

  /** From here on everything that is left fits, or the budget counts again. */
  relaxIfFits(): void {
    if (this.#mayFit) this.#budget.relaxIfFits(this.#cost);
    else this.#budget.tighten();
  }
}
