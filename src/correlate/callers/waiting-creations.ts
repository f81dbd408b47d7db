import type { ActorTransition, TimeNs } from '../../event/index.ts';
import { DueQueue } from '../due/due-queue.ts';
import type { PlacementFacts } from '../compact/placement-facts.ts';

/** States of an actor that end its creation. */
export const ENDS_CREATION: readonly string[] = ['ALIVE', 'RESTARTING', 'DEAD'];

/** What is compared of a creation that waits. */
interface Creation {
  readonly number: number;
  readonly placement: PlacementFacts;
}

/**
 * Open creations of one actor that none of its states ended so far. A new state finds those that it may end: by its time, and by the process that is
 * ALIVE, for where the clocks differ.
 */
export class WaitingCreations<Attempt extends Creation> {
  readonly #byTime = new DueQueue<Attempt>((a, b) => a.number - b.number);
  readonly #byProcess = new Map<string, Set<Attempt>>();

  /** @param fromNs a state from then on may end it; undefined where only its own process can */
  add(attempt: Attempt, fromNs: TimeNs | undefined): void {
    if (fromNs !== undefined) this.#byTime.push(Number(fromNs), attempt);
    for (const key of keysOf(attempt.placement.workerId, attempt.placement.workerPid)) {
      const others = this.#byProcess.get(key);
      if (others === undefined) this.#byProcess.set(key, new Set([attempt]));
      else others.add(attempt);
    }
  }

  /** For an attempt that ends. */
  delete(attempt: Attempt): void {
    for (const key of keysOf(attempt.placement.workerId, attempt.placement.workerPid)) this.#forget(key, attempt);
  }

  /** Those that the new states may end, each to be added again if they do not. */
  take(transitions: readonly ActorTransition[]): Iterable<Attempt> {
    const taken = new Set<Attempt>();
    let untilNs = 0n;
    for (const { state, timeNs, workerId, pid } of transitions) {
      if (ENDS_CREATION.includes(state) && timeNs > untilNs) untilNs = timeNs;
      if (state !== 'ALIVE') continue;
      for (const key of keysOf(workerId, pid)) for (const attempt of this.#byProcess.get(key) ?? []) taken.add(attempt);
    }
    for (let next = this.#byTime.popDue(Number(untilNs)); next !== undefined; next = this.#byTime.popDue(Number(untilNs)))
      taken.add(next.item);
    for (const attempt of taken) this.delete(attempt);
    return taken;
  }

  #forget(key: string, attempt: Attempt): void {
    const attempts = this.#byProcess.get(key);
    if (attempts?.delete(attempt) === true && attempts.size === 0) this.#byProcess.delete(key);
  }
}

function keysOf(workerId: string | undefined, pid: number | undefined): string[] {
  const keys = workerId === undefined ? [] : [workerId];
  if (pid !== undefined) keys.push(String(pid));
  return keys;
}
