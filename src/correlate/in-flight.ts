import { costOfMapped, mapSampled, type Output } from './mapping.ts';
import { type Cost, PINNED_COST } from './budget.ts';
import { traceJobOf } from './callers/ancestry.ts';
import { attemptLifecycle, jobOf } from './finish/finished-attempt.ts';
import { actorLifecycle, jobName } from './finish/close.ts';
import { countPins, findSite, pin, pinAbove, type Site } from './finish/close-attempt.ts';
import { jobStartNs } from './finish/ends.ts';
import { MARK_SETTLED } from './compact/rare-fields.ts';
import { isInternalJob } from './internal.ts';
import type { MarkLifecycle } from './finished.ts';
import { isRayActorName } from './ray-ids.ts';
import type { Actor, Attempt, Job, Session } from './entities.ts';
import { runningNs } from './task-attempts.ts';
import { send, sendIfRoom } from './send.ts';
import type { State } from './state.ts';
import { actorSpan, actorTrace, jobSpan, jobTrace } from './trace-ref.ts';

/**
 * In-flight spans: each long-running thing is reported once and early, by a child of the span that follows at its end. So that final span is
 * the only one with its id. An in-flight span holds what was known when it was due, so a restart makes the same one.
 */

/** Jaeger takes a span without any length for damaged, and puts a warning on it. */
const MARK_LENGTH_NS = 1n;

/** Skips Ray-internal jobs and jobs with no known start; a later event reschedules them. */
export function markJob(state: State, job: Job, nowMs: number, out: Output[]): void {
  state.schedule(job, Number.POSITIVE_INFINITY);
  const { session, definition } = job;
  const atNs = jobStartNs(job) ?? job.childrenStartNs;
  if (state.options.inFlight === 'off' || atNs === undefined || isInternalJob(job)) return;
  const settledMs = job.firstSeenMs + state.options.settleMs;
  if (definition === undefined && settledMs > nowMs) return state.schedule(job, settledMs);
  job.marked = true;
  const mark: MarkLifecycle = {
    kind: 'mark',
    session: session.name,
    trace: jobTrace(job),
    parent: jobSpan(job),
    links: [],
    jobId: job.id,
    name: jobName(job),
    startNs: atNs,
    endNs: atNs + MARK_LENGTH_NS,
    ...(definition === undefined ? {} : { job: definition }),
    ...(definition?.serviceName === undefined ? {} : { serviceName: definition.serviceName }),
  };
  sendIfRoom(state, job.account, mark, 'detail', out);
}

/** The attempt and its ancestors then get spans of their own, whatever else becomes of the trace: so only where there is room for them. */
export function markAttempt(state: State, attempt: Attempt, nowMs: number, out: Output[]): void {
  attempt.ownExtra.markMs = MARK_SETTLED;
  state.schedule(attempt, Number.POSITIVE_INFINITY);
  if (state.options.inFlight !== 'running' || !traceJobOf(attempt.task).isFinal) return;
  const job = jobOf(state, attempt);
  if (job.closed || !isKeptAnyway(state, job)) return;
  const site = findSite(state, attempt, job);
  const mark = attemptMark(state, attempt, job, site);
  const mapped = mapSampled(state.options.mapping, mark);
  if (!chargeWithPins(state, attempt, job, site, costOfMapped(mapped))) return;
  if (!attempt.extra.pinned) pin(attempt, job);
  pinAbove(state, site, job, mark, nowMs);
  out.push({ lifecycle: mark, spans: mapped?.spans });
}

/** What the job's metadata asks for must not give way to a mark. */
function isKeptAnyway({ options }: State, job: Job): boolean {
  const detail = job.definition?.detail ?? 'all';
  return detail === 'all' || (detail === 'slow' && options.inFlightAfterMs >= options.slowMs);
}

function attemptMark(state: State, attempt: Attempt, job: Job, site: Site): MarkLifecycle {
  const lifecycle = attemptLifecycle(state, attempt, job, site);
  const { session, trace, jobId, name, startNs, node, serviceName } = lifecycle;
  const { taskId, attempt: number, actorId, workerId, workerPid, definition } = lifecycle;
  const atNs = runningNs(attempt) ?? startNs;
  return {
    kind: 'mark',
    session,
    trace,
    parent: { kind: 'task', taskId, attempt: number },
    links: [],
    jobId,
    name,
    startNs: atNs,
    endNs: atNs + MARK_LENGTH_NS,
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

/** False when the trace has no room for the mark and for the spans that it makes sure. */
function chargeWithPins(state: State, attempt: Attempt, job: Job, site: Site, cost: Cost): boolean {
  const { account } = job;
  if (account.isUnlimited) return true;
  const pins = (attempt.extra.pinned ? 0 : 1) + countPins(state, site, account.pinsThatFit('detail'));
  const whole = { spans: cost.spans + pins * PINNED_COST.spans, bytes: cost.bytes + pins * PINNED_COST.bytes };
  if (!account.fits(whole, 'detail')) return false;
  account.charge(cost);
  return true;
}

/** A detached actor's, which has a trace of its own. */
export function markActor(state: State, actor: Actor, nowMs: number, out: Output[]): void {
  state.schedule(actor, Number.POSITIVE_INFINITY);
  if (state.options.inFlight === 'off' || !actor.isDetached || isRayActorName(actor.definition?.name)) return;
  actor.marked = true;
  const job = state.job(actor.session, actor.jobId, nowMs);
  const { session, actorId, jobId, name, startNs, className, moduleName, definition, node, serviceName } = actorLifecycle(
    state,
    actor,
    job,
  );
  const mark: MarkLifecycle = {
    kind: 'mark',
    session,
    trace: actorTrace(actor, job),
    parent: actorSpan(actor),
    links: [],
    jobId,
    name,
    startNs,
    endNs: startNs + MARK_LENGTH_NS,
    actor: {
      actorId,
      ...(className === undefined ? {} : { className }),
      ...(definition === undefined ? {} : { definition }),
      ...(moduleName === undefined ? {} : { moduleName }),
    },
    ...(node === undefined ? {} : { node }),
    ...(serviceName === undefined ? {} : { serviceName }),
  };
  send(state, mark, out);
}

/** The in-flight span of a cluster, when its first node, worker... has ended: until then the cluster has no trace. */
export function markSession(state: State, session: Session, nowMs: number, out: Output[]): void {
  const { inFlight, inFlightAfterMs } = state.options;
  const atNs = session.firstNs ?? session.wrong?.firstNs;
  if (inFlight === 'off' || session.marked || session.closed || atNs === undefined || nowMs < session.firstSeenMs + inFlightAfterMs) return;
  session.marked = true;
  const mark: MarkLifecycle = {
    kind: 'mark',
    session: session.name,
    trace: { kind: 'session', session: session.name },
    parent: { kind: 'session' },
    links: [],
    name: session.name,
    startNs: atNs,
    endNs: atNs + MARK_LENGTH_NS,
  };
  sendIfRoom(state, session.account, mark, 'detail', out);
}
