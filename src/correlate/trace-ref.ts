import { parseTraceParent } from '@opentelemetry/core';
import type { CallerContext, JobTraceRef, SpanRef, TraceRef } from './finished.ts';
import type { Actor, Job } from './entities/entities.ts';
import type { JobState } from './read-model.ts';

/** `traceparent` of W3C Trace Context, level 1; undefined when it is invalid. */
export function parseCaller(traceparent: string | undefined, tracestate: string | undefined): CallerContext | undefined {
  const context = traceparent === undefined ? null : parseTraceParent(traceparent.trim());
  if (context === null) return undefined;
  const { traceId, spanId, traceFlags } = context;
  return { traceId, spanId, traceFlags, ...(tracestate === undefined ? {} : { traceState: tracestate }) };
}

/** The job's trace. The first use fixes it: an id that was given away can't change any more. */
export function jobTrace(job: Job): JobTraceRef {
  job.trace ??= presentTrace(job);
  return job.trace;
}

/** The job's trace as far as is known now. A `traceparent` can still change it while no span was sent. */
export function presentTrace({ trace, definition, session, id }: JobState): JobTraceRef {
  if (trace !== undefined) return trace;
  const caller = parseCaller(definition?.traceparent, definition?.tracestate);
  return { kind: 'job', session: session.name, jobId: id, ...(caller === undefined ? {} : { caller }) };
}

export function actorTrace(actor: Actor, job: Job): TraceRef {
  return actor.isDetached ? { kind: 'actor', session: actor.session.name, actorId: actor.id } : jobTrace(job);
}

export function jobSpan(job: Job): SpanRef {
  return { kind: 'job', id: job.id };
}

export function actorSpan(actor: Actor): SpanRef {
  return { kind: 'actor', id: actor.id };
}
