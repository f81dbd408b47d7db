import { Folds } from './fold.ts';
import type { SpanRef } from './lifecycle.ts';

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
export const PINNED_COST: Cost = { spans: 1, bytes: 2_000 };
const ROOT_COST: Cost = { spans: 1, bytes: 4_000 };
const FOLDS_WITHOUT_LIMIT_MAX = 1_000;
const FAILED_SHARE = 0.07;
const BYTES_ORDINARY_SHARE = 0.82;
const BYTES_FAILED_SHARE = 0.92;

/**
 * The budget of one trace. Ordinary spans may take most of it; a share is kept for failures, which people look for,
 * and one for the folds that sum up the rest, so that the whole never passes the limit.
 */
export class TraceAccount {
  readonly folds: Folds;
  readonly #limits: TraceLimits;
  #spans = ROOT_COST.spans;
  #bytes = ROOT_COST.bytes;
  #relaxed = false;
  foldedAttemptCount = 0;

  constructor(root: SpanRef, limits: TraceLimits) {
    this.#limits = limits;
    this.folds = new Folds(root, limits.maxSpans === 0 ? FOLDS_WITHOUT_LIMIT_MAX : foldShare(limits.maxSpans));
  }

  /** The whole rest of the trace is known and fits: nothing needs to be kept free. */
  relaxIfFits(rest: Cost): void {
    const { maxSpans, maxBytes } = this.#limits;
    const spansFit = maxSpans === 0 || this.#spans + rest.spans <= maxSpans;
    this.#relaxed = spansFit && (maxBytes === 0 || this.#bytes + rest.bytes <= maxBytes);
  }

  /** More may come after all. */
  tighten(): void {
    this.#relaxed = false;
  }

  fits(cost: Cost, failed: boolean): boolean {
    if (this.#relaxed) return true;
    const { maxSpans, maxBytes } = this.#limits;
    if (maxSpans > 0) {
      const failedLimit = maxSpans - foldShare(maxSpans) - 1;
      const limit = failed ? failedLimit : failedLimit - Math.floor(maxSpans * FAILED_SHARE);
      if (this.#spans + cost.spans > limit) return false;
    }
    return maxBytes === 0 || this.#bytes + cost.bytes <= maxBytes * (failed ? BYTES_FAILED_SHARE : BYTES_ORDINARY_SHARE);
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

function foldShare(maxSpans: number): number {
  return Math.max(Math.ceil(maxSpans * 0.03), Math.min(30, Math.floor(maxSpans * 0.15)));
}
