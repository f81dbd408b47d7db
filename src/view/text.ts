import { cutText } from '../event/index.ts';

/** Cuts a text of an event to at most `limit` UTF-16 units, with `…`. */
export function shortened(text: string, limit: number): string {
  return text.length <= limit ? text : `${cutText(text, limit - 1)}…`;
}

/**
 * Maximum entries of a map, and length of their texts. A node of Ray has about ten labels and as
 * many resources.
 */
export const MAX_MAP_ENTRIES = 64;
const MAX_MAP_TEXT_LENGTH = 200;

/** Bounds a map of an event: returns the map itself if it is small enough, else a smaller copy. */
export function boundedMap<Value extends string | number>(map: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> {
  const entries = Object.entries(map);
  if (entries.length <= MAX_MAP_ENTRIES && entries.every(([key, value]) => isShort(key) && isShort(value))) return map;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a text stays a text, and a number a number
  const boundedValue = (value: Value): Value => (typeof value === 'string' ? (shortened(value, MAX_MAP_TEXT_LENGTH) as Value) : value);
  return Object.fromEntries(
    entries.slice(0, MAX_MAP_ENTRIES).map(([key, value]) => [shortened(key, MAX_MAP_TEXT_LENGTH), boundedValue(value)]),
  );
}

function isShort(value: string | number): boolean {
  return typeof value === 'number' || value.length <= MAX_MAP_TEXT_LENGTH;
}
