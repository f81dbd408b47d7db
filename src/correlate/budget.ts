import { Rollups } from './rollup.ts';
import type { SpanRef } from './finished.ts';

/** What a lifecycle takes of a trace: spans, and bytes of OTLP protobuf. */
export interface Cost {
  readonly spans: number;
  readonly bytes: number;
}

/** Limits of one trace; 0 means none. */
export interface TraceLimits {
  readonly maxSpans: number;
  readonly maxBytes: number;
}

/** Kept free for a span that must be sent later because a child of it was sent. */
export const RESERVED_COST: Cost = { spans: 1, bytes: 2_000 };
/** In a trace without limits nothing needs to be measured. */
export const NO_COST: Cost = { spans: 0, bytes: 0 };
const ROOT_COST: Cost = { spans: 1, bytes: 4_000 };
const MAX_ROLLUPS_WITHOUT_LIMIT = 1_000;
const FAILED_SHARE = 0.07;
const DETAIL_SHARE = 0.5;
/** Of the bytes of a trace: what takes more is unusually large. */
const LARGE_SHARE = 0.02;
const NOT_FULL = Number.MAX_SAFE_INTEGER;
const BYTES_SHARE = { detail: 0.5, ordinary: 0.82, failed: 0.92 };

export type SavedBudget = readonly [
  spans: number,
  bytes: number,
  rolledUpAttemptCount: number,
  compactAttemptCount: number,
  rollups: readonly [nodes: number, round: number],
  limits: TraceLimits,
  relaxed: boolean,
  fullFromBytes: readonly number[],
];

/** What room is asked for: phases of an ordinary attempt, its span alone, or the span of a failure. */
const USES = ['detail', 'ordinary', 'failed'] as const;
export type Priority = (typeof USES)[number];

/**
 * The budget of one trace. The first half is open to everything; then attempts go without child spans, so that more of them have a
 * span of their own; a share is kept for failures, which people look for, and one for the rollups that sum up the rest, so that the
 * whole never passes the limit.
 */
export class TraceBudget {
  readonly rollups: Rollups;
  readonly #limits: TraceLimits;
  #spans = ROOT_COST.spans;
  #bytes = ROOT_COST.bytes;
  #relaxed = false;
  /**
   * By use, the bytes at which something did not fit: while the trace holds as many, nothing else of that use is sent. Else each of the thousands of
   * attempts that follow would be mapped to learn that it does not fit either.
   */
  #fullFromBytes: Partial<Record<Priority, number>> | undefined;
  rolledUpAttemptCount = 0;
  compactAttemptCount = 0;

  constructor(root: SpanRef, limits: TraceLimits) {
    this.#limits = limits;
    this.rollups = new Rollups(root, limits.maxSpans === 0 ? MAX_ROLLUPS_WITHOUT_LIMIT : rollupShare(limits.maxSpans));
  }

  get isUnlimited(): boolean {
    return this.#limits.maxSpans === 0 && this.#limits.maxBytes === 0;
  }

  /** For a checkpoint: numbers only, the rollups have records of their own. */
  save(): SavedBudget {
    const fullFromBytes = this.#fullFromBytes === undefined ? [] : USES.map((use) => this.#fullFromBytes?.[use] ?? NOT_FULL);
    const { rolledUpAttemptCount, compactAttemptCount } = this;
    return [
      this.#spans,
      this.#bytes,
      rolledUpAttemptCount,
      compactAttemptCount,
      this.rollups.save(),
      this.#limits,
      this.#relaxed,
      fullFromBytes,
    ];
  }

  static restored(root: SpanRef, saved: SavedBudget): TraceBudget {
    const [spans, bytes, rolledUpAttemptCount, compactAttemptCount, rollups, limits, relaxed, fullFromBytes] = saved;
    const budget = new TraceBudget(root, limits);
    budget.#spans = spans;
    budget.#bytes = bytes;
    budget.rolledUpAttemptCount = rolledUpAttemptCount;
    budget.compactAttemptCount = compactAttemptCount;
    budget.rollups.restore(rollups);
    budget.#relaxed = relaxed;
    for (const [index, fromBytes] of fullFromBytes.entries()) budget.#noteFullFrom(fromBytes, USES[index]);
    return budget;
  }

  /** True where nothing was rolled up yet, and all of `rest` fits. */
  fitsWhole(rest: Cost): boolean {
    const { maxSpans, maxBytes } = this.#limits;
    const spansFit = maxSpans === 0 || this.#spans + rest.spans <= maxSpans;
    return this.rollups.count === 0 && spansFit && (maxBytes === 0 || this.#bytes + rest.bytes <= maxBytes);
  }

  /** The whole rest of the trace is known: where it fits, nothing needs to be kept free. */
  relaxIfFits(rest: Cost): void {
    this.#relaxed = this.fitsWhole(rest);
  }

  /** More may come after all. */
  tighten(): void {
    this.#relaxed = false;
  }

  /** False where so many spans surely do not fit, whatever their size. */
  mayFit(spans: number, use: Priority): boolean {
    return this.#relaxed || (this.fits({ spans, bytes: 0 }, use) && this.#bytes < (this.#fullFromBytes?.[use] ?? NOT_FULL));
  }

  /** Charges `own` if it fits together with `alsoSure`, which is charged later. */
  chargeIfFits(own: Cost, alsoSure: Cost, use: Priority): boolean {
    const whole = { spans: own.spans + alsoSure.spans, bytes: own.bytes + alsoSure.bytes };
    if (!this.fits(whole, use)) {
      this.#noteFull(whole, use);
      return false;
    }
    this.charge(own);
    return true;
  }

  /** Something that is unusually large for this trace says nothing about others. */
  #noteFull(cost: Cost, use: Priority): void {
    const { maxBytes } = this.#limits;
    const fitsBySpans = this.fits({ spans: cost.spans, bytes: 0 }, use);
    if (fitsBySpans && cost.bytes <= maxBytes * LARGE_SHARE) this.#noteFullFrom(this.#bytes, use);
  }

  #noteFullFrom(bytes: number, use: Priority | undefined): void {
    if (use === undefined) return;
    this.#fullFromBytes ??= {};
    this.#fullFromBytes[use] = Math.min(this.#fullFromBytes[use] ?? NOT_FULL, bytes);
  }

  fits(cost: Cost, use: Priority): boolean {
    if (this.#relaxed) return true;
    const { maxSpans, maxBytes } = this.#limits;
    return (
      (maxSpans === 0 || this.#spans + cost.spans <= spansFor(use, maxSpans)) &&
      (maxBytes === 0 || this.#bytes + cost.bytes <= maxBytes * BYTES_SHARE[use])
    );
  }

  /** How many spans that are made sure fit besides one span; less than 0 where not even that does. */
  reservationsThatFit(use: Priority): number {
    if (this.#relaxed) return Number.POSITIVE_INFINITY;
    const { maxSpans, maxBytes } = this.#limits;
    const spans = maxSpans === 0 ? Number.POSITIVE_INFINITY : Math.floor(spansFor(use, maxSpans)) - this.#spans - 1;
    const bytes = maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes * BYTES_SHARE[use] - this.#bytes;
    return Math.min(spans, Math.floor(bytes / RESERVED_COST.bytes));
  }

  charge(cost: Cost): void {
    this.#spans += cost.spans;
    this.#bytes += cost.bytes;
  }

  release(cost: Cost): void {
    this.#spans -= cost.spans;
    this.#bytes -= cost.bytes;
  }
}

function spansFor(use: Priority, maxSpans: number): number {
  const failed = maxSpans - rollupShare(maxSpans) - 1;
  const ordinary = failed - Math.floor(maxSpans * FAILED_SHARE);
  return use === 'failed' ? failed : use === 'ordinary' ? ordinary : ordinary * DETAIL_SHARE;
}

function rollupShare(maxSpans: number): number {
  return Math.max(Math.ceil(maxSpans * 0.03), Math.min(30, Math.floor(maxSpans * 0.15)));
}
