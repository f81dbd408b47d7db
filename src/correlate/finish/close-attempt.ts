import type { TimeNs } from '../../event/index.ts';
import { NO_COST, RESERVED_COST, type Cost } from '../budget.ts';
import { parentOf, type AttemptRef } from '../callers/ancestry.ts';
import { finishedAttempt, attemptStartNs, jobOf, type Place } from './finished-attempt.ts';
import { timesOf } from './attempt-times.ts';
import { fixTraceOf, unlistAttempt } from '../callers/link-callers.ts';
import { scheduleJob, scheduleJobInFlight, unwatchActor } from '../due/due.ts';
import type { RollupNode } from '../rollup.ts';
import { isRayModule } from '../internal.ts';
import { isAttemptAfterJob, noteChild } from './job-end.ts';
import type { FinishedAttempt, AttemptOutcome, Interval, SpanRef } from '../finished.ts';
import { largest, smallest } from '../states/merge.ts';
import { isCreationTask } from '../ray-ids.ts';
import type { Attempt, Job, Session, Task } from '../entities.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';
import { costOfMapped, type Mapped, mapSampled, type Output, type PreparedAttempt } from '../mapping.ts';
import { TraceRest } from './trace-rest.ts';
import { runningNs } from '../task-attempts.ts';
import type { State } from '../state.ts';
import { MAX_ROW_DEPTH } from '../compact/tombstones.ts';
import { trustedInterval } from './trusted-attempt.ts';
import { jobSpan } from '../trace-ref.ts';
import { leave } from '../compact/placement.ts';

/** A larger definition is not kept of a creation for when its actor restarts. */
const MAX_KEPT_BYTES = 4_096;
/** All that are kept; beyond it the oldest finished tasks are forgotten. */
const MAX_ALL_KEPT_BYTES = 64 * 1024 * 1024;

/** Ends an attempt: one span, or a part of a rollup when its trace has no room. */
export function closeAttempt(state: State, attempt: Attempt, nowMs: number, out: Output[], inRest?: PreparedAttempt): void {
  fixTraceOf(state, attempt.task, nowMs);
  const job = jobOf(state, attempt);
  const location = findSpanLocation(state, attempt, job);
  const prepared = inRest?.job === job ? inRest : undefined;
  const lifecycle = prepared?.lifecycle ?? finishedAttempt(state, attempt, job, location);
  const output = prepared === undefined ? decideOutput(state, attempt, job, lifecycle, location) : chargePrepared(state, attempt, prepared);
  const rollup = output === undefined ? rollUpAttempt(state, attempt, job, lifecycle) : undefined;
  const interval = trustedInterval(attempt, lifecycle);
  if (output !== undefined) {
    reserveAbove(state, location, job, interval, nowMs);
    const { rollups } = attempt.rareFields;
    if (rollups !== undefined) job.budget.rollups.merge(job.budget.rollups.under(taskSpan(attempt)), rollups);
    out.push(output);
  } else {
    state.rolledUpAttempts += 1;
    job.budget.rolledUpAttemptCount += 1;
    state.options.onRolledUp?.(lifecycle);
  }
  if (lifecycle.endInferred !== undefined) state.inferredEnds[lifecycle.endInferred] += 1;
  const isAfterJob = isAttemptAfterJob(state, attempt, interval, job);
  if (!isAfterJob) noteChild(job, interval);
  countInJob(job, attempt, lifecycle, isAfterJob);
  attempt.task.session.threads?.endRun(attempt.placement.workerId, attempt, lifecycle.endNs);
  archive(state, attempt, {
    closed: true,
    number: attempt.number,
    runningNs: runningNs(attempt) ?? lifecycle.startNs,
    outcome: lifecycle.outcome,
    rollup,
    above: rollup === undefined ? undefined : namedBy(location.above),
    isAfterJob,
    isPlaceholder: lifecycle.placeholder === true,
  });
  if (job.closed && !job.budget.rollups.isEmpty) scheduleJob(state, job, nowMs);
  scheduleJobInFlight(state, job, nowMs);
  state.watcher?.finished(lifecycle, output === undefined ? 'rolled_up' : 'sent', nowMs);
}

/** Closes many that are all that is left of their trace, so that a trace that fits is not rolled up. Failures first. */
export function closeRest(state: State, attempts: readonly Attempt[], job: Job, rareFields: Cost, nowMs: number, out: Output[]): void {
  const rest = new TraceRest(job.budget, rareFields, attempts.filter(({ rareFields: { isReserved } }) => !isReserved).length);
  const entries = attempts.map((attempt) => {
    const location = findSpanLocation(state, attempt, job);
    const lifecycle = finishedAttempt(state, attempt, job, location);
    const mapped = rest.mayFit ? mapSampled(state.options.mapping, lifecycle) : undefined;
    rest.add(() => costOf(attempt, mapped, location));
    return { attempt, failed: lifecycle.outcome === 'failed', startNs: lifecycle.startNs, prepared: { job, lifecycle, mapped } };
  });
  rest.relaxIfFits();
  entries.sort((a, b) => {
    if (a.failed !== b.failed) return a.failed ? -1 : 1;
    if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
    if (a.attempt.task.id !== b.attempt.task.id) return a.attempt.task.id < b.attempt.task.id ? -1 : 1;
    return a.attempt.number - b.attempt.number;
  });
  for (const { attempt, prepared } of entries) closeAttempt(state, attempt, nowMs, out, rest.mayFit ? prepared : undefined);
}

/** What an attempt takes of its trace when it is closed now. */
export function costToClose(state: State, attempt: Attempt, job: Job): Cost {
  const location = findSpanLocation(state, attempt, job);
  return costOf(attempt, mapSampled(state.options.mapping, finishedAttempt(state, attempt, job, location)), location);
}

function costOf(attempt: Attempt, mapped: Mapped | undefined, { above }: SpanLocation): Cost {
  const { spans, bytes } = costOfMapped(mapped);
  const charged = attempt.rareFields.isReserved ? RESERVED_COST : NO_COST;
  // One more for a parent that was never seen.
  const unseen = above !== undefined && above.attempt === undefined ? 1 : 0;
  return { spans: spans + unseen - charged.spans, bytes: bytes - charged.bytes };
}

export interface SpanLocation extends Place {
  /** The attempt that its span hangs under; undefined for the job. */
  readonly above: AttemptRef | undefined;
}

/** Where an attempt's span hangs: the nearest ancestor that has a span or can still get one. */
export function findSpanLocation(state: State, attempt: Attempt, job: Job): SpanLocation {
  const { task } = attempt;
  const direct = parentOf(task, state.options.maxDepth, () => attemptStartNs(attempt));
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
  return ref.attempt === undefined || isFolded(ref.attempt) ? undefined : taskRef(ref);
}

function isFolded(attempt: Attempt | ClosedAttempt | undefined): attempt is ClosedAttempt {
  return attempt?.closed === true && attempt.rollup !== undefined;
}

/** Undefined for the job. What was rolled up remembers the nearest span above it, so that no walk is made twice. */
function nearestWithSpan(session: Session, direct: AttemptRef): AttemptRef | undefined {
  const passed: ClosedAttempt[] = [];
  let nearest: AttemptRef | undefined = direct;
  while (nearest !== undefined && isFolded(nearest.attempt) && passed.length <= MAX_ROW_DEPTH) {
    passed.push(nearest.attempt);
    nearest = refTo(session, nearest.attempt.above);
  }
  const above = namedBy(nearest);
  for (const rolledUp of passed) rolledUp.above = above;
  return nearest;
}
/** Without the attempt itself, which is another object once it is closed. */
function namedBy(ref: AttemptRef | undefined): ClosedAttempt['above'] {
  return ref === undefined ? undefined : { taskId: ref.taskId, number: ref.number };
}

function refTo(session: Session, named: ClosedAttempt['above']): AttemptRef | undefined {
  if (named === undefined) return undefined;
  const attempt = session.findTask(named.taskId)?.find(named.number);
  return { taskId: named.taskId, number: attempt?.number ?? 0, attempt };
}

/** The attempt that has a span above an open one. */
function aboveOf(state: State, attempt: Attempt): AttemptRef | undefined {
  const direct = parentOf(attempt.task, state.options.maxDepth, () => attemptStartNs(attempt));
  return direct.kind === 'job' ? undefined : nearestWithSpan(attempt.task.session, direct);
}

/** Open ancestors that must get a span if what is below them gets one, from the nearest one on, and no more than `limit`. */
function unreservedFrom(state: State, above: AttemptRef | undefined, limit: number): Attempt[] {
  const unreserved: Attempt[] = [];
  let attempt = above?.attempt;
  while (attempt?.closed === false && !attempt.rareFields.isReserved && unreserved.length < limit) {
    unreserved.push(attempt);
    attempt = aboveOf(state, attempt)?.attempt;
  }
  return unreserved;
}

/** How many spans become sure with one below `above`. Counts no further than one more than `enough`. */
export function countReservations(state: State, { above }: SpanLocation, enough: number): number {
  if (above !== undefined && above.attempt === undefined) return 1;
  return unreservedFrom(state, above, Math.min(enough + 1, MAX_ROW_DEPTH)).length;
}

/** Makes sure that everything above a span that is sent gets a span, too. */
export function reserveAbove(state: State, { above }: SpanLocation, job: Job, child: Interval, nowMs: number): void {
  if (above !== undefined && above.attempt === undefined) return reserveUnseen(state, above.taskId, job, child, nowMs);
  for (const ancestor of unreservedFrom(state, above, MAX_ROW_DEPTH)) reserveSpan(ancestor, job);
}

function taskRef({ taskId, number }: AttemptRef): SpanRef {
  return { kind: 'task', taskId, attempt: number };
}

function taskSpan(attempt: Attempt): SpanRef {
  return { kind: 'task', taskId: attempt.task.id, attempt: attempt.number };
}

/** Fits as a whole, as the rest of its trace does. */
function chargePrepared(state: State, attempt: Attempt, { job, lifecycle, mapped }: PreparedAttempt): Output | undefined {
  if (attempt.rareFields.isReserved) job.budget.release(RESERVED_COST);
  else if (!wantsDetail(state, job, lifecycle)) return undefined;
  job.budget.charge(costOfMapped(mapped));
  return { lifecycle, spans: mapped?.spans };
}

/**
 * What is sent of an attempt: its span with phases and profile entries, or its span alone where there is no room for those, or nothing. Whether there is
 * room is decided as far as possible before anything is mapped.
 */
function decideOutput(state: State, attempt: Attempt, job: Job, lifecycle: FinishedAttempt, location: SpanLocation): Output | undefined {
  const { budget } = job;
  const { mapping } = state.options;
  const failed = lifecycle.outcome === 'failed';
  const { isReserved } = attempt.rareFields;
  if (isReserved) budget.release(RESERVED_COST);
  else if (!wantsDetail(state, job, lifecycle)) return undefined;
  if (!mapping.isSampled(lifecycle.trace)) return { lifecycle, spans: undefined };
  if (budget.isUnlimited) return { lifecycle, spans: mapping.map(lifecycle).spans };
  const compactPriority = failed ? 'failed' : 'ordinary';
  const enough = isReserved ? 0 : budget.reservationsThatFit(compactPriority);
  if (enough < 0) return undefined;
  const ancestors = isReserved ? 0 : countReservations(state, location, enough);
  const reserved = { spans: ancestors * RESERVED_COST.spans, bytes: ancestors * RESERVED_COST.bytes };
  const fullUse = failed ? 'ordinary' : 'detail';
  const fullSpans = mapping.count(lifecycle);
  if (budget.mayFit(fullSpans + reserved.spans, fullUse)) {
    const full = mapping.map(lifecycle);
    if (budget.chargeIfFits(costOfMapped(full), reserved, fullUse)) return { lifecycle, spans: full.spans };
  }
  if (!isReserved && !budget.mayFit(1 + reserved.spans, compactPriority)) return undefined;
  const compactAttempt = { ...lifecycle, isCompact: true };
  const isCompact = mapping.map(compactAttempt);
  if (isReserved) budget.charge(costOfMapped(isCompact));
  else if (!budget.chargeIfFits(costOfMapped(isCompact), reserved, compactPriority)) return undefined;
  if (fullSpans > 1) budget.compactAttemptCount += 1;
  return { lifecycle: compactAttempt, spans: isCompact.spans };
}

/** What the job's metadata asks for, decided for each attempt by itself. */
function wantsDetail(state: State, job: Job, lifecycle: FinishedAttempt): boolean {
  const detail = job.definition?.detail ?? 'all';
  if (detail === 'all' || lifecycle.outcome === 'failed') return true;
  return detail === 'slow' && lifecycle.endNs - lifecycle.startNs >= BigInt(state.options.slowMs) * 1_000_000n;
}

export function reserveSpan(attempt: Attempt, job: Job): void {
  attempt.writableRareFields.isReserved = true;
  job.budget.charge(RESERVED_COST);
}

/** A parent that is only named gets a span at the job's close, unless it is seen until then. */
function reserveUnseen(state: State, taskId: string, job: Job, child: Interval, nowMs: number): void {
  const placeholder = state.attempt(job.session, taskId, 0, nowMs);
  if (placeholder === undefined) return;
  fixTraceOf(state, placeholder.task, nowMs);
  const { writableRareFields: rareFields } = placeholder;
  if (!rareFields.isReserved) reserveSpan(placeholder, job);
  rareFields.childrenStartNs = smallest(rareFields.childrenStartNs, child.startNs);
  rareFields.childrenEndNs = largest(rareFields.childrenEndNs, child.endNs);
  if (job.closed) scheduleJob(state, job, nowMs);
}

function rollUpAttempt(state: State, attempt: Attempt, job: Job, lifecycle: FinishedAttempt): RollupNode {
  const { rollups } = job.budget;
  const node = rollups.add(rollupContainer(state, attempt, job), {
    isAttempt: true,
    name: lifecycle.name,
    outcome: lifecycle.outcome,
    startNs: lifecycle.startNs,
    endNs: lifecycle.endNs,
    waitNs: waitNs(lifecycle),
  });
  if (attempt.rareFields.rollups !== undefined) rollups.merge(node.children, attempt.rareFields.rollups);
  return node;
}

function rollupContainer(state: State, attempt: Attempt, job: Job): Map<string, RollupNode> {
  const { rollups } = job.budget;
  const parent = parentOf(attempt.task, state.options.maxDepth, () => attemptStartNs(attempt));
  if (parent.kind === 'job' || parent.attempt === undefined) return rollups.under();
  if (!parent.attempt.closed) return (parent.attempt.writableRareFields.rollups ??= new Map<string, RollupNode>());
  if (parent.attempt.rollup === undefined) return rollups.under(taskRef(parent));
  const parentRollup = parent.attempt.rollup.current;
  return parentRollup.sent ? rollups.under() : parentRollup.children;
}

function waitNs(lifecycle: FinishedAttempt): TimeNs {
  const { pendingNs, runningAtNs } = timesOf(lifecycle);
  return runningAtNs === undefined ? 0n : (pendingNs ?? 0n);
}

/** Tasks are counted by the outcome of their last attempt. */
function countInJob(job: Job, { task, number }: Attempt, lifecycle: FinishedAttempt, isAfterJob: boolean): void {
  job.hasChildren = true;
  if (lifecycle.placeholder === true) return;
  const { outcome } = lifecycle;
  job.closedAttempts += 1;
  countTask(job.closedTasks, number, outcome, task.lastClosed);
  if (isAfterJob) return;
  job.attemptCount += 1;
  if (countTask(job, number, outcome, task.lastCounted)) countForOutcome(job, task.lastCounted, lifecycle);
}

/** False where a later attempt of the task is counted. */
function countTask(
  counts: Record<AttemptOutcome, number>,
  number: number,
  outcome: AttemptOutcome,
  last: ClosedAttempt | undefined,
): boolean {
  if (last !== undefined && last.number > number) return false;
  if (last !== undefined && !last.isPlaceholder) counts[last.outcome] -= 1;
  counts[outcome] += 1;
  return true;
}

/** What says how the job came out, beside the counts of its tasks. */
function countForOutcome(job: Job, last: ClosedAttempt | undefined, { outcome, endReason, error, definition }: FinishedAttempt): void {
  if (!isRayModule(definition?.moduleName)) {
    if (endReason === 'driver_ended') job.openAtEnd += 1;
    return;
  }
  if (last?.outcome === 'failed' && job.failedInternally > 0) job.failedInternally -= 1;
  if (outcome === 'failed' && error !== undefined && error.errorType !== 'TASK_EXECUTION_EXCEPTION') job.failedInternally += 1;
}

function archive(state: State, attempt: Attempt, closed: ClosedAttempt): void {
  const { task } = attempt;
  const { keptDefinition } = task;
  if (isCreationTask(task.id) && attempt.definition !== undefined) task.keepDefinition(attempt.definition);
  state.held.closeAttempt(attempt);
  unlistAttempt(attempt);
  task.replace(closed);
  state.schedule(attempt, Number.POSITIVE_INFINITY);
  leave(attempt);
  unwatchActor(attempt);
  state.openAttempts -= 1;
  if (task.hasOpen) {
    state.tombstones.noteBesides(task.session, 1);
    state.held.replaceFacts(keptDefinition, task.keptDefinition);
  } else {
    task.outlivesDriver = false;
    state.held.replaceFacts(keptDefinition, undefined);
    if (!isCreationTask(task.id) || (task.keptDefinition?.bytes ?? 0) > MAX_KEPT_BYTES) task.keptDefinition = undefined;
    if (state.tombstones.add(task)) task.session.tasks.delete(task.id);
  }
  forgetOldest(state, task);
}

/** The oldest finished tasks give way first, then the oldest attempts of the task that grew. */
function forgetOldest(state: State, task: Task): void {
  const { tombstones } = state;
  const isFull = (): boolean =>
    tombstones.size + tombstones.besides + state.openAttempts > state.options.maxTombstones || tombstones.keptBytes > MAX_ALL_KEPT_BYTES;
  while (isFull()) {
    if (tombstones.size > 0) tombstones.forgetOldest();
    else if (task.forgetOldestClosed()) tombstones.noteBesides(task.session, -1);
    else return;
  }
}
