import {
  type ActorDefinition,
  type ActorLifecycle,
  type ClusterPoint,
  type DeathCause,
  endedDriver,
  type JobDefinition,
  type JobLifecycle,
  type NodeDefinition,
  type NodeLifecycle,
  type PlacementGroupDefinition,
  type PlacementGroupLifecycle,
  type ProcessExit,
  type RayEvent,
  shrunk,
  type SubmissionJobDefinition,
  type SubmissionJobLifecycle,
  type WorkerDefinition,
  type WorkerLifecycle,
} from '../event/index.ts';
import { applyTaskDefinition, applyTaskLifecycle, applyTaskProfile } from './apply-task.ts';
import { endJob, noteDetached, scheduleActor, scheduleAttempt, scheduleAttemptsOf, scheduleEach, scheduleJobInFlight } from './due/due.ts';
import { oneOf, smallest } from './states/merge.ts';
import { isCreationTask, isRayActorName } from './ray-ids.ts';
import { Point } from './entities.ts';
import type { Actor, Attempt, Job, NodeRecord, Session, WorkerRecord } from './entities.ts';
import type { Applied, State } from './state.ts';
import { canTrust, nsOf, withReceiveTime, withTime } from './finish/trusted-time.ts';
import { DEATH, hasEnded, JOB_END, REMOVAL, SUBMISSION_END, withUntimedEnd } from './states/untimed.ts';

/** Points of a session; beyond, one without a time is finished at once, at the last time that is known then. */
export const MAX_WAITING_POINTS = 10_000;

/** Applies an event to the state. */
export function applyEvent(state: State, received: RayEvent, nowMs: number): Applied {
  // More was accepted than may be held, before it was known how much that is.
  const event = state.held.open > 2 * state.options.maxHeldBytes ? shrunk(received) : received;
  const session = state.session(event.session, nowMs);
  if (nowMs > session.lastSeenMs || session.givesWay || session.isOver) state.touch(session, nowMs);
  state.schedule(session, session.dueMs === Number.POSITIVE_INFINITY ? nowMs + state.options.orphanTimeoutMs : session.dueMs);
  noteTimes(state, session, event, nowMs);
  switch (event.type) {
    case 'task_definition':
      return applyTaskDefinition(state, session, event, nowMs);
    case 'task_lifecycle':
      return applyTaskLifecycle(state, session, event, nowMs);
    case 'task_profile':
      return applyTaskProfile(state, session, event, nowMs);
    case 'actor_definition':
    case 'actor_lifecycle':
      return applyActor(state, session, event, nowMs);
    case 'job_definition':
    case 'job_lifecycle':
      return applyJob(state, session, event, nowMs);
    case 'node_definition':
    case 'node_lifecycle':
      return applyNode(state, session, event, nowMs);
    case 'worker_definition':
    case 'worker_lifecycle':
      return applyWorker(state, session, event, nowMs);
    case 'placement_group_definition':
    case 'placement_group_lifecycle':
      return applyPlacementGroup(state, session, event, nowMs);
    case 'submission_job_definition':
    case 'submission_job_lifecycle':
      return applySubmissionJob(state, session, event, nowMs);
    case 'cluster_point':
      return applyPoint(state, session, event, nowMs);
  }
}

/** The session's first and last known times: where it ends when it falls silent. */
function noteTimes(state: State, session: Session, event: RayEvent, nowMs: number): void {
  if (!canTrust(session)) session.received = withTime(session.received, state.received.ms === undefined ? nsOf(nowMs) : state.received.ns);
  if (event.type === 'task_definition') return;
  if ('transitions' in event) for (const { timeNs } of event.transitions) noteTime(state, session, timeNs);
  if (event.type === 'cluster_point' && event.timeNs !== undefined) noteTime(state, session, event.timeNs);
  if (event.type === 'task_profile') {
    for (const entry of event.entries) {
      noteTime(state, session, entry.startNs);
      noteTime(state, session, entry.endNs);
    }
  }
}

function noteTime(state: State, session: Session, timeNs: bigint): void {
  if (!state.received.trusts(timeNs)) {
    if (!canTrust(session)) session.wrong = withTime(session.wrong, timeNs);
    return;
  }
  session.wrong = undefined;
  session.received = undefined;
  if (session.firstNs === undefined || timeNs < session.firstNs) session.firstNs = timeNs;
  if (session.lastNs === undefined || timeNs > session.lastNs) session.lastNs = timeNs;
}

function applyActor(state: State, session: Session, event: ActorDefinition | ActorLifecycle, nowMs: number): Applied {
  session.sendsActors = true;
  const actor = state.actor(session, event.actorId, nowMs);
  if (actor.closed) return 'late';
  if (event.type === 'actor_definition') {
    actor.definition = oneOf(actor.definition, event);
    noteDetached(state, actor, nowMs);
    if (isRayActorName(event.name)) state.job(session, actor.jobId, nowMs).hasRayActor = true;
  } else {
    state.addTransitions(actor, withReceiveTime(event.transitions, state.received));
    actor.untimedEnd = withUntimedEnd(actor.untimedEnd, event.untimed, DEATH);
    if (actor.untimedEnd !== undefined) actor.deadMs ??= nowMs;
    for (const { deathCause } of event.untimed ?? [])
      if (deathCause !== undefined) noteDriverExit(state.job(session, actor.jobId, nowMs), deathCause);
    for (const { state: name, nodeId, deathCause } of event.transitions) {
      if (name === 'DEAD') actor.deadMs ??= nowMs;
      if (deathCause !== undefined) noteDriverExit(state.job(session, actor.jobId, nowMs), deathCause);
      if (name === 'ALIVE') placeActor(state, actor, nowMs);
      if (nodeId !== undefined) state.node(session, nodeId);
    }
    scheduleAttemptsOf(state, actor, event.transitions, nowMs);
  }
  state.held.measure(actor);
  scheduleActor(state, actor, nowMs);
  return 'applied';
}

/** The first ALIVE says where the creation ran, which it waited for. */
function placeActor(state: State, actor: Actor, nowMs: number): void {
  if (actor.isPlaced) return;
  actor.isPlaced = true;
  for (const attempt of actor.open ?? []) if (isCreationTask(attempt.task.id)) scheduleAttempt(state, attempt, nowMs);
}

/** What dies with its owner says how the owner ended: of a driver, Ray sends nothing else. */
function noteDriverExit(job: Job, { message }: DeathCause): void {
  const driver = endedDriver(message);
  if (driver === undefined || driver.jobId !== job.id) return;
  const known = job.driverExit;
  if (known === undefined || exitKey(driver.exit) < exitKey(known)) job.driverExit = driver.exit;
}

function exitKey({ type, detail }: ProcessExit): string {
  return `${type}\0${detail}`;
}

function applyJob(state: State, session: Session, event: JobDefinition | JobLifecycle, nowMs: number): Applied {
  session.sendsJobs = true;
  const job = state.job(session, event.jobId, nowMs);
  const late = job.closed;
  if (event.type === 'job_definition') {
    job.definition = oneOf(job.definition, event);
  } else {
    state.addTransitions(job, withReceiveTime(event.transitions, state.received));
    job.untimedEnd = withUntimedEnd(job.untimedEnd, event.untimed, JOB_END);
    if (hasEnded(job, event.transitions, JOB_END)) endJob(state, job, nowMs);
  }
  state.held.measure(job);
  scheduleJobInFlight(state, job, nowMs);
  return late ? 'late' : 'applied';
}

function applyNode(state: State, session: Session, event: NodeDefinition | NodeLifecycle, nowMs: number): Applied {
  session.hasContent = true;
  const node = state.node(session, event.nodeId);
  if (node.closed) return 'late';
  state.aging.remove(node);
  if (event.type === 'node_definition') {
    node.definition = oneOf(node.definition, event);
  } else {
    state.addTransitions(node, withReceiveTime(event.transitions, state.received));
    node.untimedEnd = withUntimedEnd(node.untimedEnd, event.untimed, DEATH);
    if (hasEnded(node, event.transitions, DEATH)) noteDeath(state, node, nowMs);
  }
  state.held.measure(node);
  return 'applied';
}

function applyWorker(state: State, session: Session, event: WorkerDefinition | WorkerLifecycle, nowMs: number): Applied {
  session.hasContent = true;
  session.sendsWorkers = true;
  const worker = state.worker(session, event.workerId);
  if (worker.closed) return 'late';
  state.aging.remove(worker);
  if (event.type === 'worker_definition') {
    worker.definition = oneOf(worker.definition, event);
  } else {
    worker.jobId = smallest(worker.jobId, event.jobId);
    state.addTransitions(worker, withReceiveTime(event.transitions, state.received));
    worker.untimedEnd = withUntimedEnd(worker.untimedEnd, event.untimed, DEATH);
    if (hasEnded(worker, event.transitions, DEATH)) noteDeath(state, worker, nowMs);
  }
  state.held.measure(worker);
  return 'applied';
}

function noteDeath(state: State, record: NodeRecord | WorkerRecord, nowMs: number): void {
  if (record.deadMs !== undefined) return;
  record.deadMs = nowMs;
  state.sweeps.add(scheduleEach(state, attemptsOn(record), nowMs));
  state.schedule(record, nowMs + state.options.settleMs);
}

function* attemptsOn({ placements }: NodeRecord | WorkerRecord): Generator<Attempt> {
  for (const { attempts } of placements) yield* attempts;
}

function applyPlacementGroup(
  state: State,
  session: Session,
  event: PlacementGroupDefinition | PlacementGroupLifecycle,
  nowMs: number,
): Applied {
  session.hasContent = true;
  const group = state.placementGroup(session, event.placementGroupId);
  if (group.closed) return 'late';
  if (event.type === 'placement_group_definition') {
    group.definition = oneOf(group.definition, event);
  } else {
    state.addTransitions(group, withReceiveTime(event.transitions, state.received));
    group.untimedEnd = withUntimedEnd(group.untimedEnd, event.untimed, REMOVAL);
    if (hasEnded(group, event.transitions, REMOVAL)) state.schedule(group, nowMs + state.options.settleMs);
  }
  state.held.measure(group);
  return 'applied';
}

function applySubmissionJob(
  state: State,
  session: Session,
  event: SubmissionJobDefinition | SubmissionJobLifecycle,
  nowMs: number,
): Applied {
  session.hasContent = true;
  const job = state.submissionJob(session, event.submissionId);
  if (job.closed) return 'late';
  if (event.type === 'submission_job_definition') {
    job.definition = oneOf(job.definition, event);
  } else {
    state.addTransitions(job, withReceiveTime(event.transitions, state.received));
    job.untimedEnd = withUntimedEnd(job.untimedEnd, event.untimed, SUBMISSION_END);
    if (hasEnded(job, event.transitions, SUBMISSION_END)) state.schedule(job, nowMs + state.options.settleMs);
  }
  state.held.measure(job);
  return 'applied';
}

function applyPoint(state: State, session: Session, event: ClusterPoint, nowMs: number): Applied {
  session.hasContent = true;
  const key = pointKey(event);
  if (session.points.has(key)) return 'late';
  const point = state.addRecord(session.points, new Point(session, key, event));
  state.held.measure(point);
  // A point without a time is placed at the end of its session, as long as only few points wait for that.
  if (event.timeNs !== undefined || session.points.size > MAX_WAITING_POINTS) state.schedule(point, nowMs);
  return 'applied';
}

/** An update of a Kubernetes event has its id, another time and a higher count. */
function pointKey({ source, eventId, timeNs, attributes }: ClusterPoint): string {
  return `${source}/${eventId}/${timeNs ?? `untimed ${attributes['count'] ?? ''}`}`;
}
