import type { FinishedAttempt } from '../finished.ts';
import type { RollupNode } from './rollup.ts';

/** Attempts of one trace that are held back at most; further ones are rolled up. */
export const MAX_HELD_BACK = 1_000;
/** Of all traces. */
export const MAX_ALL_HELD_BACK = 50_000;

/**
 * One of the slowest attempts of its function, which has no span so far. It is rolled up when slower ones displace it, and sent when its job
 * ends, or before when the span of a child is sent.
 */
export interface HeldAttempt {
  readonly lifecycle: FinishedAttempt;
  /** Name of its function's share. */
  readonly share: string;
  /** In how many lists of slowest ones it is. */
  ranks: number;
  /** Rolled up children, which wait for what becomes of it. */
  rollups: Map<string, RollupNode> | undefined;
  /** Memory that it takes, about. */
  readonly bytes: number;
}

/** The attempts of one trace that are held back. */
export class HeldBack {
  readonly #attempts = new Map<string, HeldAttempt>();

  get size(): number {
    return this.#attempts.size;
  }

  find(taskId: string, number: number): HeldAttempt | undefined {
    return this.#attempts.get(keyOf(taskId, number));
  }

  add(held: HeldAttempt): void {
    this.#attempts.set(keyOf(held.lifecycle.taskId, held.lifecycle.attempt), held);
  }

  delete({ lifecycle }: HeldAttempt): void {
    this.#attempts.delete(keyOf(lifecycle.taskId, lifecycle.attempt));
  }

  /** In the order of their starts. */
  sorted(): HeldAttempt[] {
    return [...this.#attempts.values()].sort(({ lifecycle: a }, { lifecycle: b }) => {
      if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
      if (a.taskId !== b.taskId) return a.taskId < b.taskId ? -1 : 1;
      return a.attempt - b.attempt;
    });
  }

  [Symbol.iterator](): Iterator<HeldAttempt> {
    return this.#attempts.values()[Symbol.iterator]();
  }
}

function keyOf(taskId: string, number: number): string {
  return `${taskId}/${number}`;
}
