import { type RayEvent, taskLifecycleEvent, type TaskLifecycle } from '../event/index.ts';
import type { TaskFacts } from './definitions.ts';
import { openAttemptsOf } from './open-attempts.ts';
import { driverTaskOf } from './ray-ids.ts';
import type { Actor, Attempt, Job, NodeRecord, Session } from './records.ts';
import type { State } from './state.ts';

/** What is already over of a job that is open. */
export interface JobSoFar {
  readonly type: 'job_so_far';
  readonly session: string;
  readonly jobId: string;
  /** Tasks by how they ended, without those of which a later attempt is open. */
  readonly finished: number;
  readonly failed: number;
  readonly unfinished: number;
  /** Attempts that are over, and those of them after which there was another. */
  readonly attempts: number;
  readonly retried: number;
  /** What says that Ray itself started its driver; see `isInternalJob`. */
  readonly hasRayActor: boolean;
  readonly sendsJobs: boolean;
}

/** An attempt that is open. */
export interface AttemptSoFar {
  readonly type: 'attempt_so_far';
  readonly session: string;
  /** Shared with others. */
  readonly definition: TaskFacts | undefined;
  readonly lifecycle: TaskLifecycle;
}

export type Retold = RayEvent | JobSoFar | AttemptSoFar;

/** Everything that is open, as events that would tell it: for who did not hear the real ones. To be taken whole before the state changes. */
export function* retoldEvents(state: State): Generator<Retold> {
  for (const session of state.sessions.values()) {
    if (session.closed) continue;
    for (const node of session.nodes.values()) if (!node.closed) yield* nodeEvents(node);
    for (const job of session.jobs.values()) if (!job.closed) yield* jobEvents(job);
    for (const actor of session.actors.values()) if (!actor.closed) yield* actorEvents(actor);
    for (const job of session.jobs.values()) for (const attempt of openAttemptsOf(job)) if (attempt.seen) yield attemptSoFar(attempt);
  }
}

function header({ name }: Session): { readonly eventId: string; readonly session: string } {
  return { eventId: '', session: name };
}

function* nodeEvents(node: NodeRecord): Generator<Retold> {
  if (node.definition !== undefined) yield node.definition;
  if (node.transitions.length > 0)
    yield { ...header(node.session), type: 'node_lifecycle', nodeId: node.id, transitions: node.transitions };
}

function* jobEvents(job: Job): Generator<Retold> {
  const { session, id: jobId } = job;
  if (!job.hasContent && job.attemptCount === 0) return;
  if (job.definition !== undefined) yield job.definition;
  if (job.transitions.length > 0) yield { ...header(session), type: 'job_lifecycle', jobId, transitions: job.transitions };
  if (job.driverTransitions.length > 0) {
    const driver = taskLifecycleEvent('', session.name, driverTaskOf(jobId), 0, job.driverTransitions);
    driver.error = job.driverError;
    yield driver;
  }
  const soFar = { finished: job.finished, failed: job.failed, unfinished: job.unfinished };
  for (const { task, number } of openAttemptsOf(job)) {
    const last = task.lastClosed;
    if (last === undefined || last.number > number) continue;
    soFar[last.outcome] -= 1;
  }
  const retried = job.attemptCount - soFar.finished - soFar.failed - soFar.unfinished;
  const { sendsJobs } = session;
  const { hasRayActor, attemptCount: attempts } = job;
  yield { type: 'job_so_far', session: session.name, jobId, ...soFar, attempts, retried, hasRayActor, sendsJobs };
}

function* actorEvents(actor: Actor): Generator<Retold> {
  if (actor.definition !== undefined) yield actor.definition;
  if (actor.transitions.length > 0)
    yield { ...header(actor.session), type: 'actor_lifecycle', actorId: actor.id, transitions: actor.transitions };
}

function attemptSoFar(attempt: Attempt): AttemptSoFar {
  const { task, number, transitions, definition } = attempt;
  const { error } = attempt.extra;
  const { submittedNodeId, executorNodeId, workerId, workerPid } = attempt.where;
  const { name: session } = task.session;
  const lifecycle = taskLifecycleEvent('', session, task.id, number, transitions);
  lifecycle.error = error;
  lifecycle.nodeId = submittedNodeId;
  lifecycle.workerId = workerId;
  lifecycle.workerPid = workerPid;
  lifecycle.emitterNodeId = executorNodeId;
  return { type: 'attempt_so_far', session, definition, lifecycle };
}
