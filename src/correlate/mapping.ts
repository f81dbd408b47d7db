import { type Cost, NO_COST } from './budget/budget.ts';
import type { FinishedAttempt, Finished, TraceRef } from './finished.ts';
import type { Job } from './entities/entities.ts';

/** The spans of one finished thing, and the bytes of OTLP protobuf that they take. */
export interface Mapped<Span = unknown> {
  readonly spans: readonly Span[];
  readonly bytes: number;
}

/**
 * How finished things become spans. The correlator maps each thing once, when it knows that the thing is sent. There are two exceptions:
 *
 * 1. An attempt whose phases turn out not to fit is mapped again without them.
 * 2. What a job's end closes may be mapped before, to learn whether the whole rest of the trace fits, when its number of spans does not say so.
 *
 * All three functions are pure. An exception of `map` passes through `advance`, so the bridge gives a mapping that reports its errors instead.
 */
export interface Mapping<Span = unknown> {
  map(lifecycle: Finished): Mapped<Span>;
  /** The number of spans that `map` would make. Cheap. */
  count(lifecycle: Finished): number;
  /** The same answer for everything in one trace. What is not sampled is never mapped and costs nothing. */
  isSampled(trace: TraceRef): boolean;
}

/** A finished thing with its spans, which are undefined where its trace is not sampled. */
export interface Output<Span = unknown> {
  readonly lifecycle: Finished;
  readonly spans: readonly Span[] | undefined;
}

export function mapSampled(mapping: Mapping, lifecycle: Finished): Mapped | undefined {
  return mapping.isSampled(lifecycle.trace) ? mapping.map(lifecycle) : undefined;
}

export function costOfMapped(mapped: Mapped | undefined): Cost {
  return mapped === undefined ? NO_COST : { spans: mapped.spans.length, bytes: mapped.bytes };
}

/** An attempt that waits for others of its trace: mapped already, to learn whether all of them fit. */
export interface PreparedAttempt {
  readonly job: Job;
  readonly lifecycle: FinishedAttempt;
  readonly mapped: Mapped | undefined;
}
