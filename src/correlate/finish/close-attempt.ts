import { NO_COST, RESERVED_COST, type Cost } from '../budget/budget.ts';
import { fixTraceOf, unlistAttempt } from '../callers/link-callers.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';
import { leave } from '../compact/placement.ts';
import { scheduleJob, scheduleJobInFlight, unwatchActor } from '../due/due.ts';
import type { Attempt, Job, Task } from '../entities/entities.ts';
import type { AttemptOutcome, FinishedAttempt } from '../finished.ts';
import { isRayModule } from '../naming/internal.ts';
import { costOfMapped, type Mapped, mapSampled, type Output, type PreparedAttempt } from '../mapping.ts';
import { isCreationTask } from '../naming/ray-ids.ts';
import type { State } from '../state.ts';
import { runningNs } from '../entities/task-attempts.ts';
import { attemptStartNs, finishedAttempt, jobOf } from './finished-attempt.ts';
import { isAttemptAfterJob, noteChild } from './job-end.ts';
import { rollUp } from './roll-up.ts';
import { holdIfSlow, rankSent, reserveAbove } from './settle-held.ts';
import { countReservations, findSpanLocation, namedBy, type SpanLocation, taskRef } from './span-location.ts';
import { TraceRest } from './trace-rest.ts';
import { trustedInterval } from './trusted-attempt.ts';

/** The first attempts of a function have their children as long as most of the trace is free. */
const WHOLE_ATTEMPTS = 64;
/** A larger definition is not kept of a creation for when its actor restarts. */
const MAX_KEPT_BYTES = 4_096;
/** All that are kept; beyond it the oldest finished tasks are forgotten. */
const MAX_ALL_KEPT_BYTES = 64 * 1024 * 1024;

/** Ends an attempt: one span, or a part of a rollup when its trace has no room. The slowest of a function wait to know which of both. */
export function closeAttempt(state: State, attempt: Attempt, nowMs: number, out: Output[], inRest?: PreparedAttempt): void {
  fixTraceOf(state, attempt.task, nowMs);
  const job = jobOf(state, attempt);
  const location = findSpanLocation(state, attempt, job);
  const prepared = inRest?.job === job ? inRest : undefined;
  const lifecycle = prepared?.lifecycle ?? finishedAttempt(state, attempt, job, location);
  const fate = fateOf(state, attempt, job, lifecycle, location, prepared);
  const interval = trustedInterval(attempt, lifecycle);
  if (typeof fate === 'object') {
    reserveAbove(state, location, job, interval, nowMs, out);
    const { rollups } = attempt.rareFields;
    if (rollups !== undefined)
      job.budget.rollups.merge(job.budget.rollups.under(taskRef({ taskId: attempt.task.id, number: attempt.number })), rollups);
    out.push(fate);
  }
  const rollup =
    fate === 'rolled_up'
      ? rollUp(state, attempt.task, () => attemptStartNs(attempt), job, lifecycle, attempt.rareFields.rollups)
      : undefined;
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
    isHeldBack: fate === 'held_back',
  });
  if (job.closed && job.budget.hasRest) scheduleJob(state, job, nowMs);
  scheduleJobInFlight(state, job, nowMs);
  state.watcher?.finished(lifecycle, typeof fate === 'object' ? 'sent' : 'rolled_up', nowMs);
}

function fateOf(
  state: State,
  attempt: Attempt,
  job: Job,
  lifecycle: FinishedAttempt,
  location: SpanLocation,
  prepared: PreparedAttempt | undefined,
): Output | 'held_back' | 'rolled_up' {
  if (prepared !== undefined) return chargePrepared(state, attempt, prepared) ?? 'rolled_up';
  const { isReserved, rollups } = attempt.rareFields;
  if (isReserved) job.budget.release(RESERVED_COST);
  else if (!wantsDetail(state, job, lifecycle)) return 'rolled_up';
  const { mapping } = state.options;
  if (!mapping.isSampled(lifecycle.trace)) return { lifecycle, spans: undefined };
  if (job.budget.isUnlimited) return { lifecycle, spans: mapping.map(lifecycle).spans };
  const output = decideOutput(state, attempt, job, lifecycle, location);
  if (output === undefined) return holdIfSlow(state, job, lifecycle, rollups) ? 'held_back' : 'rolled_up';
  rankSent(state, job, lifecycle);
  return output;
}

/** Closes many that are all that is left of their trace, so that a trace that fits is not rolled up. Failures first. */
export function closeRest(state: State, attempts: readonly Attempt[], job: Job, rareFields: Cost, nowMs: number, out: Output[]): void {
  const ending = attempts.map((attempt) => endingOf(state, attempt, job));
  // Their number alone often says that they do not fit.
  const rest = new TraceRest(
    job.budget,
    rareFields,
    ending.reduce((sum, one) => sum + spansOf(state, one), 0),
  );
  const entries = ending.map((one) => {
    const { attempt, lifecycle } = one;
    const mapped = rest.mayFit ? mapSampled(state.options.mapping, lifecycle) : undefined;
    rest.add(() => costOf(one, mapped));
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

/** An attempt as it would be closed now. Valid until something else is closed. */
export interface Ending {
  readonly attempt: Attempt;
  readonly location: SpanLocation;
  readonly lifecycle: FinishedAttempt;
}

export function endingOf(state: State, attempt: Attempt, job: Job): Ending {
  const location = findSpanLocation(state, attempt, job);
  return { attempt, location, lifecycle: finishedAttempt(state, attempt, job, location) };
}

/** Spans that it takes of its trace. Maps nothing. */
export function spansOf({ options: { mapping } }: State, { attempt, lifecycle }: Ending): number {
  if (!mapping.isSampled(lifecycle.trace)) return 0;
  return mapping.count(lifecycle) - (attempt.rareFields.isReserved ? RESERVED_COST.spans : 0);
}

/** What it takes of its trace. */
export function costToClose(state: State, ending: Ending): Cost {
  return costOf(ending, mapSampled(state.options.mapping, ending.lifecycle));
}

function costOf({ attempt, location: { above } }: Ending, mapped: Mapped | undefined): Cost {
  const { spans, bytes } = costOfMapped(mapped);
  const charged = attempt.rareFields.isReserved ? RESERVED_COST : NO_COST;
  // One more for a parent that was never seen.
  const unseen = above !== undefined && above.attempt === undefined ? 1 : 0;
  return { spans: spans + unseen - charged.spans, bytes: bytes - charged.bytes };
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
  const { budget, session } = job;
  const { mapping } = state.options;
  const failed = lifecycle.outcome === 'failed';
  const { isReserved } = attempt.rareFields;
  const share = budget.share(lifecycle.name);
  const isFirst = share.spans < WHOLE_ATTEMPTS;
  const use = budget.admit(share, failed) ?? (isReserved ? 'structure' : undefined);
  if (use === undefined) return undefined;
  const enough = isReserved ? 0 : budget.reservationsThatFit(use);
  if (enough < 0) return undefined;
  const ancestors = isReserved ? 0 : countReservations(state, session, location, enough);
  const reserved = { spans: ancestors * RESERVED_COST.spans, bytes: ancestors * RESERVED_COST.bytes };
  const fullUse = failed ? 'detail' : isFirst ? 'whole' : 'children';
  const fullSpans = mapping.count(lifecycle);
  if (budget.mayFit(fullSpans + reserved.spans, fullUse)) {
    const full = mapping.map(lifecycle);
    const cost = costOfMapped(full);
    if (budget.chargeIfFits(cost, reserved, fullUse)) {
      share.charge(cost.bytes);
      return { lifecycle, spans: full.spans };
    }
  }
  if (!isReserved && !budget.mayFit(1 + reserved.spans, use)) return undefined;
  const compactAttempt = { ...lifecycle, isCompact: true };
  const compact = mapping.map(compactAttempt);
  const cost = costOfMapped(compact);
  if (isReserved) budget.charge(cost);
  else if (!budget.chargeIfFits(cost, reserved, use)) return undefined;
  share.charge(cost.bytes);
  budget.compactAttemptCount += 1;
  return { lifecycle: compactAttempt, spans: compact.spans };
}

/** What the job's metadata asks for, decided for each attempt by itself. */
function wantsDetail(state: State, job: Job, lifecycle: FinishedAttempt): boolean {
  const detail = job.definition?.detail ?? 'all';
  if (detail === 'all' || lifecycle.outcome === 'failed') return true;
  return detail === 'slow' && lifecycle.endNs - lifecycle.startNs >= BigInt(state.options.slowMs) * 1_000_000n;
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
