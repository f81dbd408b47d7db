import type { TimeNs } from '../../event/index.ts';
import { parentOf, type AttemptRef } from '../callers/ancestry.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';
import { MAX_ROW_DEPTH } from '../compact/tombstones.ts';
import type { Attempt, Job, Session, Task } from '../entities/entities.ts';
import type { SpanRef } from '../finished.ts';
import type { State } from '../state.ts';
import { jobSpan } from '../trace-ref.ts';
import { attemptStartNs, type Place } from './finished-attempt.ts';

export interface SpanLocation extends Place {
  /** The attempt that its span hangs under; undefined for the job. */
  readonly above: AttemptRef | undefined;
}

/** Where an attempt's span hangs: the nearest ancestor that has a span or can still get one. */
export function findSpanLocation(state: State, attempt: Attempt, job: Job): SpanLocation {
  return locationOf(state, attempt.task, () => attemptStartNs(attempt), job);
}

/** The same for an attempt of `task` that began at `startNs()`. */
export function locationOf(state: State, task: Task, startNs: () => TimeNs, job: Job): SpanLocation {
  const direct = parentOf(task, state.options.maxDepth, startNs);
  const isFlat = state.options.nesting === 'flat';
  const underJob = { parent: jobSpan(job), parentRolledUp: false, parentTooDeep: false, above: undefined };
  if (direct.kind === 'job') {
    if (direct.tooDeep !== undefined) return { ...underJob, parentTask: linkedRef(direct.tooDeep), parentTooDeep: !isFlat };
    return { ...underJob, parentTask: direct.byDriver === true ? jobSpan(job) : undefined };
  }
  if (isFlat) return { ...underJob, parentTask: linkedRef(direct) };
  const above = nearestWithSpan(task.session, direct);
  const parentRolledUp = above !== direct;
  return {
    parent: above === undefined ? jobSpan(job) : taskRef(above),
    parentTask: parentRolledUp ? undefined : taskRef(direct),
    parentRolledUp,
    parentTooDeep: false,
    above,
  };
}

/** For a link alone: not to what was rolled up, nor to what may never get a span. */
function linkedRef(ref: AttemptRef): SpanRef | undefined {
  return ref.attempt === undefined || isRolledUp(ref.attempt) || isHeldBack(ref.attempt) ? undefined : taskRef(ref);
}

function isRolledUp(attempt: Attempt | ClosedAttempt | undefined): attempt is ClosedAttempt {
  return attempt?.closed === true && attempt.rollup !== undefined;
}

function isHeldBack(attempt: Attempt | ClosedAttempt | undefined): boolean {
  return attempt?.closed === true && attempt.isHeldBack;
}

/** Undefined for the job. What was rolled up remembers the nearest span above it, so that no walk is made twice. */
function nearestWithSpan(session: Session, direct: AttemptRef): AttemptRef | undefined {
  const passed: ClosedAttempt[] = [];
  let nearest: AttemptRef | undefined = direct;
  while (nearest !== undefined && isRolledUp(nearest.attempt) && passed.length <= MAX_ROW_DEPTH) {
    passed.push(nearest.attempt);
    nearest = refTo(session, nearest.attempt.above);
  }
  const above = namedBy(nearest);
  for (const rolledUp of passed) rolledUp.above = above;
  return nearest;
}

/** Without the attempt itself, which is another object once it is closed. */
export function namedBy(ref: AttemptRef | undefined): ClosedAttempt['above'] {
  return ref === undefined ? undefined : { taskId: ref.taskId, number: ref.number };
}

function refTo(session: Session, named: ClosedAttempt['above']): AttemptRef | undefined {
  if (named === undefined) return undefined;
  const attempt = session.findTask(named.taskId)?.find(named.number);
  return { taskId: named.taskId, number: attempt?.number ?? 0, attempt };
}

/** The attempt that has a span, or can still get one, above another one. */
function aboveOf(state: State, { taskId, attempt }: AttemptRef, session: Session): AttemptRef | undefined {
  const task = session.findTask(taskId);
  if (task === undefined || attempt === undefined) return undefined;
  const startNs = (): TimeNs => (attempt.closed ? attempt.runningNs : attemptStartNs(attempt));
  const direct = parentOf(task, state.options.maxDepth, startNs);
  return direct.kind === 'job' ? undefined : nearestWithSpan(session, direct);
}

/** Ancestors that must get a span if what is below them gets one, from the nearest one on, and no more than `limit`: open ones, and held ones. */
export function unreservedFrom(state: State, session: Session, above: AttemptRef | undefined, limit: number): AttemptRef[] {
  const unreserved: AttemptRef[] = [];
  let ref = above;
  while (ref !== undefined && isUnreserved(ref.attempt) && unreserved.length < limit) {
    unreserved.push(ref);
    ref = aboveOf(state, ref, session);
  }
  return unreserved;
}

function isUnreserved(attempt: Attempt | ClosedAttempt | undefined): boolean {
  if (attempt === undefined) return false;
  return attempt.closed ? attempt.isHeldBack : !attempt.rareFields.isReserved;
}

/** How many spans become sure with one below `above`. Counts no further than one more than `enough`. */
export function countReservations(state: State, session: Session, { above }: SpanLocation, enough: number): number {
  if (above !== undefined && above.attempt === undefined) return 1;
  return unreservedFrom(state, session, above, Math.min(enough + 1, MAX_ROW_DEPTH)).length;
}

export function taskRef({ taskId, number }: Pick<AttemptRef, 'taskId' | 'number'>): SpanRef {
  return { kind: 'task', taskId, attempt: number };
}
