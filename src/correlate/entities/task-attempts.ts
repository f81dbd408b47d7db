import type { StateTransition, TimeNs } from '../../event/index.ts';
import { oneOfFacts, type SharedFacts } from '../compact/definitions.ts';
import { SeveralAttempts } from '../states/several-attempts.ts';

interface OpenLike {
  readonly closed: false;
  readonly number: number;
  readonly definition: SharedFacts | undefined;
  readonly transitions: readonly StateTransition[];
}

interface ClosedLike {
  readonly closed: true;
  readonly number: number;
  readonly runningNs: TimeNs;
  readonly isAfterJob: boolean;
}

/** The attempts of a task: one, which is held without a list, or several. */
export class TaskAttempts<Open extends OpenLike, Closed extends ClosedLike> {
  /**
   * A definition of one of its attempts, for those whose own one was lost: attempts differ in their number only. Kept of a task
   * with several attempts while one is open, and of a creation also afterwards, because restarted ones come without.
   */
  keptDefinition: SharedFacts | undefined;
  #attempts: Open | Closed | SeveralAttempts<Open, Closed> | undefined;

  /** In the order in which events named them. */
  get attempts(): Iterable<Open | Closed> {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.values();
    return this.#attempts === undefined ? [] : [this.#attempts];
  }

  get attemptCount(): number {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.size;
    return this.#attempts === undefined ? 0 : 1;
  }

  get closedCount(): number {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.size - this.#attempts.open;
    return this.#attempts?.closed === true ? 1 : 0;
  }

  *openAttempts(): Generator<Open> {
    for (const attempt of this.attempts) if (!attempt.closed) yield attempt;
  }

  get hasOpen(): boolean {
    return this.#attempts instanceof SeveralAttempts ? this.#attempts.open > 0 : this.#attempts?.closed === false;
  }

  /** The closed attempt with the highest number. */
  get lastClosed(): Closed | undefined {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.lastClosed;
    return this.#attempts?.closed === true ? this.#attempts : undefined;
  }

  /** The closed attempt with the highest number of those that the job's span counts. */
  get lastCounted(): Closed | undefined {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.lastCounted;
    return this.#attempts?.closed === true && !this.#attempts.isAfterJob ? this.#attempts : undefined;
  }

  find(number: number): Open | Closed | undefined {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.find(number);
    return this.#attempts?.number === number ? this.#attempts : undefined;
  }

  add(attempt: Open | Closed): void {
    if (this.#attempts === undefined) {
      this.#attempts = attempt;
      return;
    }
    if (!(this.#attempts instanceof SeveralAttempts)) {
      const first = this.#attempts;
      this.#attempts = new SeveralAttempts();
      this.add(first);
    }
    if (attempt.closed) this.#attempts.addClosed(attempt);
    else this.#attempts.addOpen(attempt);
    if (!attempt.closed && attempt.definition !== undefined) this.keepDefinition(attempt.definition);
  }

  replace(closed: Closed): void {
    if (this.#attempts instanceof SeveralAttempts) this.#attempts.close(closed);
    else this.#attempts = closed;
    this.noteRun(closed);
  }

  /** Of two definitions always the same one is kept, whichever came first. */
  keepDefinition(definition: SharedFacts): void {
    this.keptDefinition = oneOfFacts(this.keptDefinition, definition);
  }

  /** To be called for each new definition of an open attempt. */
  noteDefinition(definition: SharedFacts): void {
    if (this.#attempts instanceof SeveralAttempts) this.keepDefinition(definition);
  }

  /** To be called when the states of an attempt changed. */
  noteRun(attempt: Open | Closed): void {
    if (this.#attempts instanceof SeveralAttempts) this.#attempts.noteRun(attempt, runningNs);
  }

  /** The attempt that ran at `atNs()`, as far as is known; else the first one. */
  runningAt(atNs: () => TimeNs): Open | Closed | undefined {
    return this.#attempts instanceof SeveralAttempts ? this.#attempts.runningAt(atNs(), runningNs) : this.#attempts;
  }

  /** Makes room where the attempts of one task are all that is remembered. */
  forgetOldestClosed(): boolean {
    return this.#attempts instanceof SeveralAttempts && this.#attempts.forgetOldestClosed();
  }
}

/** When an attempt began to run: RUNNING, else the nearest that is known. */
export function runningNs(attempt: OpenLike | ClosedLike): TimeNs | undefined {
  if (attempt.closed) return attempt.runningNs;
  let running: TimeNs | undefined;
  let submitted: TimeNs | undefined;
  let first: TimeNs | undefined;
  for (const { state, timeNs } of attempt.transitions) {
    if (state === 'RUNNING' && (running === undefined || timeNs < running)) running = timeNs;
    if (state === 'SUBMITTED_TO_WORKER' && (submitted === undefined || timeNs < submitted)) submitted = timeNs;
    if (first === undefined || timeNs < first) first = timeNs;
  }
  return running ?? submitted ?? first;
}
