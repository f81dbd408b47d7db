import type { Output } from '../mapping.ts';
import { closeAttempt, costToClose, type Ending, endingOf, spansOf } from './close-attempt.ts';
import { closeOfCluster, closeSessionTrace } from './close-cluster.ts';
import { closeActor, closeJob, closeRemainder, costToCloseActor, profileCost } from './close.ts';
import { settleThreads } from '../callers/close-threads.ts';
import { compareTimed } from '../due/due-order.ts';
import { isInFlightDue, isSilent, scheduleAttemptAt } from '../due/due.ts';
import { isActorEndedByJob, waitsUntilMs } from './job-end.ts';
import { reportActorInFlight, reportAttemptInFlight, reportJobInFlight, reportSessionInFlight } from '../in-flight.ts';
import { TraceRest } from './trace-rest.ts';
import { openAttemptsOf } from '../entities/open-attempts.ts';
import { Actor, type AgingRecord, Attempt, type ClusterEntity, Job, type Point, Session, type Timed } from '../entities/entities.ts';
import { recordsOf, type State } from '../state.ts';
import { MAX_STEP_ITEMS } from '../due/sweeps.ts';

/**
 * Finishes one thing that is due. A job or a session with much that is open makes it due first, in a walk of short steps, and is due
 * again behind it. So no step is long, and what comes out is a function of what was due.
 */

/** A silent session is forgotten, tombstones and all, when nothing of it came for so long: a week. */
const MAX_SESSION_AGE_MS = 7 * 24 * 3_600_000;
/** Walks over what is open of a job or session: the last finds parents that were only named by what the first one closed. */
const MAX_SWEEPS = 2;

export function closeDue(state: State, record: Timed, nowMs: number, out: Output[]): void {
  if (record instanceof Attempt) closeDueAttempt(state, record, nowMs, out);
  else if (record instanceof Job) closeDueJob(state, record, nowMs, out);
  else if (record instanceof Actor) closeDueActor(state, record, nowMs, out);
  else if (record instanceof Session) closeDueSession(state, record, nowMs, out);
  else closeDueOfCluster(state, record, nowMs, out);
}

function closeDueAttempt(state: State, attempt: Attempt, nowMs: number, out: Output[]): void {
  if (isSilent(state, attempt.task.session, nowMs)) return closeAttempt(state, attempt, nowMs, out);
  if (isInFlightDue(state, attempt, nowMs)) return reportAttemptInFlight(state, attempt, nowMs, out);
  const waitMs = waitsUntilMs(state, attempt, nowMs);
  if (waitMs === undefined) closeAttempt(state, attempt, nowMs, out);
  else scheduleAttemptAt(state, attempt, waitMs);
}

function closeDueActor(state: State, actor: Actor, nowMs: number, out: Output[]): void {
  const job = actor.session.jobs.get(actor.jobId);
  const endsWithJob = job?.sweeps !== undefined && !actor.isDetached && isActorEndedByJob(state, actor, job);
  if (actor.deadMs !== undefined || endsWithJob || isSilent(state, actor.session, nowMs)) closeActor(state, actor, nowMs, out);
  else reportActorInFlight(state, actor, nowMs, out);
}

function closeDueOfCluster(state: State, record: ClusterEntity | Point, nowMs: number, out: Output[]): void {
  const before = out.length;
  closeOfCluster(state, record, out);
  // In silence the span of the session itself is next.
  if (out.length > before && !isSilent(state, record.session, nowMs)) reportSessionInFlight(state, record.session, nowMs, out);
}

function closeDueJob(state: State, job: Job, nowMs: number, out: Output[]): void {
  const isOver = isSilent(state, job.session, nowMs);
  if (!isOver && !job.closed && job.endMs === undefined) return reportJobInFlight(state, job, nowMs, out);
  const { sweeps = 0 } = job;
  if (sweeps < MAX_SWEEPS && isLarge(job)) {
    job.sweeps = sweeps + 1;
    return sweep(state, job, sweepJob(state, job, nowMs, isOver), nowMs);
  }
  const isSwept = sweeps >= MAX_SWEEPS;
  job.sweeps = undefined;
  if (job.closed && !isOver) closeRemainder(state, job, nowMs, out, isSwept);
  else closeJob(state, job, nowMs, out, isOver, isSwept);
  if (isOver && !job.closed) state.letAge(job);
}

function isLarge({ open, chains, actors }: Job): boolean {
  let count = open.size + actors.size;
  for (const { tasks } of chains) {
    count += tasks.size;
    if (count > MAX_STEP_ITEMS) break;
  }
  return count > MAX_STEP_ITEMS;
}

/**
 * Makes due what the end of a job ends; what outlives it is looked at again when it may end. Where all of it fits into the
 * trace, the trace needs to keep nothing free.
 */
function* sweepJob(state: State, job: Job, nowMs: number, isOver: boolean): Generator<void> {
  const isClosing = isOver || !job.closed;
  if (isClosing) settleThreads(state, job, nowMs);
  // First by their number, which costs no mapping. At most as many as the trace has room for are kept for the second look.
  const endings: Ending[] = [];
  let spans = 0;
  const mayFit = (): boolean => isClosing && job.budget.fitsWhole({ spans, bytes: 0 });
  for (const attempt of openAttemptsOf(job)) {
    const waitMs = isOver ? undefined : waitsUntilMs(state, attempt, nowMs);
    scheduleAttemptAt(state, attempt, waitMs ?? nowMs);
    if (waitMs === undefined && mayFit()) {
      const ending = endingOf(state, attempt, job);
      endings.push(ending);
      spans += spansOf(state, ending);
    }
    yield;
  }
  const rest = isClosing ? new TraceRest(job.budget, profileCost(job), spans) : undefined;
  for (const ending of endings) {
    if (rest?.mayFit !== true) break;
    rest.add(() => costToClose(state, ending));
    yield;
  }
  for (const actor of job.actors) {
    if (!actor.closed && !actor.isDetached && (isOver || isActorEndedByJob(state, actor, job))) {
      state.schedule(actor, nowMs);
      rest?.add(() => costToCloseActor(state, actor, job));
    }
    yield;
  }
  rest?.relaxIfFits();
}

/** Closed after `orphanTimeoutMs` of silence, forgotten after a week. */
function closeDueSession(state: State, session: Session, nowMs: number, out: Output[]): void {
  const silentAtMs = session.lastSeenMs + state.options.orphanTimeoutMs;
  if (!isSilent(state, session, nowMs)) return state.schedule(session, silentAtMs);
  const { sweeps = 0 } = session;
  if (sweeps < MAX_SWEEPS && !session.isOver) {
    session.sweeps = sweeps + 1;
    return sweep(state, session, sweepSession(state, session, nowMs), nowMs);
  }
  session.sweeps = undefined;
  closeSessionTrace(state, session, out);
  const forgetAtMs = Math.max(silentAtMs, session.lastSeenMs + MAX_SESSION_AGE_MS);
  if (forgetAtMs > nowMs && !session.givesWay) state.schedule(session, forgetAtMs);
  else state.forgetSession(session);
}

/** Makes everything due that is open of a session. */
function* sweepSession(state: State, session: Session, nowMs: number): Generator<void> {
  for (const job of session.jobs.values()) {
    yield* sweepJob(state, job, nowMs, true);
    yield;
  }
  for (const record of recordsOf(session)) {
    if (isToClose(record)) state.schedule(record, nowMs);
    yield;
  }
}

function isToClose(record: AgingRecord): boolean {
  return record instanceof Job ? record.isNeeded || !record.closed : !record.closed;
}

/** The record is due again behind what the walk makes due. */
function sweep(state: State, record: Job | Session, walk: Iterator<void>, nowMs: number): void {
  state.schedule(record, nowMs);
  state.sweeps.add(walk);
}

/** Ends a session at once, with everything that is open of it: in the order in which it would be due. */
export function closeSession(state: State, session: Session, nowMs: number, out: Output[]): void {
  for (const job of [...session.jobs.values()].sort(compareTimed)) {
    closeJob(state, job, nowMs, out, true);
    if (!job.closed) state.letAge(job);
  }
  const rest = [...recordsOf(session)].filter((record) => !(record instanceof Job) && !record.closed).sort(compareTimed);
  for (const record of rest) {
    if (record instanceof Actor) closeActor(state, record, nowMs, out);
    else if (!(record instanceof Job)) closeOfCluster(state, record, out);
  }
  closeSessionTrace(state, session, out);
}
