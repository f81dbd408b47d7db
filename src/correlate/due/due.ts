import type { ActorTransition, TaskLog, TimeNs } from '../../event/index.ts';
import { creationEnd, creationWaitsFromNs } from '../finish/actor-process.ts';
import { traceJobOf } from '../callers/ancestry.ts';
import { hasEntered } from '../compact/attempt-states.ts';
import { isDeathError } from '../finish/death-errors.ts';
import { smallest, wholeTaskEntry } from '../states/merge.ts';
import { isCreationTask } from '../naming/ray-ids.ts';
import { IN_FLIGHT_REPORTED } from '../compact/rare-fields.ts';
import { openAttemptsOf } from '../entities/open-attempts.ts';
import type { Actor, Attempt, Job, Session } from '../entities/entities.ts';
import type { State } from '../state.ts';
import { WaitingCreations } from '../callers/waiting-creations.ts';

/**
 * Decides when an entity is finished, on the bridge's clock. `ends.ts` decides its end time. The two are separate so that a
 * stream gives the same spans at any reading speed.
 */

/** Whether the session was silent for so long that everything in it has ended, or it gives way to others. */
export function isSilent({ options }: State, { givesWay, lastSeenMs }: Session, nowMs: number): boolean {
  return givesWay || lastSeenMs + options.orphanTimeoutMs <= nowMs;
}

export function scheduleAttempt(state: State, attempt: Attempt, nowMs: number): void {
  if (attempt.number > 0 && attempt.rareFields.evidenceMs === undefined) awaitCreationEnd(attempt, nowMs);
  if (state.options.inFlight === 'running' && attempt.rareFields.inFlightDueMs === undefined && hasEntered(attempt, 'RUNNING')) {
    attempt.writableRareFields.inFlightDueMs = nowMs + state.options.inFlightAfterMs;
  }
  scheduleAttemptAt(state, attempt, attemptDueMs(state, attempt, nowMs));
}

/** Schedules the attempt, or first its in-flight span if it gets one and nothing reports its end. */
export function scheduleAttemptAt(state: State, attempt: Attempt, dueMs: number): void {
  const { inFlightDueMs = IN_FLIGHT_REPORTED } = attempt.rareFields;
  state.schedule(attempt, dueMs === Number.POSITIVE_INFINITY && inFlightDueMs !== IN_FLIGHT_REPORTED ? inFlightDueMs : dueMs);
}

/** Whether only the in-flight span is due: nothing reports the attempt's end. */
export function isInFlightDue(state: State, attempt: Attempt, nowMs: number): boolean {
  const { inFlightDueMs = IN_FLIGHT_REPORTED } = attempt.rareFields;
  return inFlightDueMs !== IN_FLIGHT_REPORTED && inFlightDueMs <= nowMs && attemptDueMs(state, attempt, nowMs) === Number.POSITIVE_INFINITY;
}

/** When the attempt is to be closed, as far as is known: by what is known of itself, or with its job unless it is known to outlive it. */
function attemptDueMs(state: State, attempt: Attempt, nowMs: number): number {
  const ownMs = ownDueMs(state, attempt, nowMs);
  const endMs = attempt.task.session.jobs.get(traceJobOf(attempt.task).jobId)?.endMs;
  if (endMs === undefined || attempt.task.outlivesDriver) return ownMs;
  const { settleMs, jobEndDelayMs } = state.options;
  return Math.min(ownMs, Math.max(endMs + jobEndDelayMs, attempt.firstSeenMs + settleMs));
}

/** When the attempt is to be closed because of its own end, or the death of its worker, node or actor. */
export function ownDueMs(state: State, attempt: Attempt, nowMs: number): number {
  const { settleMs } = state.options;
  if (isComplete(state, attempt, nowMs)) return nowMs;
  const { terminalMs, evidenceMs, actorDeadMs } = attempt.rareFields;
  const triggerMs = terminalMs ?? evidenceMs;
  let dueMs = triggerMs === undefined ? Number.POSITIVE_INFINITY : triggerMs + settleMs;
  for (const { deadMs } of attempt.placement.places) {
    if (deadMs !== undefined) dueMs = Math.min(dueMs, Math.max(deadMs, attempt.firstSeenMs) + settleMs);
  }
  if (actorDeadMs !== undefined) dueMs = Math.min(dueMs, Math.max(actorDeadMs, attempt.firstSeenMs) + settleMs);
  return dueMs;
}

/** Nothing that shapes the span is still on its way. */
function isComplete(state: State, attempt: Attempt, nowMs: number): boolean {
  if (attempt.rareFields.terminalMs === undefined || attempt.definition === undefined) return false;
  if (!hasEntered(attempt, 'RUNNING')) return false;
  const { task } = attempt;
  const { session } = task;
  const settledMs = nowMs - state.options.settleMs;
  if ((session.firstEndMs ?? nowMs) > settledMs) return false;
  if (isDeathOnItsWay(attempt)) return false;
  if (session.sendsProfiles && wholeTaskEntry(attempt.rareFields.profile) === undefined) return false;
  if (isLogOpen(attempt.rareFields.log)) return false;
  const trace = traceJobOf(task);
  const job = session.jobs.get(trace.jobId);
  if (!trace.isFinal || job === undefined || (job.definition === undefined && job.firstSeenMs > settledMs)) return false;
  const { actorId } = task;
  if (actorId === undefined) return true;
  return session.sendsActors ? isPlaced(session.actors.get(actorId), attempt) : (session.firstCallEndMs ?? nowMs) <= settledMs;
}

/** The attempt writes to log files, and where its part of them ends was not reported. */
function isLogOpen(log: TaskLog | undefined): boolean {
  return log !== undefined && log.stdoutEnd === undefined && log.stderrEnd === undefined;
}

/** Ray reports in an event of its own why a worker died. */
function isDeathOnItsWay({ task: { session }, placement: { workerId }, rareFields: { error } }: Attempt): boolean {
  if (error === undefined || !isDeathError(error) || !session.sendsWorkers || workerId === undefined) return false;
  return session.workers.get(workerId)?.deadMs === undefined;
}

/** The actor is known, and for its creation also where it runs. */
function isPlaced(actor: Actor | undefined, attempt: Attempt): boolean {
  if (actor?.definition === undefined) return false;
  return !isCreationTask(attempt.task.id) || actor.isPlaced;
}

/** A restarted actor's creation gets no FINISHED: it ends when the actor's state changes next. */
function awaitCreationEnd(attempt: Attempt, nowMs: number): void {
  const actor = restartedActor(attempt);
  const ranNs = actor === undefined ? undefined : runNs(attempt);
  if (actor === undefined || ranNs === undefined) return;
  const creation = { number: attempt.number, placement: attempt.placement, ranNs };
  if (creationEnd(actor, creation) !== undefined) attempt.writableRareFields.evidenceMs = nowMs;
  else if (actor.deadMs === undefined) (actor.creations ??= new WaitingCreations()).add(attempt, creationWaitsFromNs(actor, creation));
}

/** The actor that an attempt creates again. */
function restartedActor(attempt: Attempt): Actor | undefined {
  return attempt.number === 0 || !isCreationTask(attempt.task.id) ? undefined : actorOf(attempt);
}

function runNs({ transitions }: Attempt): TimeNs | undefined {
  let ran: TimeNs | undefined;
  let first: TimeNs | undefined;
  for (const { state, timeNs } of transitions) {
    if (state === 'RUNNING') ran = smallest(ran, timeNs);
    first = smallest(first, timeNs);
  }
  return ran ?? first;
}

/** An open attempt of an actor: DEAD of the actor ends it. */
export function watchActor(attempt: Attempt, actor: Actor): void {
  if (actor.deadMs === undefined) (actor.open ??= new Set()).add(attempt);
  else attempt.writableRareFields.actorDeadMs ??= actor.deadMs;
}

export function isWatched(attempt: Attempt): boolean {
  return actorOf(attempt)?.open?.has(attempt) === true;
}

function actorOf({ task: { actorId, session } }: Attempt): Actor | undefined {
  return actorId === undefined ? undefined : session.actors.get(actorId);
}

/** As `watchActor` and what followed it, for an attempt that a checkpoint holds. */
export function restoreWatch(attempt: Attempt): void {
  const actor = actorOf(attempt);
  if (actor === undefined || actor.deadMs !== undefined) return;
  watchActor(attempt, actor);
  const ranNs = attempt.rareFields.evidenceMs === undefined && restartedActor(attempt) !== undefined ? runNs(attempt) : undefined;
  if (ranNs === undefined) return;
  const creation = { number: attempt.number, placement: attempt.placement, ranNs };
  (actor.creations ??= new WaitingCreations()).add(attempt, creationWaitsFromNs(actor, creation));
}

/** For an attempt that ends. */
export function unwatchActor(attempt: Attempt): void {
  const actor = actorOf(attempt);
  actor?.open?.delete(attempt);
  actor?.creations?.delete(attempt);
}

/** Ends what the new states of an actor end. Each open attempt is looked at for the state that ends it, and not for the others. */
export function scheduleAttemptsOf(state: State, actor: Actor, transitions: readonly ActorTransition[], nowMs: number): void {
  const { open, creations } = actor;
  if (actor.deadMs !== undefined && open !== undefined) {
    actor.open = undefined;
    actor.creations = undefined;
    state.sweeps.add(endWithActor(state, open, actor.deadMs, nowMs));
    return;
  }
  for (const attempt of creations?.take(transitions) ?? []) if (open?.has(attempt) === true) scheduleAttempt(state, attempt, nowMs);
}

function* endWithActor(state: State, attempts: Iterable<Attempt>, deadMs: number, nowMs: number): Generator<void> {
  for (const attempt of attempts) {
    attempt.writableRareFields.actorDeadMs ??= deadMs;
    yield scheduleAttempt(state, attempt, nowMs);
  }
}

/** The job ended: what is open of it closes `jobEndDelayMs` later, without what outlives it. */
export function endJob(state: State, job: Job, nowMs: number): void {
  if (job.endMs !== undefined) return;
  job.endMs = nowMs;
  state.sweeps.add(scheduleEach(state, openAttemptsOf(job), nowMs));
  scheduleJob(state, job, nowMs);
}

/** A walk over open attempts that may end now. */
export function* scheduleEach(state: State, attempts: Iterable<Attempt>, nowMs: number): Generator<void> {
  for (const attempt of attempts) yield scheduleAttempt(state, attempt, nowMs);
}

/** Call when something is known of whether an actor is detached. */
export function noteDetached(state: State, actor: Actor, nowMs: number): void {
  if (!actor.isDetached) return;
  state.ordinary.forget(actor.session);
  state.job(actor.session, actor.jobId, nowMs).hasDetachedActor = true;
}

export function scheduleActor(state: State, actor: Actor, nowMs: number): void {
  if (actor.deadMs !== undefined) return state.schedule(actor, actor.deadMs + state.options.settleMs);
  if (state.options.inFlight === 'off' || actor.reportedInFlight || !actor.isDetached || Number.isFinite(actor.dueMs)) return;
  if (actor.isPlaced) state.schedule(actor, nowMs + state.options.inFlightAfterMs);
}

/** Call after every job event. Schedules the job's in-flight span. */
export function scheduleJobInFlight(state: State, job: Job, nowMs: number): void {
  if (state.options.inFlight === 'off' || job.reportedInFlight || job.closed || job.endMs !== undefined || Number.isFinite(job.dueMs))
    return;
  state.schedule(job, nowMs + state.options.inFlightAfterMs);
}

export function scheduleJob(state: State, job: Job, nowMs: number): void {
  const { settleMs, jobEndDelayMs } = state.options;
  const remainderMs = isSilent(state, job.session, nowMs) ? nowMs : nowMs + settleMs;
  state.schedule(job, job.closed ? remainderMs : (job.endMs ?? nowMs) + jobEndDelayMs);
}
