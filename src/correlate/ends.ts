import type { ProfileEntry, StateTransition, TimeNs } from '../event/index.ts';
import { isTerminal, restartedAliveNs } from './due.ts';
import type { AttemptOutcome, EndInferred, Interval } from './lifecycle.ts';
import { largest, wholeTaskEntry } from './merge.ts';
import type { Attempt, Job, NodeRecord, Session, WorkerRecord } from './records.ts';
import { lastTimeOf, nextOf } from './transitions.ts';

/** Where and how an attempt ended: a pure function of what is known, in the order of how good the evidence is. */
export interface AttemptEnd extends Interval {
  readonly outcome: AttemptOutcome;
  readonly whole: ProfileEntry | undefined;
}

export function attemptEnd(attempt: Attempt, startNs: TimeNs, job: Job | undefined): AttemptEnd {
  const { profile, submitsEndNs } = attempt.extra;
  const whole = wholeTaskEntry(profile);
  const lastNs = lastStateNs(attempt.transitions);
  const terminal = attempt.transitions.filter(isTerminal);
  if (terminal.length > 0) {
    const failed = terminal.some((transition) => transition.state === 'FAILED');
    return ended({ startNs, endNs: lastNs ?? startNs }, failed ? 'failed' : 'finished', whole);
  }
  if (whole !== undefined) {
    const outcome = whole.exceptionType === undefined ? 'finished' : 'failed';
    return ended(interval(startNs, whole.endNs, 'profile', lastNs), outcome, whole);
  }
  const onlySubmits = lastNs === undefined && profile.length === 0 && attempt.definition === undefined;
  if (onlySubmits && submitsEndNs !== undefined) {
    return ended(interval(startNs, submitsEndNs, 'profile'), 'unfinished', whole);
  }
  const aliveNs = restartedAliveNs(attempt);
  if (aliveNs !== undefined) return ended(interval(startNs, aliveNs, 'actor_alive', lastNs), 'finished', whole);
  const cut = firstCut(attempt, job);
  if (cut === undefined) return ended(interval(startNs, silenceNs(attempt.task.session), 'silence', lastNs), 'unfinished', whole);
  const outcome = cut.inferred === 'job_finished' ? 'unfinished' : 'failed';
  return ended(interval(startNs, cut.endNs, cut.inferred, lastNs), outcome, whole);
}

function ended(
  { startNs, endNs, endInferred, endClamped }: Interval,
  outcome: AttemptOutcome,
  whole: ProfileEntry | undefined,
): AttemptEnd {
  return { startNs, endNs, endInferred, endClamped, outcome, whole };
}

/** Of the things that end an attempt from outside, the first. */
function firstCut(attempt: Attempt, job: Job | undefined): { readonly endNs: TimeNs; readonly inferred: EndInferred } | undefined {
  const { session } = attempt.task;
  const { workerId, nodeId } = attempt.where;
  const cuts: { readonly endNs: TimeNs | undefined; readonly inferred: EndInferred }[] = [
    { endNs: job === undefined ? undefined : jobEndNs(job), inferred: 'job_finished' },
    { endNs: deathNs(workerId === undefined ? undefined : session.workers.get(workerId)), inferred: 'worker_died' },
    { endNs: deathNs(nodeId === undefined ? undefined : session.nodes.get(nodeId)), inferred: 'node_died' },
  ];
  let first: { readonly endNs: TimeNs; readonly inferred: EndInferred } | undefined;
  for (const { endNs, inferred } of cuts) {
    if (endNs !== undefined && (first === undefined || endNs < first.endNs)) first = { endNs, inferred };
  }
  return first;
}

function deathNs(record: NodeRecord | WorkerRecord | undefined): TimeNs | undefined {
  return record === undefined ? undefined : lastTimeOf(record, 'DEAD');
}

/** FINISHED of the job, else the end of its driver's own task. */
export function jobEndNs(job: Job): TimeNs | undefined {
  const driver = { transitions: job.driverTransitions, leftOut: job.driverLeftOut };
  return lastTimeOf(job, 'FINISHED') ?? largest(lastTimeOf(driver, 'FINISHED'), lastTimeOf(driver, 'FAILED'));
}

/** CREATED of the job, else the first state of its driver's own task. */
export function jobStartNs(job: Job): TimeNs | undefined {
  return nextOf(job, ['CREATED'])?.timeNs ?? job.driverTransitions[0]?.timeNs;
}

export function silenceNs(session: Session): TimeNs {
  return session.lastNs ?? 0n;
}

export function firstStateNs(transitions: readonly StateTransition[]): TimeNs | undefined {
  let first: TimeNs | undefined;
  for (const { timeNs } of transitions) if (first === undefined || timeNs < first) first = timeNs;
  return first;
}

export function lastStateNs(transitions: readonly StateTransition[]): TimeNs | undefined {
  let last: TimeNs | undefined;
  for (const { timeNs } of transitions) last = largest(last, timeNs);
  return last;
}

/** An interval that never ends before `floorNs` (its start, or its last known state), and says so when it would have. */
export function interval(startNs: TimeNs, endNs: TimeNs, endInferred?: EndInferred, floorNs: TimeNs = startNs): Interval {
  const inferred = endInferred === undefined ? {} : { endInferred };
  const earliestNs = floorNs > startNs ? floorNs : startNs;
  return endNs < earliestNs ? { startNs, endNs: earliestNs, endClamped: true, ...inferred } : { startNs, endNs, ...inferred };
}
