import type { TimeNs } from '../../event/index.ts';
import { SortedList } from '../compact/sorted-list.ts';

/** Up to here a walk is shorter than a look-up. */
const MAX_FEW = 8;

interface Numbered {
  readonly number: number;
  readonly closed: boolean;
}

interface NumberedClosed extends Numbered {
  readonly isAfterJob: boolean;
}

interface Run {
  readonly ns: TimeNs;
  readonly number: number;
}

type RunningNs<Attempt> = (attempt: Attempt) => TimeNs | undefined;

function compareRuns(a: Run, b: Run): number {
  if (a.ns !== b.ns) return a.ns < b.ns ? -1 : 1;
  return a.number - b.number;
}

/**
 * The attempts of a task that has several, in the order in which events named them. Whatever is asked of them takes about
 * one step, however many there are.
 */
export class SeveralAttempts<Open extends Numbered, Closed extends NumberedClosed> {
  #few: (Open | Closed)[] | undefined = [];
  #many: Map<number, Open | Closed> | undefined;
  #open = 0;
  #lastClosed: Closed | undefined;
  #lastCounted: Closed | undefined;
  #first: number | undefined;
  /** When each began to run: made when it is first asked for. */
  #runs: SortedList<Run> | undefined;
  readonly #runOf = new Map<number, Run>();
  /** Made when the first closed one is to be forgotten. */
  #naming: Naming | undefined;

  get size(): number {
    return this.#few?.length ?? this.#many?.size ?? 0;
  }

  get open(): number {
    return this.#open;
  }

  /** The closed attempt with the highest number. */
  get lastClosed(): Closed | undefined {
    return this.#lastClosed;
  }

  /** The same of those that did not end after their job. */
  get lastCounted(): Closed | undefined {
    return this.#lastCounted;
  }

  values(): Iterable<Open | Closed> {
    return this.#few ?? this.#many?.values() ?? [];
  }

  find(number: number): Open | Closed | undefined {
    return this.#many === undefined ? this.#few?.find((attempt) => attempt.number === number) : this.#many.get(number);
  }

  addOpen(attempt: Open): void {
    this.#open += 1;
    this.#add(attempt);
  }

  addClosed(attempt: Closed): void {
    this.#noteClosed(attempt);
    this.#add(attempt);
  }

  close(closed: Closed): void {
    this.#open -= 1;
    this.#noteClosed(closed);
    const { number } = closed;
    this.#naming?.noteClosed(number);
    if (this.#many !== undefined) this.#many.set(number, closed);
    else this.#few = this.#few?.map((attempt) => (attempt.number === number ? closed : attempt));
  }

  /** Removes the closed attempt that events named first. Returns false if there is no closed attempt, or no other attempt. */
  forgetOldestClosed(): boolean {
    if (this.size - this.#open < 2 || this.#many === undefined) return false;
    this.#naming ??= new Naming(this.#many.values());
    const number = this.#naming.takeOldest((oldest) => oldest !== this.#lastClosed?.number && oldest !== this.#lastCounted?.number);
    if (number === undefined) return false;
    this.#moveRun(number, undefined);
    return this.#many.delete(number);
  }

  /** To be called when it is known, or known better, when an attempt began to run. */
  noteRun(attempt: Open | Closed, runningNs: RunningNs<Open | Closed>): void {
    if (this.#runs !== undefined) this.#moveRun(attempt.number, runningNs(attempt));
  }

  /** The attempt that ran at `atNs`: the last that began until then; else the one with the lowest number. */
  runningAt(atNs: TimeNs, runningNs: RunningNs<Open | Closed>): Open | Closed | undefined {
    if (this.#runs === undefined) {
      this.#runs = new SortedList(compareRuns);
      for (const attempt of this.values()) this.#moveRun(attempt.number, runningNs(attempt));
    }
    const number = this.#runs.lastUpTo({ ns: atNs, number: Number.POSITIVE_INFINITY })?.number ?? this.#first;
    return number === undefined ? undefined : this.find(number);
  }

  #moveRun(number: number, ns: TimeNs | undefined): void {
    const known = this.#runOf.get(number);
    if (known?.ns === ns) return;
    if (known !== undefined) this.#runs?.remove(known);
    this.#runOf.delete(number);
    if (ns === undefined) return;
    const run = { ns, number };
    this.#runs?.add(run);
    this.#runOf.set(number, run);
  }

  #add(attempt: Open | Closed): void {
    const { number } = attempt;
    if (this.#first === undefined || number < this.#first) this.#first = number;
    if (this.#few !== undefined && this.#few.length >= MAX_FEW) {
      this.#many = new Map(this.#few.map((known) => [known.number, known]));
      this.#few = undefined;
    }
    this.#naming?.add(attempt);
    if (this.#many === undefined) this.#few?.push(attempt);
    else this.#many.set(number, attempt);
  }

  #noteClosed(closed: Closed): void {
    const { number, isAfterJob } = closed;
    if (this.#lastClosed === undefined || number > this.#lastClosed.number) this.#lastClosed = closed;
    if (!isAfterJob && (this.#lastCounted === undefined || number > this.#lastCounted.number)) this.#lastCounted = closed;
  }
}

interface Named {
  readonly place: number;
  readonly number: number;
}

/** The order in which events named attempts. */
class Naming {
  readonly #places = new Map<number, number>();
  readonly #closed = new SortedList<Named>((a, b) => a.place - b.place);
  #next = 0;

  constructor(attempts: Iterable<Numbered>) {
    for (const attempt of attempts) this.add(attempt);
  }

  add({ number, closed }: Numbered): void {
    this.#places.set(number, this.#next);
    this.#next += 1;
    if (closed) this.noteClosed(number);
  }

  noteClosed(number: number): void {
    this.#closed.add({ place: this.#places.get(number) ?? 0, number });
  }

  /** The number of the closed attempt that events named first, of those that may go. */
  takeOldest(mayGo: (number: number) => boolean): number | undefined {
    const kept: Named[] = [];
    let oldest = this.#closed.first;
    while (oldest !== undefined) {
      this.#closed.remove(oldest);
      if (mayGo(oldest.number)) break;
      kept.push(oldest);
      oldest = this.#closed.first;
    }
    for (const named of kept) this.#closed.add(named);
    if (oldest !== undefined) this.#places.delete(oldest.number);
    return oldest?.number;
  }
}
