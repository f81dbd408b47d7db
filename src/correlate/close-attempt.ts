import type { TimeNs } from '../event/index.ts';
import { NO_COST, PINNED_COST } from './account.ts';
import type { Cost } from './account.ts';
import { parentOf } from './ancestry.ts';
import type { Parent } from './ancestry.ts';
import { attemptLifecycle, attemptStartNs, jobOf } from './attempt-lifecycle.ts';
import type { Place } from './attempt-lifecycle.ts';
import { fixTraceOf, unlistAttempt } from './link-callers.ts';
import { scheduleJob, scheduleJobMark } from './due.ts';
import type { FoldNode } from './fold.ts';
import type { AttemptLifecycle, Interval, Lifecycle, SpanRef } from './lifecycle.ts';
import { largest, smallest } from './merge.ts';
import { isCreationTask, isDriverTask } from './ray-ids.ts';
import type { Attempt, ClosedAttempt, Job, Task } from './records.ts';
import { runningNs } from './task-attempts.ts';
import type { State } from './state.ts';
import { jobSpan } from './trace-ref.ts';
import { leave } from './where.ts';

/** Ends an attempt: one span, or a part of a fold when its trace has no room. */
export function closeAttempt(state: State, attempt: Attempt, nowMs: number, out: Lifecycle[]): void {
  fixTraceOf(state, attempt.task, nowMs);
  const job = jobOf(state, attempt);
  const site = findSite(state, attempt, job);
  const lifecycle = attemptLifecycle(state, attempt, job, site);
  const room = decideRoom(state, attempt, job, lifecycle, site);
  const fold = room === 'none' ? foldAttempt(attempt, job, lifecycle) : undefined;
  if (room !== 'none') {
    for (const ancestor of site.toPin) pin(ancestor, job);
    if (site.unseen !== undefined) pinUnseen(state, site.unseen, job, lifecycle, nowMs);
    const { folds } = attempt.extra;
    if (folds !== undefined) job.account.folds.merge(job.account.folds.under(taskSpan(attempt)), folds);
    out.push(room === 'lean' ? { ...lifecycle, lean: true } : lifecycle);
  } else {
    state.foldedAttempts += 1;
    job.account.foldedAttemptCount += 1;
    state.options.onFolded?.(lifecycle);
  }
  if (lifecycle.endInferred !== undefined) state.inferredEnds[lifecycle.endInferred] += 1;
  countInJob(job, attempt, lifecycle);
  entomb(state, attempt, {
    closed: true,
    number: attempt.number,
    runningNs: runningNs(attempt) ?? lifecycle.startNs,
    outcome: lifecycle.outcome,
    fold,
  });
  if (job.closed && !job.account.folds.isEmpty) scheduleJob(state, job, nowMs);
  scheduleJobMark(state, job, nowMs);
}

/** Closes many that are all that is left of their trace, so that a trace that fits is not folded. Failures first. */
export function closeRest(state: State, attempts: readonly Attempt[], job: Job, extra: Cost, nowMs: number, out: Lifecycle[]): void {
  const rest = { ...extra };
  const entries = attempts.map((attempt) => {
    const lifecycle = attemptLifecycle(state, attempt, job, findSite(state, attempt, job));
    const cost = job.account.isUnlimited ? NO_COST : state.options.measure(lifecycle);
    // One more for a parent that was never seen.
    rest.spans += cost.spans + (attempt.task.parentTaskId === undefined ? 0 : unseenParents(state, attempt));
    rest.bytes += cost.bytes;
    return { attempt, failed: lifecycle.outcome === 'failed', startNs: lifecycle.startNs };
  });
  job.account.relaxIfFits(rest);
  entries.sort((a, b) => {
    if (a.failed !== b.failed) return a.failed ? -1 : 1;
    if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
    if (a.attempt.task.id !== b.attempt.task.id) return a.attempt.task.id < b.attempt.task.id ? -1 : 1;
    return a.attempt.number - b.attempt.number;
  });
  for (const { attempt } of entries) closeAttempt(state, attempt, nowMs, out);
}

function unseenParents(state: State, attempt: Attempt): number {
  const parentId = attempt.task.parentTaskId;
  return state.options.nesting === 'flat' ||
    parentId === undefined ||
    isDriverTask(parentId) ||
    attempt.task.session.findTask(parentId) !== undefined
    ? 0
    : 1;
}

export interface Site extends Place {
  /** Open ancestors that must get spans if this attempt gets one. */
  readonly toPin: readonly Attempt[];
  /** The parent task's id, when nothing but its name is known. */
  readonly unseen: string | undefined;
}

/** Where an attempt's span hangs: the nearest ancestor that has a span or can still get one. */
export function findSite(state: State, attempt: Attempt, job: Job): Site {
  const { session } = attempt.task;
  const direct = parentOf(session, attempt.task, attemptStartNs(attempt));
  const isFlat = state.options.nesting === 'flat';
  const underDriver = attempt.task.parentTaskId !== undefined && isDriverTask(attempt.task.parentTaskId);
  if (direct.kind === 'job') {
    return { parent: jobSpan(job), parentTask: underDriver ? jobSpan(job) : undefined, parentFolded: false, toPin: [], unseen: undefined };
  }
  const { nearest, folded } = nearestWithSpan(direct, attempt);
  const parentTask = folded || (isFlat && direct.attempt === undefined) ? undefined : refOf(direct, job);
  if (isFlat) return { parent: jobSpan(job), parentTask, parentFolded: false, toPin: [], unseen: undefined };
  const unseen = nearest.kind === 'attempt' && nearest.attempt === undefined ? nearest.taskId : undefined;
  return { parent: refOf(nearest, job), parentTask, parentFolded: folded, toPin: openAncestors(nearest), unseen };
}

function nearestWithSpan(direct: Parent, attempt: Attempt): { readonly nearest: Parent; readonly folded: boolean } {
  const { session } = attempt.task;
  let nearest = direct;
  let folded = false;
  while (nearest.kind === 'attempt' && nearest.attempt?.closed === true && nearest.attempt.fold !== undefined) {
    const task = session.findTask(nearest.taskId);
    if (task === undefined) break;
    folded = true;
    nearest = parentOf(session, task, nearest.attempt.runningNs);
  }
  return { nearest, folded };
}

function openAncestors(nearest: Parent): Attempt[] {
  const ancestors: Attempt[] = [];
  let current = nearest;
  while (current.kind === 'attempt' && current.attempt?.closed === false && !current.attempt.extra.pinned) {
    const { attempt } = current;
    if (ancestors.includes(attempt)) break;
    ancestors.push(attempt);
    current = nearestWithSpan(parentOf(attempt.task.session, attempt.task, attemptStartNs(attempt)), attempt).nearest;
  }
  return ancestors;
}

function refOf(parent: Parent, job: Job): SpanRef {
  return parent.kind === 'job' ? jobSpan(job) : { kind: 'task', taskId: parent.taskId, attempt: parent.number };
}

function taskSpan(attempt: Attempt): SpanRef {
  return { kind: 'task', taskId: attempt.task.id, attempt: attempt.number };
}

/** `lean` is one span without children of its own. */
type Room = 'full' | 'lean' | 'none';

const LEAN_COST_SPANS = 1;

function decideRoom(state: State, attempt: Attempt, job: Job, lifecycle: AttemptLifecycle, site: Site): Room {
  const { account } = job;
  const failed = lifecycle.outcome === 'failed';
  const { pinned } = attempt.extra;
  if (pinned) account.release(PINNED_COST);
  else if (!wantsDetail(state, job, lifecycle)) return 'none';
  const ancestors = pinned ? 0 : site.toPin.length + (site.unseen === undefined ? 0 : 1);
  if (account.isUnlimited) return 'full';
  const pins = { spans: ancestors * PINNED_COST.spans, bytes: ancestors * PINNED_COST.bytes };
  const full = state.options.measure(lifecycle);
  if (account.fits(sum(full, pins), failed ? 'ordinary' : 'detail')) {
    account.charge(full);
    return 'full';
  }
  const lean = full.spans === LEAN_COST_SPANS ? full : state.options.measure({ ...lifecycle, lean: true });
  if (!pinned && !account.fits(sum(lean, pins), failed ? 'failed' : 'ordinary')) return 'none';
  account.charge(lean);
  if (lean !== full) account.leanAttemptCount += 1;
  return 'lean';
}

function sum(a: Cost, b: Cost): Cost {
  return { spans: a.spans + b.spans, bytes: a.bytes + b.bytes };
}

/** What the job's metadata asks for, decided for each attempt by itself. */
function wantsDetail(state: State, job: Job, lifecycle: AttemptLifecycle): boolean {
  const detail = job.definition?.detail ?? 'all';
  if (detail === 'all' || lifecycle.outcome === 'failed') return true;
  return detail === 'slow' && lifecycle.endNs - lifecycle.startNs >= BigInt(state.options.slowMs) * 1_000_000n;
}

export function pin(attempt: Attempt, job: Job): void {
  attempt.ownExtra.pinned = true;
  job.account.charge(PINNED_COST);
}

/** A parent that is only named gets a span at the job's close, unless it is seen until then. */
export function pinUnseen(state: State, taskId: string, job: Job, child: Interval, nowMs: number): void {
  const placeholder = state.attempt(job.session, taskId, 0, nowMs);
  if (placeholder === undefined) return;
  fixTraceOf(state, placeholder.task, nowMs);
  const { ownExtra: extra } = placeholder;
  if (!extra.pinned) pin(placeholder, job);
  extra.childrenStartNs = smallest(extra.childrenStartNs, child.startNs);
  extra.childrenEndNs = largest(extra.childrenEndNs, child.endNs);
  if (job.closed) scheduleJob(state, job, nowMs);
}

function foldAttempt(attempt: Attempt, job: Job, lifecycle: AttemptLifecycle): FoldNode {
  const { folds } = job.account;
  const node = folds.add(foldContainer(attempt, job, lifecycle.startNs), {
    isAttempt: true,
    name: lifecycle.name,
    outcome: lifecycle.outcome,
    startNs: lifecycle.startNs,
    endNs: lifecycle.endNs,
    waitNs: waitNs(lifecycle),
  });
  if (attempt.extra.folds !== undefined) folds.merge(node.children, attempt.extra.folds);
  return node;
}

function foldContainer(attempt: Attempt, job: Job, startNs: TimeNs): Map<string, FoldNode> {
  const { folds } = job.account;
  const parent = parentOf(attempt.task.session, attempt.task, startNs);
  if (parent.kind === 'job' || parent.attempt === undefined) return folds.under();
  if (!parent.attempt.closed) return (parent.attempt.ownExtra.folds ??= new Map<string, FoldNode>());
  if (parent.attempt.fold === undefined) return folds.under(refOf(parent, job));
  const parentFold = parent.attempt.fold.current;
  return parentFold.sent ? folds.under() : parentFold.children;
}

function waitNs({ states, startNs }: AttemptLifecycle): TimeNs {
  const running = states.find((transition) => transition.state === 'RUNNING');
  return running === undefined ? 0n : running.timeNs - startNs;
}

/** Tasks are counted by the outcome of their last attempt. */
function countInJob(job: Job, attempt: Attempt, lifecycle: AttemptLifecycle): void {
  job.hasChildren = true;
  job.childrenStartNs = smallest(job.childrenStartNs, lifecycle.startNs);
  job.childrenEndNs = largest(job.childrenEndNs, lifecycle.endNs);
  if (lifecycle.placeholder === true) return;
  job.attemptCount += 1;
  const last = attempt.task.lastClosed;
  if (last !== undefined && last.number > attempt.number) return;
  if (last !== undefined) job[last.outcome] -= 1;
  job[lifecycle.outcome] += 1;
}

function entomb(state: State, attempt: Attempt, closed: ClosedAttempt): void {
  const { task } = attempt;
  if (isCreationTask(task.id) && attempt.definition !== undefined) task.keepDefinition(attempt.definition);
  unlistAttempt(attempt);
  task.replace(closed);
  state.schedule(attempt, Number.POSITIVE_INFINITY);
  leave(attempt);
  const { actorId, session } = task;
  if (actorId !== undefined) session.actors.get(actorId)?.open?.delete(attempt);
  state.openAttempts -= 1;
  if (task.hasOpen) {
    state.tombstones.noteBesides(task.session, 1);
  } else {
    if (!isCreationTask(task.id)) task.keptDefinition = undefined;
    if (state.tombstones.add(task)) task.session.tasks.delete(task.id);
  }
  forgetOldest(state, task);
}

/** The oldest finished tasks give way first, then the oldest attempts of the task that grew. */
function forgetOldest(state: State, task: Task): void {
  const { tombstones } = state;
  while (tombstones.size + tombstones.besides + state.openAttempts > state.options.maxTombstones) {
    if (tombstones.size > 0) tombstones.forgetOldest();
    else if (task.forgetOldestClosed()) tombstones.noteBesides(task.session, -1);
    else return;
  }
}
