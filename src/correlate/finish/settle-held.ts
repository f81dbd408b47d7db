import { sizeOf } from '../../event/index.ts';
import { HELD_COST, RESERVED_COST } from '../budget/budget.ts';
import type { AttemptRef } from '../callers/ancestry.ts';
import { fixTraceOf } from '../callers/link-callers.ts';
import { MAX_ROW_DEPTH } from '../compact/tombstones.ts';
import { scheduleJob } from '../due/due.ts';
import type { Attempt, ClosedAttempt, Job, Task } from '../entities/entities.ts';
import type { FinishedAttempt, Interval } from '../finished.ts';
import type { FunctionShare } from '../budget/function-share.ts';
import { type HeldAttempt, MAX_ALL_HELD_BACK, MAX_HELD_BACK } from '../budget/held-back.ts';
import { costOfMapped, mapSampled, type Output } from '../mapping.ts';
import type { Ranked, Slowest } from '../budget/slowest.ts';
import type { State } from '../state.ts';
import { largest, smallest } from '../states/merge.ts';
import { timesOf } from './attempt-times.ts';
import { rollUp } from './roll-up.ts';
import { locationOf, namedBy, type SpanLocation, taskRef, unreservedFrom } from './span-location.ts';

/**
 * The slowest attempts of each function have a span, whatever the budget gave them. Those that it gave none are held back until it is known
 * that no slower ones follow: until the job ends. What happens below them counts as below an attempt that is open.
 */

/** An attempt of a function, by how long it ran and how long all of it took. */
interface Ranking {
  readonly slowest: Slowest<HeldAttempt>;
  readonly ns: number;
}

function rankingsOf(share: FunctionShare, lifecycle: FinishedAttempt): Ranking[] {
  const { ranNs } = timesOf(lifecycle);
  const took = { slowest: share.took, ns: Number(lifecycle.endNs - lifecycle.startNs) };
  return ranNs === undefined ? [took] : [{ slowest: share.ran, ns: Number(ranNs) }, took];
}

/** Ranks an attempt whose span is sent. */
export function rankSent(state: State, job: Job, lifecycle: FinishedAttempt): void {
  rank(state, job, job.budget.share(lifecycle.name), lifecycle, undefined);
}

/** Holds an attempt back if it is one of the slowest so far. Returns false where it is rolled up. */
export function holdIfSlow(state: State, job: Job, lifecycle: FinishedAttempt, rollups: HeldAttempt['rollups']): boolean {
  const share = job.budget.share(lifecycle.name);
  const { slowestPerFunction } = state.options;
  const rankings = rankingsOf(share, lifecycle).filter(({ slowest, ns }) => slowest.hasPlaceFor(ns, slowestPerFunction));
  if (rankings.length === 0) return false;
  const { budget } = job;
  const hasRoom = budget.heldBack.size < MAX_HELD_BACK && state.heldBack < MAX_ALL_HELD_BACK && budget.mayHold(share);
  if (!hasRoom && !isFreed(rankings, slowestPerFunction)) return false;
  const held: HeldAttempt = { lifecycle, share: share.name, ranks: 0, rollups, bytes: sizeOf(lifecycle) };
  budget.charge(HELD_COST);
  noteHeld(state, job, held);
  rank(state, job, share, lifecycle, held);
  return true;
}

/** Whether an attempt with these ranks displaces one that is held back, and so takes no more room than that. */
function isFreed(rankings: readonly Ranking[], count: number): boolean {
  const displaced = rankings.flatMap(({ slowest: { ranks } }) => (ranks.length < count ? [] : (ranks[0]?.item ?? [])));
  return displaced.some((held) => displaced.filter((other) => other === held).length === held.ranks);
}

/** Also for one that a checkpoint holds: its cost is in the budget already. */
export function noteHeld(state: State, job: Job, held: HeldAttempt): void {
  job.budget.holdBack(held);
  job.budget.share(held.share).held += 1;
  state.heldBack += 1;
  state.held.grow(held.bytes);
}

function rank(state: State, job: Job, share: FunctionShare, lifecycle: FinishedAttempt, held: HeldAttempt | undefined): void {
  const { slowestPerFunction } = state.options;
  for (const { slowest, ns } of rankingsOf(share, lifecycle)) {
    if (!slowest.hasPlaceFor(ns, slowestPerFunction)) continue;
    if (held !== undefined) held.ranks += 1;
    displace(state, job, slowest.add(ns, held, slowestPerFunction));
  }
}

function displace(state: State, job: Job, displaced: Ranked<HeldAttempt> | undefined): void {
  const held = displaced?.item;
  if (held === undefined) return;
  held.ranks -= 1;
  if (held.ranks === 0) rollUpHeld(state, job, held);
}

function forget(state: State, job: Job, held: HeldAttempt): void {
  const { budget } = job;
  budget.heldBack.delete(held);
  budget.release(HELD_COST);
  budget.share(held.share).held -= 1;
  state.heldBack -= 1;
  state.held.grow(-held.bytes);
}

function closedOf(job: Job, { lifecycle: { taskId, attempt } }: HeldAttempt): { task: Task; closed: ClosedAttempt } | undefined {
  const task = job.session.findTask(taskId);
  const closed = task?.find(attempt);
  return task !== undefined && closed?.closed === true ? { task, closed } : undefined;
}

function rollUpHeld(state: State, job: Job, held: HeldAttempt): void {
  forget(state, job, held);
  const known = closedOf(job, held);
  const { lifecycle, rollups } = held;
  const node = rollUp(state, known?.task, () => lifecycle.startNs, job, lifecycle, rollups);
  if (known === undefined) return;
  const { task, closed } = known;
  closed.isHeldBack = false;
  closed.rollup = node;
  closed.above = namedBy(locationOf(state, task, () => lifecycle.startNs, job).above);
}

/** Sends everything that is held back of a job that ends: for all of it the budget has room. */
export function sendAllHeld(state: State, job: Job, nowMs: number, out: Output[]): void {
  const { heldBack } = job.budget;
  if (heldBack.size > 0)
    for (const held of heldBack.sorted())
      if (heldBack.find(held.lifecycle.taskId, held.lifecycle.attempt) === held) sendHeld(state, job, held, nowMs, out);
}

/** With its children where there is room for them. An unusually large one may not fit: it is rolled up. */
function sendHeld(state: State, job: Job, held: HeldAttempt, nowMs: number, out: Output[]): void {
  const { budget } = job;
  const share = budget.share(held.share);
  const known = closedOf(job, held);
  const location = known === undefined ? undefined : locationOf(state, known.task, () => held.lifecycle.startNs, job);
  const lifecycle = location === undefined ? held.lifecycle : relocated(held.lifecycle, location);
  const { mapping } = state.options;
  const isWhole = budget.fits({ spans: mapping.count(lifecycle), bytes: RESERVED_COST.bytes }, 'kept');
  const sent = isWhole ? lifecycle : { ...lifecycle, isCompact: true };
  const mapped = mapSampled(mapping, sent);
  const cost = costOfMapped(mapped);
  budget.release(HELD_COST);
  const fits = budget.fits(cost, 'structure');
  budget.charge(HELD_COST);
  if (!fits) return rollUpHeld(state, job, held);
  forget(state, job, held);
  budget.charge(cost);
  share.charge(cost.bytes);
  share.ran.replace(held);
  share.took.replace(held);
  if (!isWhole) budget.compactAttemptCount += 1;
  if (known !== undefined) known.closed.isHeldBack = false;
  const { taskId, attempt: number } = lifecycle;
  if (held.rollups !== undefined) budget.rollups.merge(budget.rollups.under(taskRef({ taskId, number })), held.rollups);
  out.push({ lifecycle: sent, spans: mapped?.spans });
  state.watcher?.hasSpan(lifecycle);
  if (location !== undefined) reserveAbove(state, location, job, lifecycle, nowMs, out);
}

/** What was above it may have been rolled up since. */
function relocated(lifecycle: FinishedAttempt, { parent, parentTask, parentRolledUp, parentTooDeep }: SpanLocation): FinishedAttempt {
  const links = lifecycle.links.filter(({ relation }) => relation !== 'parent_task');
  return {
    ...lifecycle,
    parent,
    links: parentTask === undefined ? links : [{ relation: 'parent_task', trace: lifecycle.trace, span: parentTask }, ...links],
    parentRolledUp: parentRolledUp ? true : undefined,
    parentTooDeep: parentTooDeep ? true : undefined,
  };
}

/** Makes sure that everything above a span that is sent gets a span, too. */
export function reserveAbove(state: State, { above }: SpanLocation, job: Job, child: Interval, nowMs: number, out: Output[]): void {
  if (above === undefined) return;
  if (above.attempt === undefined) return reserveUnseen(state, above.taskId, job, child, nowMs);
  for (const ancestor of unreservedFrom(state, job.session, above, MAX_ROW_DEPTH)) reserve(state, ancestor, job, nowMs, out);
}

function reserve(state: State, { taskId, number, attempt }: AttemptRef, job: Job, nowMs: number, out: Output[]): void {
  if (attempt?.closed === false) return reserveSpan(attempt, job);
  const held = job.budget.heldBack.find(taskId, number);
  if (held !== undefined) sendHeld(state, job, held, nowMs, out);
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
