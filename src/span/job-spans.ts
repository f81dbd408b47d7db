import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { FinishedJob } from '../correlate/index.ts';
import { profileTimes } from './attempt-spans.ts';
import type { MappingContext } from './context.ts';
import { linksOf, makeSpan, parentIdOf, stateEvents } from './span-builder.ts';
import { jobSpanId, profileSpanId } from './ids.ts';

const NO_TASK = 'f'.repeat(48);

/**
 * Maps a job to the root span of its trace, which also represents the driver. The driver's profile
 * entries are its children.
 */
export function jobSpans(context: MappingContext, lifecycle: FinishedJob): ReadableSpan[] {
  const { session, jobId, definition, verdict, tasks } = lifecycle;
  const spanId = jobSpanId(session, jobId);
  const resource = context.resources.of(lifecycle);
  const attributes = context
    .attributes()
    .set('ray.job_id', jobId)
    .set('ray.job.name', definition?.jobName)
    .set('ray.job.submission_id', definition?.submissionId)
    .set('ray.job.entrypoint', definition?.entrypoint)
    .set('process.pid', definition?.driverPid)
    .set('ray.job.tasks.finished', tasks.finished)
    .set('ray.job.tasks.failed', tasks.failed)
    .set('ray.job.tasks.cancelled', tasks.cancelled)
    .set('ray.job.tasks.unfinished', tasks.unfinished)
    .set('ray.job.attempts', lifecycle.attemptCount)
    .set('ray.job.actors', lifecycle.actorCount)
    .set('ray.job.folded_attempts', lifecycle.rolledUpAttemptCount)
    .set('ray.job.attempts_without_phases', lifecycle.compactAttemptCount > 0 ? lifecycle.compactAttemptCount : undefined)
    .set('ray.job.outcome', verdict.outcome)
    .set('ray.job.outcome_reason', verdict.reason)
    .set('ray.job.outcome_message', verdict.message)
    .set('ray.job.exit_code', verdict.exitCode)
    .set('error.type', verdict.outcome === 'failed' ? verdict.errorType : undefined);
  context.addRuntimeEnv(attributes, definition?.runtimeEnv);
  if (lifecycle.isInternal) attributes.set('ray.internal', true);
  const job = makeSpan(context, lifecycle.trace, {
    ...lifecycle,
    name: `job ${lifecycle.name}`,
    spanId,
    parentSpanId: parentIdOf(lifecycle),
    attributes,
    resource,
    links: linksOf(lifecycle),
    events: stateEvents(lifecycle.states),
    error: verdict.outcome === 'failed' ? verdict.message : undefined,
  });
  const profile = lifecycle.profile.map((entry) => {
    const entryAttributes = context.attributes().set('ray.job_id', jobId).set('ray.task_id', entry.taskId).set('ray.profile', true);
    return makeSpan(context, lifecycle.trace, {
      name: entry.name,
      spanId: profileSpanId(session, entry.taskId ?? NO_TASK, entry.attempt, entry.name, entry.startNs, entry.endNs),
      parentSpanId: spanId,
      ...profileTimes(entry),
      resource,
      attributes: entryAttributes,
    });
  });
  return [job, ...profile];
}
