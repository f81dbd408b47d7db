import { type StateTransition, TASK_STATES, TASK_STEP, type TimeNs } from '../../event/index.ts';
import { LeftOut } from '../compact/left-out.ts';
import { largest } from './merge.ts';
import { trustedNs, type WithTrust } from '../finish/trusted-time.ts';

/** Transitions that are kept of one entity: half of them the first ones, half the last ones. Ray makes at most about ten. */
export const MAX_TRANSITIONS = 2_000;
export const MAX_FIRST = MAX_TRANSITIONS / 2;

export interface TransitionLimits {
  readonly max: number;
  /** How many of them are the first ones; the others are the last ones. */
  readonly first: number;
}

const LIMITS: TransitionLimits = { max: MAX_TRANSITIONS, first: MAX_FIRST };

/**
 * Adds the transitions that are new, in time order. Beyond the limit those in the middle are left out, and `leftOut` counts them: what is kept and
 * counted is a function of all transitions, not of the order in which they came.
 *
 * @param known in time order; is changed
 * @returns `leftOut`, made when it is needed
 */
export function addTransitions<T extends StateTransition>(
  known: T[],
  added: readonly T[],
  leftOut?: LeftOut,
  limits = LIMITS,
): LeftOut | undefined {
  let left = leftOut;
  for (const transition of added) {
    const at = placeOf(known, transition);
    const twin = known[at];
    if (twin !== undefined && compareTransitions(twin, transition) === 0) {
      known[at] = mergedTwins(twin, transition);
      continue;
    }
    known.splice(at, 0, transition);
    if (known.length <= limits.max) continue;
    const [middle] = known.splice(limits.first, 1);
    if (middle !== undefined) (left ??= new LeftOut()).add(middle);
  }
  return left;
}

/** Where a transition stands, or would stand. Most are the last ones. */
function placeOf(known: readonly StateTransition[], transition: StateTransition): number {
  const last = known.at(-1);
  if (last === undefined || compareTransitions(last, transition) < 0) return known.length;
  return firstIndex(known, (other) => compareTransitions(other, transition) >= 0);
}

/** The first index for which `isThere` holds; it must hold for all behind it. */
export function firstIndex(known: readonly StateTransition[], isThere: (transition: StateTransition) => boolean): number {
  let low = 0;
  let high = known.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const transition = known[middle];
    if (transition === undefined || isThere(transition)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Two reports of one transition: of each value the one that is set, of two different ones always the same. */
function mergedTwins<T extends StateTransition>(one: T, other: T): T {
  const merged: T = { ...other, ...one };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a T
  for (const key of Object.keys(other) as (keyof T)[]) {
    const [a, b] = [one[key], other[key]];
    if (a === undefined || (b !== undefined && a !== b && textOf(b) < textOf(a))) merged[key] = b;
  }
  return merged;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}

/** So many are sorted by hand. Ray makes at most about ten. */
const FEW_TRANSITIONS = 16;

/** In time order, in an array of its own. */
export function sortedTransitions<T extends StateTransition>(transitions: readonly T[]): T[] {
  if (transitions.length > FEW_TRANSITIONS) return [...transitions].sort(compareTransitions);
  // Few, and nearly in order: one by one they are in their places before the engine's sort has made its copies.
  const sorted: T[] = [];
  for (const transition of transitions) {
    let at = sorted.length;
    while (at > 0 && isAfter(sorted[at - 1], transition)) at -= 1;
    if (at === sorted.length) sorted.push(transition);
    else sorted.splice(at, 0, transition);
  }
  return sorted;
}

function isAfter(one: StateTransition | undefined, other: StateTransition): boolean {
  return one !== undefined && compareTransitions(one, other) > 0;
}

/** Earlier times first; states of the same nanosecond in the order in which Ray passes through them, else by name. */
function compareTransitions(a: StateTransition, b: StateTransition): number {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
  if (a.state === b.state) return 0;
  return stateRank(a.state) - stateRank(b.state) || (a.state < b.state ? -1 : 1);
}

/** Of attempts, then of actors. */
const STATE_ORDER: readonly string[] = [
  ...TASK_STATES.filter(({ step }) => step <= TASK_STEP.running).map(({ name }) => name),
  'DEPENDENCIES_UNREADY',
  'PENDING_CREATION',
  'ALIVE',
  'RESTARTING',
];

function stateRank(state: string): number {
  const rank = STATE_ORDER.indexOf(state);
  return rank === -1 ? STATE_ORDER.length : rank;
}

/** What has transitions: those that are kept, in time order, and what is known of the others. */
export interface WithTransitions<T extends StateTransition = StateTransition> {
  readonly transitions: readonly T[];
  readonly leftOut: LeftOut | undefined;
}

/** The last time at which a state was entered. */
export function lastTimeOf({ transitions, leftOut }: WithTransitions, state: string): TimeNs | undefined {
  const last = transitions.findLast((transition) => transition.state === state)?.timeNs;
  const left = leftOut?.lastOf(state);
  return left === undefined || (last !== undefined && last > left) ? last : left;
}

/** The same, as far as it can be trusted. */
export function lastTrustedOf(record: WithTransitions & { readonly session: WithTrust }, state: string): TimeNs | undefined {
  let last = record.leftOut?.lastOf(state);
  for (const transition of record.transitions) {
    if (transition.state === state) last = largest(last, trustedNs(transition, record.session));
  }
  return last;
}

/** The first time at which one of the states was entered, not before `fromNs`, and which. */
export function nextOf<T extends StateTransition>(
  { transitions, leftOut }: WithTransitions<T>,
  states: readonly string[],
  fromNs: TimeNs = 0n,
): T | StateTransition | undefined {
  let next: T | StateTransition | undefined;
  for (let at = firstIndex(transitions, ({ timeNs }) => timeNs >= fromNs); at < transitions.length && next === undefined; at += 1) {
    const transition = transitions[at];
    if (transition !== undefined && states.includes(transition.state)) next = transition;
  }
  if (leftOut === undefined) return next;
  for (const state of states) {
    const timeNs = leftOut.nextOf(state, fromNs);
    if (timeNs !== undefined && (next === undefined || timeNs < next.timeNs)) next = { state, timeNs };
  }
  return next;
}

/** How often a state was entered. */
export function countOf({ transitions, leftOut }: WithTransitions, state: string): number {
  let count = leftOut?.countOf(state) ?? 0;
  for (const transition of transitions) if (transition.state === state) count += 1;
  return count;
}
