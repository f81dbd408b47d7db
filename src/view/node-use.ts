/** Running attempts of one node over time. */
export interface NodeSeries {
  /** Undefined: nodes for which there was no room. */
  readonly node: string | undefined;
  /** How many ran on average in each bucket. */
  readonly running: Float64Array;
}

export interface NodeUseSeries {
  /** When the first bucket begins. */
  readonly startMs: number;
  readonly bucketMs: number;
  readonly nodes: readonly NodeSeries[];
}

export interface RanOn {
  readonly node: string;
  readonly fromMs: number;
  readonly toMs: number;
}

const FINEST_BUCKET_MS = 10;

/**
 * How much ran on each node over time, in a fixed number of buckets: when time goes beyond them, two become one. Buckets begin at multiples of their width
 * since the epoch, so that the order of what is added does not matter.
 */
export class NodeUse {
  readonly #buckets: number;
  readonly #maxNodes: number;
  /** Milliseconds of running in each bucket. */
  readonly #busyMs = new Map<string | undefined, Float64Array>();
  #bucketMs = FINEST_BUCKET_MS;
  /** Number of the first bucket, counted from the epoch. NaN while nothing was added. */
  #first = Number.NaN;
  /** Number of the last one that is in use. */
  #last = 0;

  /** `maxNodes` have buckets of their own; the rest share some. */
  constructor(buckets: number, maxNodes: number) {
    this.#buckets = buckets;
    this.#maxNodes = maxNodes;
  }

  /** That have buckets. */
  get size(): number {
    return this.#busyMs.size;
  }

  /** False when it was no interval. `hasRoom` is asked before a node gets buckets of its own. */
  add({ node, fromMs, toMs }: RanOn, hasRoom: () => boolean = () => true): boolean {
    if (!(fromMs >= 0 && toMs > fromMs && toMs < Number.MAX_SAFE_INTEGER)) return false;
    this.#cover(fromMs, toMs);
    const busyMs = this.#busyOf(node, hasRoom);
    const width = this.#bucketMs;
    for (let number = Math.floor(fromMs / width); number * width < toMs; number += 1) {
      const index = number - this.#first;
      const ms = Math.min(toMs, (number + 1) * width) - Math.max(fromMs, number * width);
      busyMs[index] = (busyMs[index] ?? 0) + ms;
    }
    return true;
  }

  /** With what runs at the moment, which may still change. Undefined while nothing is known to have run. */
  series(running: Iterable<RanOn>): NodeUseSeries | undefined {
    const all = this.#copy();
    for (const interval of running) all.add(interval);
    if (Number.isNaN(all.#first)) return undefined;
    const nodes = [...all.#busyMs].map(([node, busyMs]) => ({ node, running: busyMs.map((ms) => ms / all.#bucketMs) }));
    return { startMs: all.#first * all.#bucketMs, bucketMs: all.#bucketMs, nodes };
  }

  #copy(): NodeUse {
    const copy = new NodeUse(this.#buckets, this.#maxNodes);
    copy.#bucketMs = this.#bucketMs;
    copy.#first = this.#first;
    copy.#last = this.#last;
    for (const [node, busyMs] of this.#busyMs) copy.#busyMs.set(node, busyMs.slice());
    return copy;
  }

  #busyOf(node: string, hasRoom: () => boolean): Float64Array {
    const known = this.#busyMs.get(node);
    if (known !== undefined) return known;
    const own = this.#busyMs.size - Number(this.#busyMs.has(undefined));
    const key = own < this.#maxNodes && hasRoom() ? node : undefined;
    const busyMs = this.#busyMs.get(key) ?? new Float64Array(this.#buckets);
    this.#busyMs.set(key, busyMs);
    return busyMs;
  }

  /** Makes the buckets so wide, and begin so early, that they hold the interval too. */
  #cover(fromMs: number, toMs: number): void {
    if (Number.isNaN(this.#first)) {
      this.#first = Math.floor(fromMs / this.#bucketMs);
      this.#last = this.#first;
    }
    const first = (): number => Math.min(this.#first, Math.floor(fromMs / this.#bucketMs));
    const last = (): number => Math.max(this.#last, Math.ceil(toMs / this.#bucketMs) - 1);
    while (last() - first() >= this.#buckets) this.#widen();
    this.#last = last();
    this.#moveTo(first());
  }

  #widen(): void {
    const first = Math.floor(this.#first / 2);
    for (const busyMs of this.#busyMs.values()) {
      const merged = new Float64Array(this.#buckets);
      for (const [index, ms] of busyMs.entries()) {
        const at = Math.floor((this.#first + index) / 2) - first;
        merged[at] = (merged[at] ?? 0) + ms;
      }
      busyMs.set(merged);
    }
    this.#first = first;
    this.#last = Math.floor(this.#last / 2);
    this.#bucketMs *= 2;
  }

  #moveTo(first: number): void {
    const by = this.#first - first;
    if (by === 0) return;
    for (const busyMs of this.#busyMs.values()) {
      busyMs.copyWithin(by, 0);
      busyMs.fill(0, 0, by);
    }
    this.#first = first;
  }
}
