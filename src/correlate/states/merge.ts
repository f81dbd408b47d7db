import type { ProfileEntry } from '../../event/index.ts';

/**
 * Merges that give the same result whatever the order and repetition of what is merged: for single values the smallest
 * one. (Ray sends one value; the rule only matters for damaged or hostile streams.)
 */

/** Ray itself stops at `RAY_task_events_max_num_profile_events_per_task` = 1000. */
export const MAX_PROFILE_ENTRIES = 2_000;

/** Up to here a walk is shorter than making a key. */
const FEW_ENTRIES = 16;

/** Keys of the entries of long lists, by which repeated ones are found. */
const keysOf = new WeakMap<readonly ProfileEntry[], Set<string>>();

/** Adds the entries that are new, up to the limit. */
/** An entry, and in a list of several tasks whose it is. */
interface OwnedEntry extends ProfileEntry {
  readonly taskId?: string | undefined;
  readonly attempt?: number | undefined;
}

export function addProfileEntries<T extends OwnedEntry>(known: T[], added: readonly T[]): void {
  for (const entry of added) {
    if (known.length >= MAX_PROFILE_ENTRIES) return;
    if (isNewEntry(known, entry)) known.push(entry);
  }
}

/** To be called once for an entry, which is added then. */
function isNewEntry(known: readonly OwnedEntry[], entry: OwnedEntry): boolean {
  if (known.length < FEW_ENTRIES) return !known.some((other) => isSameEntry(other, entry));
  let keys = keysOf.get(known);
  if (keys === undefined) keysOf.set(known, (keys = new Set(known.map(entryKey))));
  const before = keys.size;
  return keys.add(entryKey(entry)).size > before;
}

function isSameEntry(a: OwnedEntry, b: OwnedEntry): boolean {
  return a.startNs === b.startNs && a.endNs === b.endNs && a.name === b.name && a.taskId === b.taskId && a.attempt === b.attempt;
}

function entryKey({ startNs, endNs, name, taskId = '', attempt = 0 }: OwnedEntry): string {
  return `${startNs}/${endNs}/${taskId}/${attempt}/${name}`;
}

export function sortedProfile<T extends OwnedEntry>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => {
    if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
    if (a.endNs !== b.endNs) return a.endNs > b.endNs ? -1 : 1;
    if (a.name !== b.name) return a.name < b.name ? -1 : 1;
    return entryKey(a) < entryKey(b) ? -1 : 1;
  });
}

export function firstEntryNs(entries: readonly ProfileEntry[]): bigint | undefined {
  let first: bigint | undefined;
  for (const { startNs } of entries) first = smallest(first, startNs);
  return first;
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
