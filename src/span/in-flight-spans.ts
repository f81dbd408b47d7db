import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { isRayWork, type InFlightEntity } from '../correlate/index.ts';
import { addFunction } from './attempt-spans.ts';
import type { MappingContext } from './context.ts';
import { addLibrary } from './libraries.ts';
import { type AttributeSet, linksOf, makeSpan } from './span-builder.ts';
import { inFlightSpanId, spanIdOf } from './ids.ts';

/**
 * Maps open work to an in-flight span, named as the span to come plus `(in flight)`. Backends list
 * its trace before the work ends.
 */
export function inFlightSpans(context: MappingContext, lifecycle: InFlightEntity): ReadableSpan[] {
  const { session, parent, jobId, job, actor } = lifecycle;
  const parentSpanId = spanIdOf(session, parent);
  const attributes = context.attributes().set('ray.in_flight', true).set('ray.job_id', jobId);
  attributes
    .set('ray.job.name', job?.jobName)
    .set('ray.job.submission_id', job?.submissionId)
    .set('ray.job.entrypoint', job?.entrypoint)
    .set('process.pid', job?.driverPid)
    .set('ray.actor_id', actor?.actorId)
    .set('ray.actor_class', actor?.className)
    .set('ray.actor.name', actor?.definition?.name)
    .set('ray.actor.namespace', actor?.definition?.namespace);
  if (actor !== undefined) addLibrary(attributes, actor);
  if (actor !== undefined && isRayWork(actor)) attributes.set('ray.internal', true);
  if (lifecycle.attempt !== undefined) addAttempt(attributes, lifecycle.attempt);
  return [
    makeSpan(context, lifecycle.trace, {
      ...lifecycle,
      name: `${nameOf(lifecycle)} (in flight)`,
      spanId: inFlightSpanId(session, parentSpanId),
      parentSpanId,
      attributes,
      resource: context.resources.of(lifecycle),
      links: linksOf(lifecycle),
    }),
  ];
}

function nameOf({ parent, name }: InFlightEntity): string {
  if (parent.kind === 'session') return 'session';
  return parent.kind === 'task' ? name : `${parent.kind} ${name}`;
}

/** Sets no `ray.task.type`, which identifies attempts: the span of the attempt comes later. */
function addAttempt(attributes: AttributeSet, facts: NonNullable<InFlightEntity['attempt']>): void {
  const { definition } = facts;
  attributes
    .set('ray.task_id', facts.taskId)
    .set('ray.task.attempt', facts.attempt)
    .set('ray.actor_id', facts.actorId)
    .set('ray.worker_id', facts.workerId)
    .set('process.pid', facts.workerPid);
  if (definition === undefined) return;
  addFunction(attributes, definition);
  addLibrary(attributes, definition);
  if (isRayWork(definition)) attributes.set('ray.internal', true);
}
