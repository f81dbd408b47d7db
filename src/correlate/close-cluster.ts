import type { StateTransition, TimeNs } from '../event/index.ts';
import { nodeFacts } from './attempt-lifecycle.ts';
import { diedWithDriver } from './attempt-outcome.ts';
import { interval, sessionStartNs, silenceNs } from './ends.ts';
import { leftOutOf } from './left-out.ts';
import type { Lifecycle } from './lifecycle.ts';
import { smallest } from './merge.ts';
import type { NodeRecord, PlacementGroup, Point, Session, SubmissionJob, WorkerRecord } from './records.ts';
import { sendIfRoom } from './send.ts';
import type { State } from './state.ts';
import { beginOf, MACHINE_ORDER, PLACEMENT_GROUP_ORDER, skewOf, type StateOrder, SUBMISSION_JOB_ORDER } from './state-order.ts';
import { DEATH, REMOVAL, statesWithEnd, SUBMISSION_END, type WithUntimedEnd } from './untimed.ts';

/** What the records of a session's own trace have in common: their states, and where they begin and end. `earlier` must precede all states. */
function sessionCommon<T extends StateTransition>(
  record: WithUntimedEnd<T> & { readonly session: Session },
  endStates: readonly string[],
  order: StateOrder,
  beganNs?: TimeNs,
  earlier: readonly (TimeNs | undefined)[] = [],
) {
  const { session, transitions } = record;
  const startNs = smallest(beginOf(transitions, order), beganNs) ?? sessionStartNs(session);
  const { states, endNs, endInferred } = statesWithEnd(record, endStates, transitions.at(-1)?.timeNs ?? startNs);
  const times = endNs === undefined ? interval(startNs, silenceNs(session), 'silence') : interval(startNs, endNs, endInferred);
  const facts = { states, statesLeftOut: leftOutOf(record), clockSkewNs: skewOf(transitions, order, ...earlier) };
  return { session: session.name, trace: { kind: 'session', session: session.name }, links: [], ...facts, ...times } as const;
}

export function closeNode(state: State, node: NodeRecord, out: Lifecycle[]): void {
  state.close(node);
  if (!node.seen) return;
  const facts = nodeFacts(node.session, node.id);
  const startNs = node.definition?.startNs;
  out.push({
    kind: 'node',
    ...sessionCommon(node, DEATH, MACHINE_ORDER, node.transitions.length === 0 ? startNs : undefined, [startNs]),
    parent: { kind: 'session' },
    nodeId: node.id,
    ...(node.definition === undefined ? {} : { definition: node.definition }),
    ...(facts === undefined ? {} : { node: facts }),
  });
}

export function closeWorker(state: State, worker: WorkerRecord, out: Lifecycle[]): void {
  state.close(worker);
  if (!worker.seen) return;
  const { session, definition } = worker;
  const node = definition?.nodeId === undefined ? undefined : session.nodes.get(definition.nodeId);
  const facts = nodeFacts(session, definition?.nodeId);
  const launches = worker.transitions.map(({ launchNs }) => launchNs);
  const common = sessionCommon(worker, DEATH, MACHINE_ORDER, undefined, launches);
  const lifecycle: Lifecycle = {
    kind: 'worker',
    ...common,
    parent: node?.seen === true ? { kind: 'node', id: node.id } : { kind: 'session' },
    workerId: worker.id,
    ...(worker.jobId === undefined ? {} : { jobId: worker.jobId }),
    ...(isOfEndedDriver(worker, common.endNs) ? { endReason: 'driver_ended' } : {}),
    ...(definition === undefined ? {} : { definition }),
    ...(facts === undefined ? {} : { node: facts }),
  };
  if (sendIfRoom(state, session.account, lifecycle, 'ordinary', out)) return;
  const name = `worker ${definition?.workerType ?? ''}`.trim();
  session.account.folds.add(session.account.folds.under(), {
    name,
    outcome: 'finished',
    isAttempt: false,
    startNs: common.startNs,
    endNs: common.endNs,
    waitNs: 0n,
  });
}

function isOfEndedDriver({ session, jobId, transitions }: WorkerRecord, endNs: TimeNs): boolean {
  const job = jobId === undefined ? undefined : session.jobs.get(jobId);
  return job !== undefined && transitions.some(({ deathCause }) => deathCause !== undefined && diedWithDriver(deathCause, job, endNs));
}

export function closePlacementGroup(state: State, group: PlacementGroup, out: Lifecycle[]): void {
  state.close(group);
  out.push({
    kind: 'placement_group',
    ...sessionCommon(group, REMOVAL, PLACEMENT_GROUP_ORDER, group.definition?.requestedNs, [group.definition?.requestedNs]),
    parent: { kind: 'session' },
    placementGroupId: group.id,
    ...(group.definition === undefined ? {} : { definition: group.definition }),
  });
}

export function closeSubmissionJob(state: State, job: SubmissionJob, out: Lifecycle[]): void {
  state.close(job);
  out.push({
    kind: 'submission_job',
    ...sessionCommon(job, SUBMISSION_END, SUBMISSION_JOB_ORDER),
    parent: { kind: 'session' },
    submissionId: job.id,
    ...(job.definition === undefined ? {} : { definition: job.definition }),
  });
}

export function closePoint(state: State, record: Point, out: Lifecycle[]): void {
  const { session, point } = record;
  state.close(record);
  record.point = undefined;
  state.held.measure(record);
  if (point === undefined) return;
  const timeNs = point.timeNs ?? silenceNs(session);
  const lifecycle: Lifecycle = {
    kind: 'point',
    session: session.name,
    trace: { kind: 'session', session: session.name },
    parent: { kind: 'session' },
    links: [],
    ...interval(timeNs, timeNs, point.timeNs === undefined ? 'silence' : undefined),
    point,
  };
  if (sendIfRoom(state, session.account, lifecycle, 'ordinary', out)) return;
  const unit = { name: point.name, outcome: 'finished', isAttempt: false, startNs: timeNs, endNs: timeNs, waitNs: 0n } as const;
  session.account.folds.add(session.account.folds.under(), unit);
}
