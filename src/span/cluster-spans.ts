import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type {
  NodeLifecycle,
  FinishedPlacementGroup,
  FinishedPoint,
  FinishedSession,
  FinishedSubmissionJob,
  WorkerLifecycle,
} from '../correlate/index.ts';
import { reasonLine } from '../event/index.ts';
import type { MappingContext } from './context.ts';
import { linksOf, makeSpan, parentIdOf, stateEvents } from './span-builder.ts';
import {
  nodeSpanId,
  placementGroupSpanId,
  pointSpanId,
  sessionSpanId,
  submissionJobSpanId,
  workerSpanId,
  workerStartSpanId,
} from './ids.ts';

/** Maps a session to the root span of the cluster's trace. */
export function sessionSpans(context: MappingContext, lifecycle: FinishedSession): ReadableSpan[] {
  const { session } = lifecycle;
  return [
    makeSpan(context, lifecycle.trace, {
      ...lifecycle,
      name: 'session',
      spanId: sessionSpanId(session),
      parentSpanId: undefined,
      attributes: context.attributes(),
      resource: context.resources.of(lifecycle),
      links: linksOf(lifecycle),
    }),
  ];
}

const EXPECTED_NODE_DEATHS: readonly string[] = ['EXPECTED_TERMINATION', 'AUTOSCALER_DRAIN_IDLE'];

export function nodeSpans(context: MappingContext, lifecycle: NodeLifecycle): ReadableSpan[] {
  const { session, nodeId, definition, node } = lifecycle;
  const death = lifecycle.states.find((transition) => transition.deathCause !== undefined)?.deathCause;
  const failed = death !== undefined && !EXPECTED_NODE_DEATHS.includes(death.reason);
  const totals = lifecycle.states.find((transition) => transition.resources !== undefined)?.resources;
  const attributes = context
    .attributes()
    .set('ray.node.name', definition?.nodeName)
    .set('ray.death_message', death?.message)
    .set('error.type', failed ? death.reason : undefined)
    .setEach('ray.resources.', totals);
  const states = lifecycle.states.map((transition) =>
    transition.isDraining === true ? { ...transition, state: `${transition.state} DRAINING` } : transition,
  );
  return [
    makeSpan(context, lifecycle.trace, {
      ...lifecycle,
      name: `node ${node?.hostname ?? node?.ipAddress ?? nodeId.slice(0, 8)}`,
      spanId: nodeSpanId(session, nodeId),
      parentSpanId: parentIdOf(lifecycle),
      attributes,
      resource: context.resources.of(lifecycle),
      links: linksOf(lifecycle),
      events: stateEvents(states),
      error: failed ? death.message || death.reason : undefined,
    }),
  ];
}

const FAILED_WORKER_EXITS: readonly string[] = ['SYSTEM_ERROR', 'USER_ERROR', 'NODE_OUT_OF_MEMORY'];

/**
 * Returns the launch and ready times of a worker process. Undefined when Ray does not report the
 * launch, or the times contradict each other.
 */
function coldStartOf({ states }: WorkerLifecycle): { readonly launchNs: bigint; readonly timeNs: bigint } | undefined {
  const alive = states.find(({ launchNs }) => launchNs !== undefined);
  return alive?.launchNs === undefined || alive.timeNs < alive.launchNs ? undefined : { launchNs: alive.launchNs, timeNs: alive.timeNs };
}

/** Counts the spans that `workerSpans` makes. */
export function countWorkerSpans(lifecycle: WorkerLifecycle): number {
  return coldStartOf(lifecycle) === undefined ? 1 : 2;
}

/** Maps a worker to a span of its process, and a span of its cold start when known. */
export function workerSpans(context: MappingContext, lifecycle: WorkerLifecycle): ReadableSpan[] {
  const { session, workerId, definition } = lifecycle;
  const resource = context.resources.of(lifecycle);
  const dead = lifecycle.states.find((transition) => transition.deathCause !== undefined);
  const death = dead?.deathCause;
  const failed = death !== undefined && lifecycle.endReason === undefined && FAILED_WORKER_EXITS.includes(death.reason);
  const pid = definition?.pid;
  const attributes = context
    .attributes()
    .set('ray.worker_id', workerId)
    .set('ray.job_id', lifecycle.jobId)
    .set('ray.worker.type', definition?.workerType)
    .set('process.pid', pid)
    .set('ray.task.end_reason', lifecycle.endReason)
    .set('ray.death_message', death?.message)
    .set('ray.worker.memory_used_bytes', dead?.memoryUsedBytes)
    .set('error.type', failed ? death.reason : undefined);
  const worker = makeSpan(context, lifecycle.trace, {
    ...lifecycle,
    name: `worker ${pid ?? workerId.slice(0, 8)}`,
    spanId: workerSpanId(session, workerId),
    parentSpanId: parentIdOf(lifecycle),
    attributes,
    resource,
    links: linksOf(lifecycle),
    events: stateEvents(lifecycle.states),
    error: failed ? reasonLine(death.message) || death.reason : undefined,
  });
  const alive = coldStartOf(lifecycle);
  if (alive === undefined) return [worker];
  const start = makeSpan(context, lifecycle.trace, {
    name: `worker start ${pid ?? workerId.slice(0, 8)}`,
    spanId: workerStartSpanId(session, workerId),
    parentSpanId: parentIdOf(lifecycle),
    startNs: alive.launchNs,
    endNs: alive.timeNs,
    attributes: context.attributes().set('ray.worker_id', workerId).set('process.pid', pid),
    resource,
  });
  return [worker, start];
}

export function placementGroupSpans(context: MappingContext, lifecycle: FinishedPlacementGroup): ReadableSpan[] {
  const { session, placementGroupId, definition } = lifecycle;
  const attributes = context
    .attributes()
    .set('ray.placement_group_id', placementGroupId)
    .set('ray.job_id', definition?.creatorJobId)
    .set('ray.placement_group.name', definition?.name)
    .set('ray.placement_group.strategy', definition?.strategy)
    .set('ray.placement_group.bundles', definition?.bundleCount);
  return [
    makeSpan(context, lifecycle.trace, {
      ...lifecycle,
      name: `placement group ${definition?.name ?? placementGroupId.slice(0, 8)}`,
      spanId: placementGroupSpanId(session, placementGroupId),
      parentSpanId: parentIdOf(lifecycle),
      attributes,
      resource: context.resources.of(lifecycle),
      links: linksOf(lifecycle),
      events: stateEvents(lifecycle.states),
    }),
  ];
}

export function submissionJobSpans(context: MappingContext, lifecycle: FinishedSubmissionJob): ReadableSpan[] {
  const { session, submissionId, definition, states } = lifecycle;
  const last = states.at(-1);
  const failed = states.find((transition) => transition.state === 'FAILED');
  const attributes = context
    .attributes()
    .set('ray.job.submission_id', submissionId)
    .set('ray.job.name', definition?.jobName)
    .set('ray.job.entrypoint', definition?.entrypoint)
    .set('ray.submission.message', last?.message)
    .set('ray.submission.exit_code', last?.exitCode)
    .set('error.type', failed === undefined ? undefined : (failed.errorType ?? 'FAILED'));
  return [
    makeSpan(context, lifecycle.trace, {
      ...lifecycle,
      name: `submission ${definition?.jobName ?? submissionId}`,
      spanId: submissionJobSpanId(session, submissionId),
      parentSpanId: parentIdOf(lifecycle),
      attributes,
      resource: context.resources.of(lifecycle),
      links: linksOf(lifecycle),
      events: stateEvents(states),
      error: failed === undefined ? undefined : failed.message?.split('\n', 1)[0] || 'FAILED',
    }),
  ];
}

/** Maps a momentary event of the cluster to a span of zero length. */
export function pointSpans(context: MappingContext, lifecycle: FinishedPoint): ReadableSpan[] {
  const { session, point } = lifecycle;
  const attributes = context
    .attributes()
    .set('ray.event.severity', point.severity)
    .set('ray.event.message', point.message)
    .setEach('ray.event.', point.attributes);
  return [
    makeSpan(context, lifecycle.trace, {
      ...lifecycle,
      name: `${point.source} ${point.name}`,
      spanId: pointSpanId(session, point.source, point.eventId, point.timeNs ?? 0n),
      parentSpanId: parentIdOf(lifecycle),
      attributes,
      resource: context.resources.of(lifecycle),
      links: linksOf(lifecycle),
      error: point.severity === 'ERROR' || point.severity === 'FATAL' ? point.message : undefined,
    }),
  ];
}
