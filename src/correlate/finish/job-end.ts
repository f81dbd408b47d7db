import type { TimeNs } from '../../event/index.ts';
import { areCallersKnown } from '../callers/ancestry.ts';
import { attemptStartNs, jobOf } from './finished-attempt.ts';
import { ownDueMs, scheduleAttemptAt } from '../due/due.ts';
import { beganAfter, hasEnded, hasUntimedEnd, isEndedByJob, jobEndNs, sessionStartNs } from './ends.ts';
import { largest, smallest } from '../states/merge.ts';
import type { Interval } from '../finished.ts';
import { openAttemptsOf } from '../entities/open-attempts.ts';
import { actorOutlivesDriver, outlivesDriver } from './outlives.ts';
import type { Actor, Attempt, Job, Task } from '../entities/entities.ts';
import type { State } from '../state.ts';
import { ACTOR_ORDER, beginOf } from '../states/state-order.ts';
import { trustedStartNs } from './trusted-attempt.ts';
import { canTrust, lastTrustedNs, type TimeRange, trustedTimeOf } from './trusted-time.ts';

/** What the end of a job means for what is still open of it. */

/** When an open attempt is looked at again after its job ended, in milliseconds; undefined when it closes with the job. */
export function waitsUntilMs(state: State, attempt: Attempt, nowMs: number): number | undefined {
  const dueMs = ownDueMs(state, attempt, nowMs);
  if (dueMs <= nowMs) return undefined;
  const job = jobOf(state, attempt);
  const startNs = attemptStartNs(attempt);
  if (job.endMs === undefined || !isEndedByJob(state, attempt, startNs, job)) return dueMs;
  if (!isWaitedFor(attempt.task, trustedStartNs(attempt, startNs), job)) return undefined;
  const latestMs = Math.min(dueMs, job.endMs + state.options.orphanTimeoutMs);
  return latestMs > nowMs ? latestMs : undefined;
}

/** Its own end may still be reported: it began after the job's end, or not all of its callers are known and one may be detached. */
function isWaitedFor(task: Task, startNs: TimeNs, job: Job): boolean {
  return beganAfter(job, startNs) || (job.hasDetachedActor && !areCallersKnown(task));
}

/**
 * True for an attempt that the job's span can't count, because the span is sent before. What ended within a settle time after
 * the job is counted, so that neither the way of the events to the bridge nor clocks that differ a little change the counts.
 */
export function isAttemptAfterJob(state: State, attempt: Attempt, interval: Interval, job: Job): boolean {
  const { task, rareFields } = attempt;
  const { startNs, endInferred } = interval;
  if (!hasEnded(job)) return false;
  const isOpenAtEnd = endInferred === 'job_finished' || (endInferred === 'profile' && rareFields.evidenceMs === undefined);
  if (isOpenAtEnd) return isWaitedFor(task, startNs, job);
  return endedAfterJob(state, interval, job, () => isWaitedFor(task, startNs, job) || outlivesDriver(state.ordinary, task));
}

/** The same for an attempt or actor: `outlives` says whether it can end after its job although it began before. */
export function endedAfterJob(state: State, { startNs, endNs, endInferred }: Interval, job: Job, outlives: () => boolean): boolean {
  const jobNs = jobEndNs(job);
  // At an unknown time, so that nothing can be said to have ended before.
  if (jobNs === undefined) return hasUntimedEnd(job) && outlives();
  return endInferred === 'silence' || (isAfterJob(state, endNs, job) && (beganAfter(job, startNs) || outlives()));
}

/** True of a time that is later than the end of the job's span, and too late to be known when the span is sent. */
export function isAfterJob(state: State, timeNs: TimeNs, job: Job): boolean {
  const jobNs = jobEndNs(job);
  return jobNs !== undefined && timeNs > jobNs + BigInt(state.options.settleMs) * 1_000_000n;
}

/** Open attempts that close with their job. The others are looked at again when they may end. */
export function attemptsThatEnd(state: State, job: Job, nowMs: number, isSilent: boolean): Attempt[] {
  const attempts: Attempt[] = [];
  for (const attempt of openAttemptsOf(job)) {
    const waitMs = isSilent ? undefined : waitsUntilMs(state, attempt, nowMs);
    if (waitMs === undefined) attempts.push(attempt);
    else scheduleAttemptAt(state, attempt, waitMs);
  }
  return attempts;
}

/** False for what began after the job's end, for detached actors and for those that they created. */
export function isActorEndedByJob(state: State, actor: Actor, job: Job): boolean {
  return hasEnded(job) && !beganAfter(job, trustedTimeOf(actor, actorStartNs(actor))) && !actorOutlivesDriver(state.ordinary, actor);
}

export function actorStartNs(actor: Actor): TimeNs {
  return beginOf(actor.transitions, ACTOR_ORDER) ?? tasksOf(actor)?.firstNs ?? sessionStartNs(actor.session);
}

/** The last time that is known of an actor. */
export function actorLastNs(actor: Actor): TimeNs | undefined {
  return largest(lastTrustedNs(actor), tasksOf(actor)?.lastNs);
}

/** From the first to the last state of its tasks. */
function tasksOf({ tasksStartNs, tasksEndNs, wrongTasks, session }: Actor): TimeRange | undefined {
  if (tasksStartNs !== undefined && tasksEndNs !== undefined) return { firstNs: tasksStartNs, lastNs: tasksEndNs };
  return canTrust(session) ? undefined : wrongTasks;
}

/** The times of an actor, as far as they can be trusted. */
export function trustedActorInterval(actor: Actor, interval: Interval): Interval {
  const startNs = trustedTimeOf(actor, interval.startNs);
  const endNs = trustedTimeOf(actor, interval.endNs);
  return { ...interval, startNs, endNs: endNs < startNs ? startNs : endNs };
}

/** Keeps the times of what the job's span counts, for a job whose own times are unknown. */
export function noteChild(job: Job, { startNs, endNs }: Interval): void {
  job.childrenStartNs = smallest(job.childrenStartNs, startNs);
  job.childrenEndNs = largest(job.childrenEndNs, endNs);
}
