import type { StateTransition, TimeNs } from '../../event/index.ts';
import { TimeList } from './time-list.ts';

/** Times of left-out transitions that one entity remembers, so that a repeated one is not counted twice: 8 to 16 B each. */
export const MAX_LEFT_OUT_TIMES = 100_000;

/** States with times of their own. All others share theirs. */
const STATES: readonly string[] = [
  'ALIVE',
  'RESTARTING',
  'DEAD',
  'PENDING_CREATION',
  'DEPENDENCIES_UNREADY',
  'RUNNING',
  'RUNNING_IN_RAY_GET',
  'RUNNING_IN_RAY_WAIT',
  'SUBMITTED_TO_WORKER',
  'CREATED',
  'FINISHED',
  'FAILED',
];
const OTHER = '';

/** As `save` writes it and `restored` reads it. */
export type SavedLeftOut = readonly (readonly [state: string, times: Uint8Array, forgotten: number])[];

interface Entries {
  readonly times: TimeList;
  /** Counted beyond the limit, without their times. */
  forgotten: number;
}

/**
 * What stays of the transitions between the first and the last ones of an entity with too many: their times, by state. So each of them is counted
 * once, in whatever order they came, and the end of something is found among them. Beyond `MAX_LEFT_OUT_TIMES` they are only counted.
 */
export class LeftOut {
  readonly #states = new Map<string, Entries>();
  #remembered = 0;
  #forgotten = 0;

  /** Transitions, of all states. */
  get count(): number {
    return this.#remembered + this.#forgotten;
  }

  add({ state, timeNs }: StateTransition): void {
    const key = keyOf(state);
    let entries = this.#states.get(key);
    if (entries === undefined) this.#states.set(key, (entries = { times: new TimeList(), forgotten: 0 }));
    if (this.#remembered < MAX_LEFT_OUT_TIMES) {
      if (entries.times.add(timeNs)) this.#remembered += 1;
    } else if (!entries.times.has(timeNs)) {
      entries.forgotten += 1;
      this.#forgotten += 1;
    }
  }

  countOf(state: string): number {
    const entries = this.#states.get(keyOf(state));
    return entries === undefined ? 0 : entries.times.size + entries.forgotten;
  }

  /** The first time, of all states. */
  get firstNs(): TimeNs | undefined {
    let first: TimeNs | undefined;
    for (const { times } of this.#states.values()) {
      const ns = times.first;
      if (ns !== undefined && (first === undefined || ns < first)) first = ns;
    }
    return first;
  }

  lastOf(state: string): TimeNs | undefined {
    return this.#states.get(keyOf(state))?.times.last;
  }

  /** The first time of a state that is not before `fromNs`. */
  nextOf(state: string, fromNs: TimeNs): TimeNs | undefined {
    return this.#states.get(keyOf(state))?.times.next(fromNs);
  }

  save(): SavedLeftOut {
    return Array.from(this.#states, ([state, { times, forgotten }]) => [state, times.save(), forgotten] as const);
  }

  static restored(saved: SavedLeftOut): LeftOut {
    const leftOut = new LeftOut();
    for (const [state, bytes, forgotten] of saved) {
      const times = TimeList.restored(bytes);
      leftOut.#states.set(state, { times, forgotten });
      leftOut.#remembered += times.size;
      leftOut.#forgotten += forgotten;
    }
    return leftOut;
  }
}

function keyOf(state: string): string {
  return STATES.includes(state) ? state : OTHER;
}

/** How many states of some lists were left out; absent when none were. */
export function leftOutOf(...lists: readonly { readonly leftOut: LeftOut | undefined }[]): number | undefined {
  let count = 0;
  for (const { leftOut } of lists) count += leftOut?.count ?? 0;
  return count === 0 ? undefined : count;
}
