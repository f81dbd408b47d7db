/** Each bucket is this factor wider than the one before, so a quantile is at most 7.5 % off. */
const GROWTH = 1.15;
/** The buckets reach from 10 µs to 30 days. */
const SHORTEST_MS = 0.01;
const BUCKETS = 190;

export interface DurationSummary {
  readonly count: number;
  readonly meanMs: number;
  /** At most 7.5 % off. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

/** Summarizes any number of durations in less than a kilobyte. */
export class Durations {
  #buckets: Uint32Array | undefined;
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  add(ms: number): void {
    if (!Number.isFinite(ms)) return;
    const durationMs = Math.max(0, ms);
    this.#buckets ??= new Uint32Array(BUCKETS);
    const index = bucketOf(durationMs);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += durationMs;
    this.#maxMs = Math.max(this.#maxMs, durationMs);
  }

  /** Undefined without any duration. */
  summary(): DurationSummary | undefined {
    if (this.#count === 0) return undefined;
    return {
      count: this.#count,
      meanMs: this.#sumMs / this.#count,
      p50Ms: this.#quantile(0.5),
      p95Ms: this.#quantile(0.95),
      maxMs: this.#maxMs,
    };
  }

  #quantile(share: number): number {
    const rank = Math.ceil(this.#count * share);
    let seen = 0;
    for (const [index, count] of (this.#buckets ?? []).entries()) {
      seen += count;
      // The geometric middle of the bucket.
      if (seen >= rank) return Math.min(this.#maxMs, index === 0 ? SHORTEST_MS : SHORTEST_MS * GROWTH ** (index - 0.5));
    }
    return this.#maxMs;
  }
}

function bucketOf(ms: number): number {
  if (ms <= SHORTEST_MS) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / SHORTEST_MS) / Math.log(GROWTH)));
}

/** Counts events in each of the last seconds. */
export class Rate {
  readonly #counts: Uint32Array;
  #second = 0;

  constructor(seconds = 60) {
    this.#counts = new Uint32Array(seconds);
  }

  add(nowMs: number): void {
    const second = this.#moveTo(nowMs);
    const index = second % this.#counts.length;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** Mean per second over the last `seconds` complete seconds. */
  perSecond(nowMs: number, seconds: number): number {
    const second = this.#moveTo(nowMs);
    let sum = 0;
    for (let back = 1; back <= seconds; back += 1) sum += this.#counts[(second - back) % this.#counts.length] ?? 0;
    return sum / seconds;
  }

  /** Clears the seconds that have passed since the last call. A clock that goes back is ignored. */
  #moveTo(nowMs: number): number {
    const second = Math.max(this.#second, Math.floor(nowMs / 1000));
    const { length } = this.#counts;
    if (second - this.#second >= length) this.#counts.fill(0);
    else for (let passed = this.#second + 1; passed <= second; passed += 1) this.#counts[passed % length] = 0;
    this.#second = second;
    return second;
  }
}
