import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { FinishedRollup, SpreadFacts } from '../correlate/index.ts';
import type { MappingContext } from './context.ts';
import { type AttributeSet, linksOf, makeSpan, parentIdOf, seconds } from './span-builder.ts';
import { spanIdOf } from './ids.ts';

/**
 * Maps a rollup to one span: the sums of the spans that the trace budget left out, from their first
 * start to their last end.
 */
export function rollupSpans(context: MappingContext, lifecycle: FinishedRollup): ReadableSpan[] {
  const { session, self, counts, trace } = lifecycle;
  const count = counts.finished + counts.failed + counts.cancelled + counts.unfinished;
  const attributes = context
    .attributes()
    .set('ray.job_id', trace.kind === 'job' ? trace.jobId : undefined)
    .set('ray.fold.attempts', lifecycle.attempts)
    .set('ray.fold.finished', counts.finished)
    .set('ray.fold.failed', counts.failed)
    .set('ray.fold.cancelled', counts.cancelled)
    .set('ray.fold.unfinished', counts.unfinished)
    .set('ray.fold.duration_sum_seconds', seconds(lifecycle.durationSumNs))
    .set('ray.fold.duration_min_seconds', seconds(lifecycle.durationMinNs))
    .set('ray.fold.duration_max_seconds', seconds(lifecycle.durationMaxNs))
    .set('ray.task.pending_seconds', seconds(lifecycle.pending?.sumNs ?? 0n));
  addSpread(attributes, 'running', lifecycle.running);
  addSpread(attributes, 'pending', lifecycle.pending);
  return [
    makeSpan(context, trace, {
      ...lifecycle,
      name: `${lifecycle.name} ×${count}`,
      spanId: spanIdOf(session, self),
      parentSpanId: parentIdOf(lifecycle),
      attributes,
      resource: context.resources.of(lifecycle),
      links: linksOf(lifecycle),
      error: counts.failed > 0 ? `${counts.failed} of ${count} failed` : undefined,
    }),
  ];
}

function addSpread(attributes: AttributeSet, what: 'running' | 'pending', spread: SpreadFacts | undefined): void {
  if (spread === undefined) return;
  attributes
    .set(`ray.fold.${what}_sum_seconds`, seconds(spread.sumNs))
    .set(`ray.fold.${what}_min_seconds`, seconds(spread.minNs))
    .set(`ray.fold.${what}_max_seconds`, seconds(spread.maxNs))
    .set(`ray.fold.${what}_p50_seconds`, seconds(spread.p50Ns))
    .set(`ray.fold.${what}_p95_seconds`, seconds(spread.p95Ns))
    .set(`ray.fold.${what}_p99_seconds`, seconds(spread.p99Ns));
}
