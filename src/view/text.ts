import { cutText } from '../event/index.ts';

/** Cuts a text of an event to at most `limit` UTF-16 units, with `…`. */
export function kept(text: string, limit: number): string {
  return text.length <= limit ? text : `${cutText(text, limit - 1)}…`;
}

/** Entries of a map that are kept, and the length of their texts. A node of Ray has about ten labels and as many resources. */
export const MAX_KEPT_ENTRIES = 64;
const MAX_KEPT_LENGTH = 200;

/** A map of an event that may be kept: the same one, or a smaller copy. */
export function keptMap<Value extends string | number>(map: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> {
  const entries = Object.entries(map);
  if (entries.length <= MAX_KEPT_ENTRIES && entries.every(([key, value]) => isShort(key) && isShort(value))) return map;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a text stays a text, and a number a number
  const keptValue = (value: Value): Value => (typeof value === 'string' ? (kept(value, MAX_KEPT_LENGTH) as Value) : value);
  return Object.fromEntries(entries.slice(0, MAX_KEPT_ENTRIES).map(([key, value]) => [kept(key, MAX_KEPT_LENGTH), keptValue(value)]));
}

function isShort(value: string | number): boolean {
  return typeof value === 'number' || value.length <= MAX_KEPT_LENGTH;
}
