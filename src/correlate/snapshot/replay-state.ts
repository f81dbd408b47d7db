import {
  type RayEvent,
  type StateTransition,
  taskLifecycleEvent,
  type TaskLifecycle,
  type TimeNs,
  type Transitions,
  type Untimed,
} from '../../event/index.ts';
import { jobLifecycle } from '../finish/close.ts';
import type { TaskFacts } from '../compact/definitions.ts';
import type { FinishedJob, JobTraceRef } from '../finished.ts';
import { openAttemptsOf, tasksSoFar } from '../open-attempts.ts';
import { NO_STATES } from '../compact/packed-states.ts';
import { driverTaskOf } from '../ray-ids.ts';
import type { Actor, Attempt, Job, NodeRecord, PlacementGroup, Session, SubmissionJob } from '../entities.ts';
import type { State } from '../state.ts';

/** A session. Times are those of the journal's clock. */
export interface SessionSoFar {
  readonly type: 'session_so_far';
  readonly session: string;
  readonly firstSeenMs: number;
  /** When its last event came. */
  readonly lastSeenMs: number;
  /** The latest time that Ray reported. */
  readonly lastNs: TimeNs | undefined;
  readonly sendsJobs: boolean;
  readonly closed: boolean;
}

/** The counts of a job: of attempts that ended. */
export interface JobCounts {
  /** Tasks by outcome, without tasks that have a later open attempt. */
  readonly finished: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly unfinished: number;
  /** Attempts that ended, and those of them after which there was another. */
  readonly attempts: number;
  readonly retried: number;
}

/** What ended already of a job that is open. */
export interface JobSoFar extends JobCounts {
  readonly type: 'job_so_far';
  readonly session: string;
  readonly jobId: string;
  /** What says that Ray itself started its driver; see `isInternalJob`. */
  readonly hasRayActor: boolean;
  /** When the first of its attempts and actors that ended began. */
  readonly childrenStartNs: TimeNs | undefined;
  /** Once a span of it was sent. */
  readonly trace: JobTraceRef | undefined;
}

/** A job whose span is made. */
export interface JobEnded {
  readonly type: 'job_ended';
  readonly session: string;
  /** Without profile entries. */
  readonly lifecycle: FinishedJob;
  readonly counts: JobCounts;
  /** When its end was known, on the journal's clock. */
  readonly endedMs: number;
}

/** An actor whose span is made. */
export interface ActorEnded {
  readonly type: 'actor_ended';
  readonly session: string;
  readonly actorId: string;
  readonly className?: string;
}

/** An attempt that is open. */
export interface AttemptSoFar {
  readonly type: 'attempt_so_far';
  readonly session: string;
  /** Shared with others. */
  readonly definition: TaskFacts | undefined;
  readonly lifecycle: TaskLifecycle;
}

export type ReplayedState = RayEvent | SessionSoFar | JobSoFar | JobEnded | ActorEnded | AttemptSoFar;

/**
 * What a consumer needs that missed the events: everything that is open, as events, and the jobs that ended, the first one that ended first. Jobs come
 * before what belongs to them. To be taken whole before the state changes.
 */
export function* replayedEvents(state: State): Generator<ReplayedState> {
  const sessions = [...state.sessions.values()];
  for (const session of sessions) yield sessionSoFar(session);
  for (const job of sessions.flatMap((session) => [...session.jobs.values()].filter(({ closed }) => closed)).sort(byEnd))
    yield jobEnded(state, job);
  for (const session of sessions) {
    for (const closed of [false, true]) for (const node of session.nodes.values()) if (node.closed === closed) yield* nodeEvents(node);
    for (const group of session.placementGroups.values()) if (!group.closed) yield* placementGroupEvents(group);
    for (const job of session.jobs.values()) if (!job.closed) yield* jobEvents(job);
    for (const job of session.submissionJobs.values()) yield* submissionJobEvents(job);
    for (const closed of [false, true]) for (const actor of session.actors.values()) if (actor.closed === closed) yield* actorEvents(actor);
    for (const job of session.jobs.values()) for (const attempt of openAttemptsOf(job)) if (isKnown(attempt)) yield attemptSoFar(attempt);
  }
}

function sessionSoFar({ name: session, firstSeenMs, lastSeenMs, lastNs: trustedNs, wrong, sendsJobs, closed }: Session): SessionSoFar {
  const lastNs = trustedNs ?? wrong?.lastNs;
  return { type: 'session_so_far', session, firstSeenMs, lastSeenMs, lastNs, sendsJobs, closed };
}

function endedMsOf({ endMs, session }: Job): number {
  return endMs ?? session.lastSeenMs;
}

function byEnd(a: Job, b: Job): number {
  return endedMsOf(a) - endedMsOf(b);
}

function jobEnded(state: State, job: Job): JobEnded {
  return {
    type: 'job_ended',
    session: job.session.name,
    lifecycle: jobLifecycle(state, job, []),
    counts: countsOf(job),
    endedMs: endedMsOf(job),
  };
}

function header({ name }: Session): { readonly eventId: string; readonly session: string } {
  return { eventId: '', session: name };
}

function* nodeEvents(node: NodeRecord): Generator<ReplayedState> {
  if (node.definition !== undefined) yield node.definition;
  if (hasStates(node)) yield { ...header(node.session), type: 'node_lifecycle', nodeId: node.id, ...statesOf(node) };
}

function* jobEvents(job: Job): Generator<ReplayedState> {
  const { session, id: jobId } = job;
  if (!job.hasContent && job.attemptCount === 0) return;
  if (job.definition !== undefined) yield job.definition;
  if (hasStates(job)) yield { ...header(session), type: 'job_lifecycle', jobId, ...statesOf(job) };
  if (job.driverTransitions.length > 0 || job.driverUntimedEnd !== undefined) {
    const driver = taskLifecycleEvent('', session.name, driverTaskOf(jobId), 0, job.driverTransitions);
    if (job.driverUntimedEnd !== undefined) driver.untimed = [{ state: job.driverUntimedEnd }];
    driver.error = job.driverError;
    yield driver;
  }
  const { hasRayActor, trace, childrenStartNs } = job;
  yield { type: 'job_so_far', session: session.name, jobId, ...countsOf(job), hasRayActor, childrenStartNs, trace };
}

function countsOf(job: Job): JobCounts {
  const soFar = tasksSoFar(job);
  const { closedAttempts: attempts } = job;
  return { ...soFar, attempts, retried: attempts - soFar.finished - soFar.failed - soFar.cancelled - soFar.unfinished };
}

function* placementGroupEvents(group: PlacementGroup): Generator<ReplayedState> {
  if (group.definition !== undefined) yield group.definition;
  if (hasStates(group))
    yield { ...header(group.session), type: 'placement_group_lifecycle', placementGroupId: group.id, ...statesOf(group) };
}

function* submissionJobEvents(job: SubmissionJob): Generator<ReplayedState> {
  if (hasStates(job)) yield { ...header(job.session), type: 'submission_job_lifecycle', submissionId: job.id, ...statesOf(job) };
}

function* actorEvents(actor: Actor): Generator<ReplayedState> {
  const { session, id: actorId, definition, closed, className } = actor;
  if (definition !== undefined) yield definition;
  if (hasStates(actor)) yield { ...header(session), type: 'actor_lifecycle', actorId, ...statesOf(actor) };
  if (!closed) return;
  const name = definition?.className ?? className;
  yield { type: 'actor_ended', session: session.name, actorId, ...(name === undefined ? {} : { className: name }) };
}

interface WithStates<T extends StateTransition> {
  readonly transitions: readonly T[];
  readonly untimedEnd: Untimed<T> | undefined;
}

function hasStates({ transitions, untimedEnd }: WithStates<StateTransition>): boolean {
  return transitions.length > 0 || untimedEnd !== undefined;
}

function statesOf<T extends StateTransition>({ transitions, untimedEnd }: WithStates<T>): Transitions<T> {
  return untimedEnd === undefined ? { transitions } : { transitions, untimed: [untimedEnd] };
}

/** By its own events, not by profile entries alone. */
function isKnown({ states, definition, rareFields }: Attempt): boolean {
  return states !== NO_STATES || definition !== undefined || rareFields.untimedEnd !== undefined;
}

function attemptSoFar(attempt: Attempt): AttemptSoFar {
  const { task, number, transitions, definition } = attempt;
  const { error, untimedEnd } = attempt.rareFields;
  const { submittedNodeId, executorNodeId, workerId, workerPid } = attempt.placement;
  const { name: session } = task.session;
  const lifecycle = taskLifecycleEvent('', session, task.id, number, transitions);
  if (untimedEnd !== undefined) lifecycle.untimed = [{ state: untimedEnd }];
  lifecycle.error = error;
  lifecycle.nodeId = submittedNodeId;
  lifecycle.workerId = workerId;
  lifecycle.workerPid = workerPid;
  lifecycle.emitterNodeId = executorNodeId;
  return { type: 'attempt_so_far', session, definition, lifecycle };
}
