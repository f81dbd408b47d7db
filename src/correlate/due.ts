import type { StateTransition, TimeNs } from '../event/index.ts';
import { traceJobOf } from './ancestry.ts';
import { hasEntered } from './attempt-states.ts';
import { wholeTaskEntry } from './merge.ts';
import { creationTaskOf, isCreationTask } from './ray-ids.ts';
import { MARK_SETTLED } from './extra.ts';
import { openAttemptsOf } from './open-attempts.ts';
import type { Actor, Attempt, Job } from './records.ts';
import type { State } from './state.ts';

/**
 * When a record is finished, on the bridge's clock. What its end then is stands in `ends.ts`: the two are apart, so that a
 * stream gives the same spans however fast it is read.
 */

export function isTerminal({ state }: StateTransition): boolean {
  return state === 'FINISHED' || state === 'FAILED';
}

export function scheduleAttempt(state: State, attempt: Attempt, nowMs: number): void {
  if (attempt.extra.evidenceMs === undefined && restartedAliveNs(attempt) !== undefined) attempt.ownExtra.evidenceMs = nowMs;
  if (state.options.inFlight === 'running' && attempt.extra.markMs === undefined && hasEntered(attempt, 'RUNNING')) {
    attempt.ownExtra.markMs = nowMs + state.options.inFlightAfterMs;
  }
  const dueMs = attemptDueMs(state, attempt, nowMs);
  const { markMs = MARK_SETTLED } = attempt.extra;
  state.schedule(attempt, dueMs === Number.POSITIVE_INFINITY && markMs !== MARK_SETTLED ? markMs : dueMs);
}

/** It is due for its mark only: nothing tells of its end. */
export function isMarkDue(state: State, attempt: Attempt, nowMs: number): boolean {
  const { markMs = MARK_SETTLED } = attempt.extra;
  return markMs !== MARK_SETTLED && markMs <= nowMs && attemptDueMs(state, attempt, nowMs) === Number.POSITIVE_INFINITY;
}

/** When the attempt is to be closed, as far as is known. */
function attemptDueMs(state: State, attempt: Attempt, nowMs: number): number {
  const { settleMs, jobEndDelayMs } = state.options;
  if (isComplete(state, attempt, nowMs)) return nowMs;
  const { terminalMs, evidenceMs } = attempt.extra;
  const triggerMs = terminalMs ?? evidenceMs;
  let dueMs = triggerMs === undefined ? Number.POSITIVE_INFINITY : triggerMs + settleMs;
  for (const { deadMs } of attempt.where.places) {
    if (deadMs !== undefined) dueMs = Math.min(dueMs, Math.max(deadMs, attempt.firstSeenMs) + settleMs);
  }
  const endMs = attempt.task.session.jobs.get(traceJobOf(attempt.task).jobId)?.endMs;
  if (endMs !== undefined) dueMs = Math.min(dueMs, Math.max(endMs + jobEndDelayMs, attempt.firstSeenMs + settleMs));
  return dueMs;
}

/** Nothing that shapes the span is still on its way. */
function isComplete(state: State, attempt: Attempt, nowMs: number): boolean {
  if (attempt.extra.terminalMs === undefined || attempt.definition === undefined) return false;
  if (!hasEntered(attempt, 'RUNNING')) return false;
  const { task } = attempt;
  const { session } = task;
  const settledMs = nowMs - state.options.settleMs;
  if (session.firstSeenMs > settledMs) return false;
  if (session.sendsProfiles && wholeTaskEntry(attempt.extra.profile) === undefined) return false;
  const trace = traceJobOf(task);
  const job = session.jobs.get(trace.jobId);
  if (!trace.isFinal || job === undefined || (job.definition === undefined && job.firstSeenMs > settledMs)) return false;
  const { actorId } = task;
  return actorId === undefined || !session.sendsActors || isPlaced(session.actors.get(actorId), attempt);
}

/** The actor is known, and for its creation also where it runs. */
function isPlaced(actor: Actor | undefined, attempt: Attempt): boolean {
  if (actor?.definition === undefined) return false;
  return !isCreationTask(attempt.task.id) || actor.transitions.some((transition) => transition.state === 'ALIVE');
}

/** A restarted actor's creation attempt gets no FINISHED: it ended when the actor was ALIVE again. */
export function restartedAliveNs(attempt: Attempt): TimeNs | undefined {
  if (attempt.number === 0) return undefined;
  const { actorId, id, session } = attempt.task;
  if (actorId === undefined || id !== creationTaskOf(actorId)) return undefined;
  let startNs: TimeNs | undefined;
  for (const { timeNs } of attempt.transitions) if (startNs === undefined || timeNs > startNs) startNs = timeNs;
  let aliveNs: TimeNs | undefined;
  for (const { state, timeNs } of session.actors.get(actorId)?.transitions ?? []) {
    if (state === 'ALIVE' && startNs !== undefined && timeNs >= startNs && (aliveNs === undefined || timeNs < aliveNs)) aliveNs = timeNs;
  }
  return aliveNs;
}

/** The job is over: everything open of it is closed a while later. */
export function endJob(state: State, job: Job, nowMs: number): void {
  if (job.endMs !== undefined) return;
  job.endMs = nowMs;
  for (const attempt of openAttemptsOf(job)) scheduleAttempt(state, attempt, nowMs);
  scheduleJob(state, job, nowMs);
}

export function scheduleActor(state: State, actor: Actor, nowMs: number): void {
  if (actor.deadMs !== undefined) return state.schedule(actor, actor.deadMs + state.options.settleMs);
  if (state.options.inFlight === 'off' || actor.marked || !actor.isDetached || Number.isFinite(actor.dueMs)) return;
  if (actor.transitions.some((transition) => transition.state === 'ALIVE')) state.schedule(actor, nowMs + state.options.inFlightAfterMs);
}

/** To be called when something is told of a job: a while after the first word its mark is due, if it is open then. */
export function scheduleJobMark(state: State, job: Job, nowMs: number): void {
  if (state.options.inFlight === 'off' || job.marked || job.closed || job.endMs !== undefined || Number.isFinite(job.dueMs)) return;
  state.schedule(job, nowMs + state.options.inFlightAfterMs);
}

export function scheduleJob(state: State, job: Job, nowMs: number): void {
  const { settleMs, jobEndDelayMs } = state.options;
  state.schedule(job, job.closed ? nowMs + settleMs : (job.endMs ?? nowMs) + jobEndDelayMs);
}
