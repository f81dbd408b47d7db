import type { TimeNs } from '../../event/index.ts';

/** How long many things took. All values but the sum, the shortest and the longest are within 1 % of the exact ones. */
export interface SpreadFacts {
  readonly sumNs: TimeNs;
  readonly minNs: TimeNs;
  readonly maxNs: TimeNs;
  readonly p50Ns: TimeNs;
  readonly p95Ns: TimeNs;
  readonly p99Ns: TimeNs;
}

export type SavedSpread = readonly [count: number, sumNs: TimeNs, minNs: TimeNs, maxNs: TimeNs, buckets: readonly number[]];

/** Each bucket ends at so many times the end of the one before. */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
/** Buckets of one spread; beyond it the two lowest are joined. They reach from 1 ms to more than an hour. */
export const MAX_BUCKETS = 800;
/** Of a time of 0. */
const ZERO = -1;

/**
 * A mergeable sketch of durations with bounded memory: counts in buckets whose bounds grow by 2 %, as DDSketch has them. Adding and merging
 * in any order gives the same. It is not @datadog/sketches-js because that keeps an array of at least 128 numbers for a single value, and has
 * no plain state for a checkpoint. A trace has hundreds of spreads.
 */
export class Spread {
  #count = 0;
  #sumNs = 0n;
  #minNs = 0n;
  #maxNs = 0n;
  #buckets = new Map<number, number>();

  get buckets(): number {
    return this.#buckets.size;
  }

  add(ns: TimeNs): void {
    this.#widen(ns, ns);
    this.#count += 1;
    this.#sumNs += ns;
    this.#addTo(bucketOf(ns), 1);
  }

  absorb(other: Spread): void {
    if (other.#count === 0) return;
    this.#widen(other.#minNs, other.#maxNs);
    this.#count += other.#count;
    this.#sumNs += other.#sumNs;
    for (const [bucket, count] of other.#buckets) this.#addTo(bucket, count);
  }

  /** Undefined for nothing. */
  get facts(): SpreadFacts | undefined {
    if (this.#count === 0) return undefined;
    const ordered = [...this.#buckets].sort(([a], [b]) => a - b);
    return {
      sumNs: this.#sumNs,
      minNs: this.#minNs,
      maxNs: this.#maxNs,
      p50Ns: this.#quantile(ordered, 0.5),
      p95Ns: this.#quantile(ordered, 0.95),
      p99Ns: this.#quantile(ordered, 0.99),
    };
  }

  save(): SavedSpread {
    return [this.#count, this.#sumNs, this.#minNs, this.#maxNs, [...this.#buckets].flat()];
  }

  static restored([count, sumNs, minNs, maxNs, buckets]: SavedSpread): Spread {
    const spread = new Spread();
    spread.#count = count;
    spread.#sumNs = sumNs;
    spread.#minNs = minNs;
    spread.#maxNs = maxNs;
    for (let at = 0; at < buckets.length; at += 2) spread.#buckets.set(buckets[at] ?? 0, buckets[at + 1] ?? 0);
    return spread;
  }

  #widen(minNs: TimeNs, maxNs: TimeNs): void {
    if (this.#count === 0 || minNs < this.#minNs) this.#minNs = minNs;
    if (this.#count === 0 || maxNs > this.#maxNs) this.#maxNs = maxNs;
  }

  #addTo(bucket: number, count: number): void {
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + count);
    if (this.#buckets.size > MAX_BUCKETS) this.#joinLowest();
  }

  #joinLowest(): void {
    const [lowest = ZERO, next = ZERO] = [...this.#buckets.keys()].sort((a, b) => a - b);
    const count = this.#buckets.get(lowest) ?? 0;
    this.#buckets.delete(lowest);
    this.#buckets.set(next, (this.#buckets.get(next) ?? 0) + count);
  }

  /** The middle of the bucket of the nearest rank. */
  #quantile(ordered: readonly (readonly [bucket: number, count: number])[], share: number): TimeNs {
    let left = Math.ceil(share * this.#count);
    for (const [bucket, count] of ordered) {
      left -= count;
      if (left > 0) continue;
      const ns = bucket === ZERO ? 0n : BigInt(Math.round((2 * GROWTH ** bucket) / (GROWTH + 1)));
      return ns < this.#minNs ? this.#minNs : ns > this.#maxNs ? this.#maxNs : ns;
    }
    return this.#maxNs;
  }
}

function bucketOf(ns: TimeNs): number {
  return ns <= 0n ? ZERO : Math.max(0, Math.ceil(Math.log(Number(ns)) / LOG_GROWTH));
}
