import type { ProfileEntry, StateTransition } from '../event/index.ts';

/**
 * Merges that give the same result whatever the order and repetition of what is merged: sets of transitions, and for
 * single values the smallest one. (Ray sends one value; the rule only matters for damaged or hostile streams.)
 */

/** Transitions that one entity may have; what is beyond is dropped. Ray makes at most about ten. */
export const TRANSITIONS_MAX = 2_000;
/** So many are sorted by hand. Ray makes at most about ten. */
const FEW_TRANSITIONS = 16;
/** Ray itself stops at `RAY_task_events_max_num_profile_events_per_task` = 1000. */
export const PROFILE_ENTRIES_MAX = 2_000;

/** Adds the transitions that are new; true when there were any. */
export function addTransitions<T extends StateTransition>(known: T[], added: readonly T[]): boolean {
  let changed = false;
  for (const transition of added) {
    const index = known.findIndex((other) => other.timeNs === transition.timeNs && other.state === transition.state);
    const twin = known[index];
    if (twin !== undefined) {
      known[index] = { ...transition, ...twin };
      continue;
    }
    if (known.length >= TRANSITIONS_MAX) continue;
    known.push(transition);
    changed = true;
  }
  return changed;
}

/** In time order, in an array of its own; states of the same nanosecond in the order in which Ray passes through them, else by name. */
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

function compareTransitions(a: StateTransition, b: StateTransition): number {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
  return stateRank(a.state) - stateRank(b.state) || (a.state < b.state ? -1 : 1);
}

const STATE_ORDER = [
  'PENDING_ARGS_AVAIL',
  'DEPENDENCIES_UNREADY',
  'PENDING_NODE_ASSIGNMENT',
  'PENDING_OBJ_STORE_MEM_AVAIL',
  'PENDING_ARGS_FETCH',
  'PENDING_CREATION',
  'SUBMITTED_TO_WORKER',
  'PENDING_ACTOR_TASK_ARGS_FETCH',
  'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY',
  'GETTING_AND_PINNING_ARGS',
  'RUNNING',
  'ALIVE',
  'RESTARTING',
];

function stateRank(state: string): number {
  const rank = STATE_ORDER.indexOf(state);
  return rank === -1 ? STATE_ORDER.length : rank;
}

export function addProfileEntries<T extends ProfileEntry>(known: T[], added: readonly T[]): void {
  for (const entry of added) {
    if (known.length >= PROFILE_ENTRIES_MAX) return;
    if (!known.some((other) => other.startNs === entry.startNs && other.endNs === entry.endNs && other.name === entry.name))
      known.push(entry);
  }
}

/** As `addProfileEntries`, in an array of its own. */
export function withEntries<T extends ProfileEntry>(known: readonly T[], added: readonly T[]): readonly T[] {
  if (added.length === 0) return known;
  const entries = [...known];
  addProfileEntries(entries, added);
  return entries;
}

export function sortedProfile<T extends ProfileEntry>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => {
    if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
    if (a.endNs !== b.endNs) return a.endNs > b.endNs ? -1 : 1;
    return a.name < b.name ? -1 : 1;
  });
}

/** The entry that spans the whole execution of a task: evidence for its name and end. */
export function wholeTaskEntry(entries: readonly ProfileEntry[]): ProfileEntry | undefined {
  let found: ProfileEntry | undefined;
  for (const entry of entries) {
    if (entry.name.startsWith(WHOLE_TASK_PREFIX) && (found === undefined || entry.endNs > found.endNs)) found = entry;
  }
  return found;
}

export const WHOLE_TASK_PREFIX = 'task::';

export function smallest<T extends string | number | bigint>(a: T | undefined, b: T | undefined): T | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a <= b ? a : b;
}

export function largest<T extends string | number | bigint>(a: T | undefined, b: T | undefined): T | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a >= b ? a : b;
}

/** Of two definitions of one thing, always the same one. */
export function oneOf<T extends { readonly eventId: string }>(a: T | undefined, b: T): T {
  return a === undefined || b.eventId < a.eventId ? b : a;
}
