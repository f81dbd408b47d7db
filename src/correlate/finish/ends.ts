import { isTerminal, type ProfileEntry, type StateTransition, type TimeNs } from '../../event/index.ts';
import type { Evidence } from './evidence.ts';
import type { AttemptOutcome, EndInferred, Interval } from '../finished.ts';
import { largest, smallest } from '../states/merge.ts';
import { areCallersKnown } from '../callers/ancestry.ts';
import { outlivesDriver } from './outlives.ts';
import { isCreationTask } from '../naming/ray-ids.ts';
import type { Attempt, Job, NodeRecord, Session, WorkerRecord } from '../entities/entities.ts';
import type { JobState, SessionState } from '../read-model.ts';
import type { State } from '../state.ts';
import { isTrusted, lastTrustedStateNs, trustedEndNs, trustedStartNs } from './trusted-attempt.ts';
import { lastTrustedOf, nextOf } from '../states/transitions.ts';
import { nsOf, trustedNs } from './trusted-time.ts';

/** Where and how an attempt ended: a pure function of what is known, in the order of how good the evidence is. */
export interface AttemptEnd extends Interval {
  readonly outcome: AttemptOutcome;
  readonly whole: ProfileEntry | undefined;
}

export function attemptEnd(state: State, attempt: Attempt, evidence: Evidence, startNs: TimeNs, job: Job | undefined): AttemptEnd {
  const { states, profile, whole, actorEnd } = evidence;
  const { submitsEndNs, untimedEnd } = attempt.rareFields;
  const lastNs = lastTrustedStateNs(attempt, states);
  const terminal = terminalEnd(attempt, states);
  if (terminal !== undefined) return ended({ startNs, endNs: terminal.endNs }, terminal.outcome, whole);
  if (whole !== undefined) {
    const failed = untimedEnd === undefined ? whole.exceptionType !== undefined : untimedEnd === 'FAILED';
    return ended(interval(startNs, trustedEndNs(attempt, whole.endNs), 'profile', lastNs), failed ? 'failed' : 'finished', whole);
  }
  const onlySubmits = states.length === 0 && profile.length === 0 && attempt.definition === undefined;
  if (onlySubmits && submitsEndNs !== undefined) {
    return ended(interval(startNs, submitsEndNs, 'profile'), 'unfinished', whole);
  }
  if (actorEnd?.state === 'ALIVE' && untimedEnd !== 'FAILED' && isCreationTask(attempt.task.id)) {
    return ended(interval(startNs, trustedNs(actorEnd, attempt.task.session), 'actor_alive', lastNs), 'finished', whole);
  }
  if (untimedEnd !== undefined) {
    return ended(interval(startNs, lastNs ?? startNs, 'last_state'), untimedEnd === 'FAILED' ? 'failed' : 'finished', whole);
  }
  const jobNs = job !== undefined && isEndedByJob(state, attempt, startNs, job) ? (jobEndNs(job) ?? lastNs ?? startNs) : undefined;
  const cut = firstCut(attempt.task.session, evidence, jobNs, lastNs ?? startNs);
  if (cut === undefined) return ended(interval(startNs, silenceNs(attempt.task.session), 'silence', lastNs), 'unfinished', whole);
  return ended(interval(startNs, cut.endNs, cut.inferred, lastNs), cut.outcome, whole);
}

/** A creation ends with its terminal state; anything else with its last one, as clocks differ. */
function terminalEnd(
  attempt: Attempt,
  states: readonly StateTransition[],
): { readonly endNs: TimeNs; readonly outcome: AttemptOutcome } | undefined {
  const { task, rareFields } = attempt;
  const { leftOut, untimedEnd } = rareFields;
  const first = states.find(({ state }) => isTerminal(state));
  const last = states.at(-1);
  const hasFailed = states.some(({ state }) => state === 'FAILED') || leftOut?.lastOf('FAILED') !== undefined;
  if (last === undefined || (first === undefined && !hasFailed && leftOut?.lastOf('FINISHED') === undefined)) return undefined;
  const lastNs =
    first !== undefined && isTrusted(attempt, first.timeNs) ? (lastTrustedStateNs(attempt, states) ?? last.timeNs) : last.timeNs;
  return {
    endNs: first !== undefined && isCreationTask(task.id) ? first.timeNs : lastNs,
    outcome: hasFailed || untimedEnd === 'FAILED' ? 'failed' : 'finished',
  };
}

function ended(
  { startNs, endNs, endInferred, endClamped }: Interval,
  outcome: AttemptOutcome,
  whole: ProfileEntry | undefined,
): AttemptEnd {
  return { startNs, endNs, endInferred, endClamped, outcome, whole };
}

interface Cut {
  readonly endNs: TimeNs;
  readonly inferred: EndInferred;
  readonly outcome: AttemptOutcome;
}

/** Ray ends an actor for these reasons when all its calls are done: only the end of the attempt was lost. */
const GRACEFUL_DEATHS: readonly string[] = ['OUT_OF_SCOPE', 'REF_DELETED'];

/** Of the things that end an attempt from outside, the first. One without a time counts at `lastNs`, the last known time of the attempt. */
function firstCut(session: Session, { placement, actorEnd }: Evidence, jobNs: TimeNs | undefined, lastNs: TimeNs): Cut | undefined {
  const { workerId, executorNodeId, submittedNodeId } = placement;
  const nodeId = executorNodeId ?? submittedNodeId;
  const isGraceful = GRACEFUL_DEATHS.includes(actorEnd?.deathCause?.reason ?? '');
  const cuts: { readonly endNs: TimeNs | undefined; readonly inferred: EndInferred; readonly outcome: AttemptOutcome }[] = [
    { endNs: jobNs, inferred: 'job_finished', outcome: 'unfinished' },
    { endNs: deathNs(session.workers.get(workerId ?? ''), lastNs), inferred: 'worker_died', outcome: 'failed' },
    { endNs: deathNs(session.nodes.get(nodeId ?? ''), lastNs), inferred: 'node_died', outcome: 'failed' },
    { endNs: actorEnd && trustedNs(actorEnd, session), inferred: 'actor_died', outcome: isGraceful ? 'unfinished' : 'failed' },
  ];
  let first: Cut | undefined;
  for (const { endNs, inferred, outcome } of cuts) {
    if (endNs !== undefined && (first === undefined || endNs < first.endNs)) first = { endNs, inferred, outcome };
  }
  return first;
}

/**
 * False for the work of detached actors, and for what began after the job's end and may be such work: the job's end does not end
 * it. Anything else that seems to have begun after the job has a clock that is ahead.
 */
export function isEndedByJob(state: State, attempt: Attempt, startNs: TimeNs, job: Job): boolean {
  const { task } = attempt;
  if (!hasEnded(job) || (beganAfter(job, trustedStartNs(attempt, startNs)) && !areCallersKnown(task))) return false;
  return !outlivesDriver(state.ordinary, task);
}

export function hasEnded(job: JobState): boolean {
  return jobEndNs(job) !== undefined || hasUntimedEnd(job);
}

export function beganAfter(job: Job, startNs: TimeNs): boolean {
  const endNs = jobEndNs(job);
  return endNs !== undefined && startNs > endNs;
}

function deathNs(record: NodeRecord | WorkerRecord | undefined, lastNs: TimeNs): TimeNs | undefined {
  if (record === undefined) return undefined;
  return lastTrustedOf(record, 'DEAD') ?? (record.untimedEnd === undefined ? undefined : lastNs);
}

/** The job ended, and Ray sent no time for that: see `untimed.ts`. */
export function hasUntimedEnd(job: JobState): boolean {
  return job.untimedEnd !== undefined || job.driverUntimedEnd !== undefined;
}

/** FINISHED of the job, else the end of its driver's own task. */
export function jobEndNs(job: JobState): TimeNs | undefined {
  const driver = { session: job.session, transitions: job.driverTransitions, leftOut: job.driverLeftOut };
  return lastTrustedOf(job, 'FINISHED') ?? largest(lastTrustedOf(driver, 'FINISHED'), lastTrustedOf(driver, 'FAILED'));
}

/** CREATED of the job, else the first state of its driver's own task. */
export function jobStartNs(job: JobState): TimeNs | undefined {
  const created = nextOf(job, ['CREATED']);
  if (created !== undefined) return trustedNs(created, job.session);
  let first: TimeNs | undefined;
  for (const transition of job.driverTransitions) first = smallest(first, trustedNs(transition, job.session));
  return first;
}

export function silenceNs({ lastNs, wrong, received, lastSeenMs }: SessionState): TimeNs {
  return lastNs ?? wrong?.lastNs ?? received?.lastNs ?? nsOf(lastSeenMs);
}

/** The first time that is known of a session; where no event has a possible one, when the first was received. */
export function sessionStartNs({ firstNs, wrong, received, firstSeenMs }: SessionState): TimeNs {
  return firstNs ?? wrong?.firstNs ?? received?.firstNs ?? nsOf(firstSeenMs);
}

export function firstStateNs(transitions: readonly StateTransition[]): TimeNs | undefined {
  let first: TimeNs | undefined;
  for (const { timeNs } of transitions) if (first === undefined || timeNs < first) first = timeNs;
  return first;
}

/** An interval that never ends before `floorNs` (its start, or its last known state), and says so when it would have. */
export function interval(startNs: TimeNs, endNs: TimeNs, endInferred?: EndInferred, floorNs: TimeNs = startNs): Interval {
  const inferred = endInferred === undefined ? {} : { endInferred };
  const earliestNs = floorNs > startNs ? floorNs : startNs;
  return endNs < earliestNs ? { startNs, endNs: earliestNs, endClamped: true, ...inferred } : { startNs, endNs, ...inferred };
}
