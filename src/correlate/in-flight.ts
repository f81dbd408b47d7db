import { costOfMapped, mapSampled, type Output } from './mapping.ts';
import { type Cost, RESERVED_COST } from './budget/budget.ts';
import { traceJobOf } from './callers/ancestry.ts';
import { finishedAttempt, jobOf } from './finish/finished-attempt.ts';
import { finishedActor, jobName } from './finish/close.ts';
import { reserveAbove, reserveSpan } from './finish/settle-held.ts';
import { countReservations, findSpanLocation, type SpanLocation } from './finish/span-location.ts';
import { jobStartNs } from './finish/ends.ts';
import { IN_FLIGHT_REPORTED } from './compact/rare-fields.ts';
import { isInternalJob } from './naming/internal.ts';
import type { InFlightEntity } from './finished.ts';
import { isRayActorName } from './naming/ray-ids.ts';
import type { Actor, Attempt, Job, Session } from './entities/entities.ts';
import { runningNs } from './entities/task-attempts.ts';
import { handOut, send, sendIfRoom } from './send.ts';
import type { State } from './state.ts';
import { actorSpan, actorTrace, jobSpan, jobTrace } from './trace-ref.ts';

/**
 * In-flight spans: each long-running thing is reported once and early, by a child of the span that follows at its end. So that final span is
 * the only one with its id. An in-flight span holds what was known when it was due, so a restart makes the same one.
 */

/** Jaeger takes a span without any length for damaged, and puts a warning on it. */
const IN_FLIGHT_LENGTH_NS = 1n;

/** Skips Ray-internal jobs and jobs with no known start; a later event reschedules them. */
export function reportJobInFlight(state: State, job: Job, nowMs: number, out: Output[]): void {
  state.schedule(job, Number.POSITIVE_INFINITY);
  const { session, definition } = job;
  const atNs = jobStartNs(job) ?? job.childrenStartNs;
  if (state.options.inFlight === 'off' || atNs === undefined || isInternalJob(job)) return;
  const settledMs = job.firstSeenMs + state.options.settleMs;
  if (definition === undefined && settledMs > nowMs) return state.schedule(job, settledMs);
  job.reportedInFlight = true;
  const inFlight: InFlightEntity = {
    kind: 'in_flight',
    session: session.name,
    trace: jobTrace(job),
    parent: jobSpan(job),
    links: [],
    jobId: job.id,
    name: jobName(job),
    startNs: atNs,
    endNs: atNs + IN_FLIGHT_LENGTH_NS,
    ...(definition === undefined ? {} : { job: definition }),
    ...(definition?.serviceName === undefined ? {} : { serviceName: definition.serviceName }),
  };
  sendIfRoom(state, job.budget, inFlight, 'detail', out);
}

/** The attempt and its ancestors then get spans of their own, whatever else becomes of the trace: so only where there is room for them. */
export function reportAttemptInFlight(state: State, attempt: Attempt, nowMs: number, out: Output[]): void {
  attempt.writableRareFields.inFlightDueMs = IN_FLIGHT_REPORTED;
  state.schedule(attempt, Number.POSITIVE_INFINITY);
  if (state.options.inFlight !== 'running' || !traceJobOf(attempt.task).isFinal) return;
  const job = jobOf(state, attempt);
  if (job.closed || !isKeptAnyway(state, job)) return;
  const location = findSpanLocation(state, attempt, job);
  const inFlight = attemptInFlight(state, attempt, job, location);
  const mapped = mapSampled(state.options.mapping, inFlight);
  if (!chargeWithReservations(state, attempt, job, location, costOfMapped(mapped))) return;
  if (!attempt.rareFields.isReserved) reserveSpan(attempt, job);
  reserveAbove(state, location, job, inFlight, nowMs, out);
  handOut(state, { lifecycle: inFlight, spans: mapped?.spans }, out);
}

/** What the job's metadata asks for must not give way to an in-flight span. */
function isKeptAnyway({ options }: State, job: Job): boolean {
  const detail = job.definition?.detail ?? 'all';
  return detail === 'all' || (detail === 'slow' && options.inFlightAfterMs >= options.slowMs);
}

function attemptInFlight(state: State, attempt: Attempt, job: Job, location: SpanLocation): InFlightEntity {
  const lifecycle = finishedAttempt(state, attempt, job, location);
  const { session, trace, jobId, name, startNs, node, serviceName } = lifecycle;
  const { taskId, attempt: number, actorId, workerId, workerPid, definition } = lifecycle;
  const atNs = runningNs(attempt) ?? startNs;
  return {
    kind: 'in_flight',
    session,
    trace,
    parent: { kind: 'task', taskId, attempt: number },
    links: [],
    jobId,
    name,
    startNs: atNs,
    endNs: atNs + IN_FLIGHT_LENGTH_NS,
    attempt: {
      taskId,
      attempt: number,
      ...(actorId === undefined ? {} : { actorId }),
      ...(workerId === undefined ? {} : { workerId }),
      ...(workerPid === undefined ? {} : { workerPid }),
      ...(definition === undefined ? {} : { definition }),
    },
    ...(node === undefined ? {} : { node }),
    ...(serviceName === undefined ? {} : { serviceName }),
  };
}

/** False when the trace has no room for the in-flight span and for the spans that it makes sure. */
function chargeWithReservations(state: State, attempt: Attempt, job: Job, location: SpanLocation, cost: Cost): boolean {
  const { budget } = job;
  if (budget.isUnlimited) return true;
  const reserved =
    (attempt.rareFields.isReserved ? 0 : 1) + countReservations(state, job.session, location, budget.reservationsThatFit('detail'));
  const whole = { spans: cost.spans + reserved * RESERVED_COST.spans, bytes: cost.bytes + reserved * RESERVED_COST.bytes };
  if (!budget.fits(whole, 'detail')) return false;
  budget.charge(cost);
  return true;
}

/** A detached actor's, which has a trace of its own. */
export function reportActorInFlight(state: State, actor: Actor, nowMs: number, out: Output[]): void {
  state.schedule(actor, Number.POSITIVE_INFINITY);
  if (state.options.inFlight === 'off' || !actor.isDetached || isRayActorName(actor.definition?.name)) return;
  actor.reportedInFlight = true;
  const job = state.job(actor.session, actor.jobId, nowMs);
  const { session, actorId, jobId, name, startNs, className, moduleName, definition, node, serviceName } = finishedActor(state, actor, job);
  const inFlight: InFlightEntity = {
    kind: 'in_flight',
    session,
    trace: actorTrace(actor, job),
    parent: actorSpan(actor),
    links: [],
    jobId,
    name,
    startNs,
    endNs: startNs + IN_FLIGHT_LENGTH_NS,
    actor: {
      actorId,
      ...(className === undefined ? {} : { className }),
      ...(definition === undefined ? {} : { definition }),
      ...(moduleName === undefined ? {} : { moduleName }),
    },
    ...(node === undefined ? {} : { node }),
    ...(serviceName === undefined ? {} : { serviceName }),
  };
  send(state, inFlight, out);
}

/** The in-flight span of a cluster, when its first node, worker... has ended: until then the cluster has no trace. */
export function reportSessionInFlight(state: State, session: Session, nowMs: number, out: Output[]): void {
  const { inFlight, inFlightAfterMs } = state.options;
  const atNs = session.firstNs ?? session.wrong?.firstNs;
  if (
    inFlight === 'off' ||
    session.reportedInFlight ||
    session.closed ||
    atNs === undefined ||
    nowMs < session.firstSeenMs + inFlightAfterMs
  )
    return;
  session.reportedInFlight = true;
  const entity: InFlightEntity = {
    kind: 'in_flight',
    session: session.name,
    trace: { kind: 'session', session: session.name },
    parent: { kind: 'session' },
    links: [],
    name: session.name,
    startNs: atNs,
    endNs: atNs + IN_FLIGHT_LENGTH_NS,
  };
  sendIfRoom(state, session.budget, entity, 'detail', out);
}
