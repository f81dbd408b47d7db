import {
  type ActorDefinition,
  type ActorLifecycle,
  type ClusterPoint,
  type DeathCause,
  endedDriver,
  type JobDefinition,
  type JobLifecycle,
  type ProcessExit,
  type RayEvent,
  shrunk,
  type StateTransition,
  type Transitions,
  type Untimed,
  type WorkerDefinition,
  type WorkerLifecycle,
} from '../event/index.ts';
import { type ClusterKind, CLUSTER_KINDS } from './entities/cluster-kinds.ts';
import { applyTaskDefinition, applyTaskLifecycle, applyTaskProfile } from './apply-task.ts';
import { endJob, noteDetached, scheduleActor, scheduleAttempt, scheduleAttemptsOf, scheduleEach, scheduleJobInFlight } from './due/due.ts';
import { oneOf, smallest } from './states/merge.ts';
import { isCreationTask, isRayActorName } from './naming/ray-ids.ts';
import { Point } from './entities/entities.ts';
import type { Actor, Attempt, ClusterEntity, Job, NodeRecord, Session, WorkerRecord } from './entities/entities.ts';
import type { LeftOut } from './compact/left-out.ts';
import type { Applied, State } from './state.ts';
import { canTrust, nsOf, withReceiveTime, withTime } from './finish/trusted-time.ts';
import { DEATH, hasEnded, JOB_END, withUntimedEnd } from './states/untimed.ts';

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
      return applyEntity(state, CLUSTER_KINDS.node, session, event.nodeId, event, nowMs);
    case 'worker_definition':
    case 'worker_lifecycle':
      return applyWorker(state, session, event, nowMs);
    case 'placement_group_definition':
    case 'placement_group_lifecycle':
      return applyEntity(state, CLUSTER_KINDS.placement_group, session, event.placementGroupId, event, nowMs);
    case 'submission_job_definition':
    case 'submission_job_lifecycle':
      return applyEntity(state, CLUSTER_KINDS.submission_job, session, event.submissionId, event, nowMs);
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
      if (nodeId !== undefined) state.clusterEntity(CLUSTER_KINDS.node, session, nodeId);
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

/** What Ray reports of an entity: its definition, and its states. */
interface Reported<Definition, Transition extends StateTransition> {
  definition: Definition | undefined;
  readonly transitions: Transition[];
  leftOut: LeftOut | undefined;
  untimedEnd: Untimed<Transition> | undefined;
}

/** Applies an event of an entity that has a span in the session's own trace. */
function applyEntity<
  Definition extends { readonly eventId: string },
  Transition extends StateTransition,
  Kind extends ClusterEntity & Reported<Definition, Transition>,
>(
  state: State,
  kind: ClusterKind<Kind>,
  session: Session,
  id: string,
  event: Definition | Transitions<Transition>,
  nowMs: number,
): Applied {
  session.hasContent = true;
  const entity = state.clusterEntity(kind, session, id);
  if (entity.closed) return 'late';
  state.aging.remove(entity);
  if ('transitions' in event) {
    noteStates<Transition>(state, entity, event, kind.endStates);
    if (hasEnded(entity, event.transitions, kind.endStates)) noteEnd(state, entity, nowMs);
  } else noteDefinition<Definition>(entity, event);
  state.held.measure(entity);
  return 'applied';
}

function noteDefinition<Definition extends { readonly eventId: string }>(
  entity: { definition: Definition | undefined },
  definition: Definition,
): void {
  entity.definition = oneOf(entity.definition, definition);
}

function noteStates<Transition extends StateTransition>(
  state: State,
  entity: Reported<unknown, Transition>,
  { transitions, untimed }: Transitions<Transition>,
  endStates: readonly string[],
): void {
  state.addTransitions(entity, withReceiveTime(transitions, state.received));
  entity.untimedEnd = withUntimedEnd(entity.untimedEnd, untimed, endStates);
}

function applyWorker(state: State, session: Session, event: WorkerDefinition | WorkerLifecycle, nowMs: number): Applied {
  session.sendsWorkers = true;
  const applied = applyEntity(state, CLUSTER_KINDS.worker, session, event.workerId, event, nowMs);
  const worker = session.workers.get(event.workerId);
  if (applied === 'applied' && worker !== undefined && event.type === 'worker_lifecycle')
    worker.jobId = smallest(worker.jobId, event.jobId);
  return applied;
}

function noteEnd(state: State, entity: ClusterEntity, nowMs: number): void {
  if (entity.kind === 'node' || entity.kind === 'worker') noteDeath(state, entity, nowMs);
  else state.schedule(entity, nowMs + state.options.settleMs);
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
