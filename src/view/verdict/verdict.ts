import type { CallerGroup, FailureGroup, NodeDeath, VerdictFacts, WaitGroup } from './facts.ts';
import { isHopeless, subjectOf, waitSentence, weightOf } from './wait-sentence.ts';
import { ageText, clockText, countText, inWords, listText } from './words.ts';

/** - `blocked`: nothing runs, or what the job waits for cannot happen.
 *  - `failing`: the job runs, and tasks of it failed.
 *  - `slow`: the job runs, and nothing of it ended lately.
 *  - `ended`: Ray does not report how. */
export const VERDICT_KINDS = ['blocked', 'failing', 'slow', 'running', 'failed', 'stopped', 'succeeded', 'ended'] as const;
export type VerdictKind = (typeof VERDICT_KINDS)[number];

/** Why a job hangs, what broke it, or how it ended. */
export interface Verdict {
  readonly kind: VerdictKind;
  /** One sentence or two. */
  readonly text: string;
  /** `text` without its age, for a reader that counts the age itself. */
  readonly cause: string;
  /** Since when the job has been blocked or slow. */
  readonly sinceMs?: number;
  /** The time of day that `text` names. */
  readonly atMs?: number;
  /** From what is held up to the root cause. */
  readonly chain: readonly ChainLink[];
  /** Further sentences, most important first. */
  readonly notes: readonly string[];
}

export interface ChainLink {
  readonly text: string;
  /** The words that lead to the next link. Empty for the last one. */
  readonly leadsBy: string;
}

/** A job whose tasks wait is called blocked after this long, because a scheduler needs a moment. */
export const BLOCKED_AFTER_MS = 5_000;
/** A job is called slow when one attempt has run for this long and nothing ended meanwhile. */
const SLOW_AFTER_MS = 10_000;
/** Types of failures that a sentence names. */
const MAX_TYPES = 3;
const MAX_ACTORS = 3;

/** The only place that decides what a person must read first about a job. */
export function judge(facts: VerdictFacts): Verdict {
  return facts.hasEnded ? ended(facts) : (blocked(facts) ?? failing(facts) ?? slow(facts) ?? running(facts));
}

function blocked(facts: VerdictFacts): Verdict | undefined {
  const group = worstWait(facts.waits);
  if (group === undefined) return undefined;
  const root = group.links.at(-1);
  const waitedMs = facts.nowMs - group.sinceMs;
  const standsStill = facts.running === 0 && facts.endedPerSecond === 0 && waitedMs >= BLOCKED_AFTER_MS;
  if (!standsStill && (root === undefined || !isHopeless(root))) return undefined;
  const cause = `${waitSentence(group)}.`;
  return {
    kind: 'blocked',
    text: `Blocked for ${ageText(waitedMs)}: ${cause}`,
    cause,
    sinceMs: group.sinceMs,
    chain: chainOf(group, facts.waits),
    notes: [...failureNotes(facts), ...otherWaits(group, facts.waits)],
  };
}

/** The wait at the root of the others: the least likely to end, then the most attempts, then the oldest. */
function worstWait(waits: readonly WaitGroup[]): WaitGroup | undefined {
  return waits.toSorted((a, b) => weightOf(b) - weightOf(a) || b.attempts - a.attempts || a.sinceMs - b.sinceMs)[0];
}

function chainOf(group: WaitGroup, waits: readonly WaitGroup[]): readonly ChainLink[] {
  const held = waits.find((other) => other !== group && other.makers.includes(group.function));
  const [caller] = group.callers;
  const links = group.links.map(({ text }) => text);
  const leadsBy = group.attempts === 1 ? 'waits for' : 'wait for';
  const before: ChainLink[] = [];
  if (held !== undefined) before.push({ text: timesText(held), leadsBy: 'probably waits for arguments from' });
  else if (caller !== undefined) before.push({ text: timesText(caller), leadsBy: `waits in ${caller.call} for` });
  return [
    ...before,
    { text: timesText(group), leadsBy },
    ...links.map((text, index) => ({ text, leadsBy: index === links.length - 1 ? '' : 'which waits for' })),
  ];
}

function timesText({ function: name, attempts }: Pick<CallerGroup, 'function' | 'attempts'>): string {
  return attempts === 1 ? name : `${name} × ${countText(attempts)}`;
}

function otherWaits(group: WaitGroup, waits: readonly WaitGroup[]): readonly string[] {
  const others = waits.filter((other) => other !== group && weightOf(other) > 0).toSorted((a, b) => b.attempts - a.attempts);
  return others.slice(0, 2).map((other) => `${waitSentence(other)}.`);
}

function failing(facts: VerdictFacts): Verdict | undefined {
  const broke = facts.deaths.find(hasBroken);
  const [wait] = waitNotes(facts);
  const failures = failureText(facts);
  if (broke !== undefined) {
    const text = `${deathText(broke)}.`;
    return { kind: 'failing', text, cause: text, atMs: broke.atMs, chain: [], notes: [...failureNotes(facts), ...(wait ?? [])] };
  }
  if (failures === '') return undefined;
  const text = `Running, but ${failures}.`;
  return { kind: 'failing', text, cause: text, chain: [], notes: wait ?? [] };
}

function slow(facts: VerdictFacts): Verdict | undefined {
  const { longest, nowMs, endedPerSecond } = facts;
  if (longest === undefined || endedPerSecond > 0 || nowMs - longest.runningMs < SLOW_AFTER_MS) return undefined;
  const others = facts.running - 1;
  const cause = `${longest.function}${others > 0 ? ` and ${inWords(others, 'other task')}` : ''}${waitTail(facts)}.`;
  return {
    kind: 'slow',
    text: `Waits for ${ageText(nowMs - longest.runningMs)}: ${cause}`,
    cause,
    sinceMs: longest.runningMs,
    chain: [],
    notes: [],
  };
}

function running(facts: VerdictFacts): Verdict {
  const { tasks, running: count, waitingInRay } = facts;
  const [caller] = waitingInRay;
  const known = Object.values(tasks).reduce((sum, each) => sum + each, 0);
  const tail = waitTail(facts);
  const pending = pendingOf(tasks);
  let text = `Running: ${inWords(count, 'task')} ${count === 1 ? 'runs' : 'run'}${tail}.`;
  if (known === 0) text = 'Running: no task yet.';
  else if (count === 0 && caller !== undefined)
    text = `Running: ${subjectOf(caller)} ${caller.attempts === 1 ? 'waits' : 'wait'} for results in ${caller.call}${tail}.`;
  else if (count === 0 && pending > 0) text = `Running: ${inWords(pending, 'task')} ${pending === 1 ? 'waits' : 'wait'} to run${tail}.`;
  else if (count === 0) text = 'Running: no task is open, so the driver itself works.';
  return { kind: 'running', text, cause: text, chain: [], notes: [] };
}

/** `; 120 calls of f wait for a node...`: the wait that holds up most, after what runs. */
function waitTail({ waits }: VerdictFacts): string {
  const group = worstWait(waits);
  return group === undefined ? '' : `; ${waitSentence(group)}`;
}

function waitNotes({ waits }: VerdictFacts): readonly (readonly string[])[] {
  const group = worstWait(waits);
  return group === undefined ? [] : [[`${waitSentence(group)}.`]];
}

function ended(facts: VerdictFacts): Verdict {
  const kind = endKind(facts);
  const death = facts.deaths.find(hasBroken);
  const driver = driverText(facts);
  const failures = [failureText(facts), openText(facts)].filter((text) => text !== '').join('; ');
  const withKind = (text: string, notes: readonly string[], atMs?: number): Verdict => {
    return { kind, text, cause: text, ...(atMs === undefined ? {} : { atMs }), chain: [], notes };
  };
  if (driver !== undefined) return withKind(driver, sentences(death === undefined ? '' : deathText(death), failures));
  if (death !== undefined) return withKind(`${deathText(death)}.`, sentences(failures), death.atMs);
  if (failures !== '') return withKind(`Finished; ${failures}.`, []);
  return withKind(facts.outcome === undefined ? undecidedText(facts) : doneText(facts), []);
}

function endKind({ outcome, error, tasks }: VerdictFacts): VerdictKind {
  if (outcome === 'succeeded') return tasks.failed > 0 ? 'ended' : 'succeeded';
  if (outcome === 'failed' || outcome === 'stopped') return outcome;
  return error === undefined ? 'ended' : 'failed';
}

/** The driver's own end, where it explains the end of the job. */
function driverText({ outcome, outcomeReason, outcomeMessage, exitCode, error }: VerdictFacts): string | undefined {
  if (outcome === 'stopped') return outcomeReason === 'submission' ? 'Stopped by user.' : `Stopped. ${outcomeMessage ?? ''}`.trim();
  if (outcomeReason === 'driver_died') return outcomeMessage ?? 'The driver died.';
  const isOfDriver = outcomeReason === 'driver_failed' || (outcome === 'failed' && outcomeReason === 'submission');
  if (!isOfDriver && (error === undefined || outcome === 'succeeded')) return undefined;
  if (exitCode !== undefined) return `Driver failed: exit code ${exitCode}.`;
  const why = (error ?? outcomeMessage ?? '').replace(/\.$/, '');
  return why === '' ? 'Driver failed.' : `Driver failed: ${why}.`;
}

function undecidedText({ startMs, endMs }: VerdictFacts): string {
  const after = Number.isNaN(startMs) || Number.isNaN(endMs) ? '' : ` after ${ageText(endMs - startMs)}`;
  return `Ended${after}. Its outcome is decided about 15 s after the end.`;
}

function doneText({ startMs, endMs, tasks }: VerdictFacts): string {
  const took = Number.isNaN(startMs) || Number.isNaN(endMs) ? '' : ` in ${ageText(endMs - startMs)}`;
  const cancelled = tasks.cancelled > 0 ? `, ${countText(tasks.cancelled)} cancelled` : '';
  return `Finished${took}; ${inWords(tasks.finished, 'task')} finished${cancelled}.`;
}

/** `4 tasks failed (3 RuntimeError in boom)`; empty without a final failure. */
function failureText({ tasks, failures }: VerdictFacts): string {
  if (tasks.failed === 0) return '';
  const types = byType(failures);
  const named = types.slice(0, MAX_TYPES).map(typeText);
  const detail = named.length === 0 ? '' : ` (${named.join(', ')}${types.length > named.length ? '…' : ''})`;
  return `${inWords(tasks.failed, 'task')} failed${detail}`;
}

interface FailureType {
  readonly type: string;
  count: number;
  readonly functions: string[];
}

/** The types of final failures, most frequent first. */
function byType(failures: readonly FailureGroup[]): readonly FailureType[] {
  const types = new Map<string, FailureType>();
  for (const { type, final, function: name } of failures) {
    if (final === 0) continue;
    const known = types.get(type);
    if (known === undefined) types.set(type, { type, count: final, functions: [name] });
    else {
      known.count += final;
      known.functions.push(name);
    }
  }
  return [...types.values()].toSorted((a, b) => b.count - a.count);
}

function typeText({ type, count, functions }: FailureType): string {
  const [only = ''] = functions;
  return `${countText(count)} ${type === '' ? 'without a type' : type} in ${functions.length === 1 ? only : inWords(functions.length, 'function')}`;
}

function failureNotes(facts: VerdictFacts): readonly string[] {
  return sentences(failureText(facts));
}

function openText({ tasks, neverStarted }: VerdictFacts): string {
  const pending = pendingOf(tasks);
  if (neverStarted === undefined && tasks.unfinished > 0) return `${inWords(tasks.unfinished + pending, 'task')} unfinished`;
  const never = (neverStarted ?? 0) + pending;
  if (never > 0) return `${countText(never)} never started`;
  return tasks.unfinished === 0 ? '' : `${inWords(tasks.unfinished, 'task')} unfinished`;
}

function pendingOf({ pending_args: args, pending_node: node, pending_worker: worker }: VerdictFacts['tasks']): number {
  return args + node + worker;
}

function hasBroken({ tasks, calls, restarted, died }: NodeDeath): boolean {
  return tasks + calls + restarted.length + died.length > 0;
}

function deathText({ node, atMs, tasks, calls, restarted, died }: NodeDeath): string {
  const work = [...(tasks === 0 ? [] : [inWords(tasks, 'task')]), ...(calls === 0 ? [] : [inWords(calls, 'actor call')])];
  const parts = [
    ...(work.length === 0 ? [] : [`${listText(work)} failed`]),
    ...actorText(restarted, 'restarted'),
    ...actorText(died, 'died'),
  ];
  const when = Number.isNaN(atMs) ? '' : ` ${clockText(atMs)}`;
  return `Node ${node} died${when}: ${parts.join('; ')}`;
}

function actorText(names: readonly string[], what: string): readonly string[] {
  if (names.length === 0) return [];
  return [
    names.length > MAX_ACTORS
      ? `${inWords(names.length, 'actor')} ${what}`
      : `${names.length === 1 ? 'actor' : 'actors'} ${listText(names)} ${what}`,
  ];
}

function sentences(...texts: readonly string[]): readonly string[] {
  return texts.filter((text) => text !== '').map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
}
