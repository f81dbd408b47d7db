import type { AttemptView } from './records.ts';
import type { SessionNow } from './session-now.ts';
import type { RollupRow } from './shapes.ts';

/** Buckets of a rolled-up row. A screen cannot show more of them apart. */
const BUCKETS = 96;

/** How many of the attempts ran and waited over time, and when some failed. Costs one step for each attempt. */
export function densityOf(
  members: readonly AttemptView[],
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  now: SessionNow,
): NonNullable<RollupRow['density']> {
  const bucketMs = Math.max(0.001, (endMs - startMs) / BUCKETS);
  const running = new Span(startMs, bucketMs);
  const waiting = new Span(startMs, bucketMs);
  const failed = Array.from({ length: BUCKETS }, () => 0);
  for (const last of members) {
    for (let each: AttemptView | undefined = last; each !== undefined; each = each.previous) {
      const untilMs = now.untilMs(each);
      const ranMs = Number.isNaN(each.runningMs) ? untilMs : each.runningMs;
      waiting.add(each.startMs, ranMs);
      running.add(ranMs, untilMs);
      if (each.stage !== 'failed' || Number.isNaN(each.endMs)) continue;
      const at = bucketOf(each.endMs, startMs, bucketMs);
      failed[at] = (failed[at] ?? 0) + 1;
    }
  }
  return {
    startMs: Math.round(startMs * 1000) / 1000,
    bucketMs: Math.round(bucketMs * 1000) / 1000,
    running: running.means(),
    waiting: waiting.means(),
    failed,
  };
}

function bucketOf(ms: number, startMs: number, bucketMs: number): number {
  return Math.max(0, Math.min(BUCKETS - 1, Math.floor((ms - startMs) / bucketMs)));
}

/** The sum of intervals by bucket. Whole buckets are added as the difference to the bucket before. */
class Span {
  readonly #startMs: number;
  readonly #bucketMs: number;
  readonly #whole = new Float64Array(BUCKETS + 1);
  readonly #part = new Float64Array(BUCKETS + 1);

  constructor(startMs: number, bucketMs: number) {
    this.#startMs = startMs;
    this.#bucketMs = bucketMs;
  }

  add(fromMs: number, toMs: number): void {
    if (!(toMs > fromMs)) return;
    const from = Math.max(0, (fromMs - this.#startMs) / this.#bucketMs);
    const to = Math.min(BUCKETS, (toMs - this.#startMs) / this.#bucketMs);
    const [first, last] = [Math.floor(from), Math.min(BUCKETS - 1, Math.floor(to))];
    if (first >= last) {
      add(this.#part, first, Math.max(0, to - from));
      return;
    }
    add(this.#part, first, first + 1 - from);
    add(this.#part, last, to - last);
    add(this.#whole, first + 1, 1);
    add(this.#whole, last, -1);
  }

  means(): readonly number[] {
    const means: number[] = [];
    let whole = 0;
    for (let index = 0; index < BUCKETS; index += 1) {
      whole += this.#whole[index] ?? 0;
      means.push(Math.round((whole + (this.#part[index] ?? 0)) * 100) / 100);
    }
    return means;
  }
}

function add(values: Float64Array, index: number, by: number): void {
  values[index] = (values[index] ?? 0) + by;
}
