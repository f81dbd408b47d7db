import type { Output } from '../mapping.ts';
import type { StateTransition, TimeNs } from '../../event/index.ts';
import { RESERVED_COST } from '../budget/budget.ts';
import { nodeFacts } from './finished-attempt.ts';
import { diedWithDriver } from './attempt-outcome.ts';
import { interval, sessionStartNs, silenceNs } from './ends.ts';
import { leftOutOf } from '../compact/left-out.ts';
import type { Interval, Finished } from '../finished.ts';
import { smallest } from '../states/merge.ts';
import {
  type ClusterEntity,
  type NodeRecord,
  type PlacementGroup,
  Point,
  type Session,
  type SubmissionJob,
  type WorkerRecord,
} from '../entities/entities.ts';
import { CLUSTER_KINDS, type ClusterKindName } from '../entities/cluster-kinds.ts';
import { send, sendIfRoom } from '../send.ts';
import type { State } from '../state.ts';
import { beginOf, skewOf } from '../states/state-order.ts';
import { lastTrustedNs } from './trusted-time.ts';
import { statesWithEnd, type WithUntimedEnd } from '../states/untimed.ts';

/**
 * The spans of a session's trace, which has a budget like the trace of a job. Nodes that died have a reserved share. Things that are due at
 * the same time are closed in this order: nodes that died, nodes, placement groups, submissions, workers, points.
 */

export function closeOfCluster(state: State, record: ClusterEntity | Point, out: Output[]): void {
  if (record instanceof Point) return closePoint(state, record, out);
  switch (record.kind) {
    case 'node':
      return closeNode(state, record, out);
    case 'worker':
      return closeWorker(state, record, out);
    case 'placement_group':
      return closePlacementGroup(state, record, out);
    case 'submission_job':
      return closeSubmissionJob(state, record, out);
  }
}

/** Ends a session whose records are all closed. */
export function closeSessionTrace(state: State, session: Session, out: Output[]): void {
  session.threads?.forgetAll();
  session.threads = undefined;
  session.isOver = true;
  const trace = { kind: 'session', session: session.name } as const;
  if (!session.budget.rollups.isEmpty)
    for (const rollup of session.budget.rollups.flush(trace, session.name, undefined)) send(state, rollup, out);
  if (session.closed || !session.hasContent) return;
  session.closed = true;
  const times = interval(sessionStartNs(session), silenceNs(session), 'silence');
  send(state, { kind: 'session', session: session.name, trace, links: [], ...times }, out);
}

/** What the records of a session's own trace have in common: their states, and where they begin and end. `earlier` must precede all states. */
function sessionCommon<T extends StateTransition>(
  record: WithUntimedEnd<T> & { readonly session: Session; readonly kind: ClusterKindName },
  beganNs?: TimeNs,
  earlier: readonly (TimeNs | undefined)[] = [],
) {
  const { session, transitions } = record;
  const { endStates, order } = CLUSTER_KINDS[record.kind];
  const startNs = smallest(beginOf(transitions, order), beganNs) ?? sessionStartNs(session);
  const { states, endNs, endInferred } = statesWithEnd(record, endStates, lastTrustedNs(record) ?? startNs);
  const times = endNs === undefined ? interval(startNs, silenceNs(session), 'silence') : interval(startNs, endNs, endInferred);
  const facts = { states, statesLeftOut: leftOutOf(record), clockSkewNs: skewOf(transitions, order, ...earlier) };
  return { session: session.name, trace: { kind: 'session', session: session.name }, links: [], ...facts, ...times } as const;
}

/** A node that died has the share of failures. One that a worker's span hangs under gets its span in any case. */
function closeNode(state: State, node: NodeRecord, out: Output[]): void {
  state.close(node);
  if (!node.seen) return;
  const { session } = node;
  const facts = nodeFacts(session, node.id);
  const startNs = node.definition?.startNs;
  const lifecycle: Finished = {
    kind: 'node',
    ...sessionCommon(node, node.transitions.length === 0 ? startNs : undefined, [startNs]),
    parent: { kind: 'session' },
    nodeId: node.id,
    ...(node.definition === undefined ? {} : { definition: node.definition }),
    ...(facts === undefined ? {} : { node: facts }),
  };
  if (node.isReserved) {
    session.budget.release(RESERVED_COST);
    const cost = send(state, lifecycle, out);
    if (!session.budget.isUnlimited) session.budget.charge(cost);
    return;
  }
  if (sendIfRoom(state, session.budget, lifecycle, node.deadMs === undefined ? 'ordinary' : 'structure', out)) return;
  node.rolledUp = true;
  rollUp(session, 'node', lifecycle);
}

function closeWorker(state: State, worker: WorkerRecord, out: Output[]): void {
  state.close(worker);
  if (!worker.seen) return;
  const { session, definition } = worker;
  const node = definition?.nodeId === undefined ? undefined : session.nodes.get(definition.nodeId);
  const above = node?.seen === true && !node.rolledUp ? node : undefined;
  const facts = nodeFacts(session, definition?.nodeId);
  const launches = worker.transitions.map(({ launchNs }) => launchNs);
  const common = sessionCommon(worker, undefined, launches);
  const lifecycle: Finished = {
    kind: 'worker',
    ...common,
    parent: above === undefined ? { kind: 'session' } : { kind: 'node', id: above.id },
    workerId: worker.id,
    ...(worker.jobId === undefined ? {} : { jobId: worker.jobId }),
    ...(isOfEndedDriver(worker, common.endNs) ? { endReason: 'driver_ended' } : {}),
    ...(definition === undefined ? {} : { definition }),
    ...(facts === undefined ? {} : { node: facts }),
  };
  const toReserve = above?.closed === false && !above.isReserved ? above : undefined;
  if (sendIfRoom(state, session.budget, lifecycle, 'ordinary', out, toReserve === undefined ? undefined : RESERVED_COST)) {
    if (toReserve !== undefined) toReserve.isReserved = true;
    return;
  }
  rollUp(session, `worker ${definition?.workerType ?? ''}`.trim(), lifecycle);
}

function isOfEndedDriver({ session, jobId, transitions }: WorkerRecord, endNs: TimeNs): boolean {
  const job = jobId === undefined ? undefined : session.jobs.get(jobId);
  return job !== undefined && transitions.some(({ deathCause }) => deathCause !== undefined && diedWithDriver(deathCause, job, endNs));
}

function closePlacementGroup(state: State, group: PlacementGroup, out: Output[]): void {
  state.close(group);
  const lifecycle: Finished = {
    kind: 'placement_group',
    ...sessionCommon(group, group.definition?.requestedNs, [group.definition?.requestedNs]),
    parent: { kind: 'session' },
    placementGroupId: group.id,
    ...(group.definition === undefined ? {} : { definition: group.definition }),
  };
  if (!sendIfRoom(state, group.session.budget, lifecycle, 'ordinary', out)) rollUp(group.session, 'placement group', lifecycle);
}

function closeSubmissionJob(state: State, job: SubmissionJob, out: Output[]): void {
  state.close(job);
  const lifecycle: Finished = {
    kind: 'submission_job',
    ...sessionCommon(job),
    parent: { kind: 'session' },
    submissionId: job.id,
    ...(job.definition === undefined ? {} : { definition: job.definition }),
  };
  if (!sendIfRoom(state, job.session.budget, lifecycle, 'ordinary', out)) rollUp(job.session, 'submission', lifecycle);
}

function closePoint(state: State, record: Point, out: Output[]): void {
  const { session, point } = record;
  state.close(record);
  record.point = undefined;
  state.held.measure(record);
  if (point === undefined) return;
  const timeNs = point.timeNs ?? silenceNs(session);
  const lifecycle: Finished = {
    kind: 'point',
    session: session.name,
    trace: { kind: 'session', session: session.name },
    parent: { kind: 'session' },
    links: [],
    ...interval(timeNs, timeNs, point.timeNs === undefined ? 'silence' : undefined),
    point,
  };
  if (!sendIfRoom(state, session.budget, lifecycle, 'ordinary', out)) rollUp(session, point.name, lifecycle);
}

/** Sums up what the session's trace has no room for. */
function rollUp({ budget }: Session, name: string, { startNs, endNs }: Interval): void {
  budget.rollups.add(budget.rollups.under(), { name, outcome: 'finished', isAttempt: false, startNs, endNs });
}
