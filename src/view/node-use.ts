/** Running attempts of one node over time. */
export interface NodeSeries {
  /** Undefined for the nodes beyond the limit, which share buckets. */
  readonly node: string | undefined;
  /** Mean number of running attempts in each bucket. */
  readonly running: Float64Array;
}

export interface NodeUseSeries {
  /** Start of the first bucket. */
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
 * Running attempts on each node over time, in a fixed number of buckets. When an interval does not
 * fit, each two buckets merge into one. Buckets start at multiples of their width since the epoch,
 * so the order of additions does not matter.
 */
export class NodeUse {
  readonly #buckets: number;
  readonly #maxNodes: number;
  /** Milliseconds of running in each bucket. */
  readonly #busyMs = new Map<string | undefined, Float64Array>();
  #bucketMs = FINEST_BUCKET_MS;
  /** Number of the first bucket, counted from the epoch. NaN before the first addition. */
  #first = Number.NaN;
  /** Number of the last bucket in use. */
  #last = 0;

  /** The first `maxNodes` nodes get buckets of their own; the others share. */
  constructor(buckets: number, maxNodes: number) {
    this.#buckets = buckets;
    this.#maxNodes = maxNodes;
  }

  /** Number of nodes with buckets, the shared ones included. */
  get size(): number {
    return this.#busyMs.size;
  }

  /**
   * Returns false for an invalid interval. `hasRoom` decides whether a new node gets buckets of its
   * own.
   */
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

  /** Includes `running`, without keeping it. Undefined before anything has run. */
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

  /** Widens and moves the buckets until they cover the interval too. */
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
