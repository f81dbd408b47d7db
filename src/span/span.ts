import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Finished } from '../correlate/index.ts';
import { actorSpans } from './actor-spans.ts';
import { attemptSpans, countAttemptSpans } from './attempt-spans.ts';
import {
  countWorkerSpans,
  nodeSpans,
  placementGroupSpans,
  pointSpans,
  sessionSpans,
  submissionJobSpans,
  workerSpans,
} from './cluster-spans.ts';
import { MappingContext } from './context.ts';
import { rollupSpans } from './rollup-spans.ts';
import { jobSpans } from './job-spans.ts';
import { inFlightSpans } from './in-flight-spans.ts';
import { SPAN_DEFAULTS, type SpanOptions } from './options.ts';

/** Maps a finished lifecycle to spans: its own first, then its children. Pure. */
export type SpanMapper = (lifecycle: Finished) => readonly ReadableSpan[];

/** Creates a mapper. Missing `options` take their defaults. */
export function createSpanMapper(options: Partial<SpanOptions> = {}): SpanMapper {
  const context = new MappingContext({ ...SPAN_DEFAULTS, ...options });
  return (lifecycle) => spansOf(context, lifecycle);
}

/** Counts the spans of a lifecycle without mapping it. */
export function countSpans(lifecycle: Finished, options: SpanOptions): number {
  switch (lifecycle.kind) {
    case 'attempt':
      return countAttemptSpans(lifecycle, options);
    case 'job':
      return 1 + lifecycle.profile.length;
    case 'actor':
      return 1 + lifecycle.incarnations.length;
    case 'worker':
      return countWorkerSpans(lifecycle);
    case 'node':
    case 'placement_group':
    case 'submission_job':
    case 'point':
    case 'session':
    case 'rollup':
    case 'in_flight':
      return 1;
  }
}

function spansOf(context: MappingContext, lifecycle: Finished): readonly ReadableSpan[] {
  switch (lifecycle.kind) {
    case 'attempt':
      return attemptSpans(context, lifecycle);
    case 'job':
      return jobSpans(context, lifecycle);
    case 'actor':
      return actorSpans(context, lifecycle);
    case 'node':
      return nodeSpans(context, lifecycle);
    case 'worker':
      return workerSpans(context, lifecycle);
    case 'placement_group':
      return placementGroupSpans(context, lifecycle);
    case 'submission_job':
      return submissionJobSpans(context, lifecycle);
    case 'point':
      return pointSpans(context, lifecycle);
    case 'session':
      return sessionSpans(context, lifecycle);
    case 'rollup':
      return rollupSpans(context, lifecycle);
    case 'in_flight':
      return inFlightSpans(context, lifecycle);
  }
}
