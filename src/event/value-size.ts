/** Approximate overhead of V8 for a text, an object and a slot. */
const TEXT_BYTES = 16;
const OBJECT_BYTES = 32;
const SLOT_BYTES = 8;

/** Limits of `shrunk` for the length of a text and the keys of a map. */
const MAX_SHRUNK_LENGTH = 512;
const MAX_SHRUNK_KEYS = 16;
/** Smaller values are returned unchanged. */
const MIN_SHRUNK_BYTES = 2_048;

/** Estimates the memory of a value of plain data, in bytes. Texts count one byte a character. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return TEXT_BYTES + value.length;
  if (typeof value === 'bigint') return TEXT_BYTES;
  if (typeof value !== 'object' || value === null) return 0;
  if (value instanceof Uint8Array) return OBJECT_BYTES + value.length;
  let bytes = OBJECT_BYTES;
  if (Array.isArray(value)) {
    for (const item of value) bytes += SLOT_BYTES + sizeOf(item);
    return bytes;
  }
  for (const [key, item] of Object.entries(value)) bytes += SLOT_BYTES + key.length + sizeOf(item);
  return bytes;
}

/**
 * Shrinks a large value of plain data: cuts long texts and drops surplus map keys. Lists keep their
 * length.
 */
export function shrunk<Value extends object>(value: Value): Value {
  if (sizeOf(value) < MIN_SHRUNK_BYTES) return value;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same shape with shorter texts and smaller maps
  return shrunkValue(value, Number.POSITIVE_INFINITY) as Value;
}

function shrunkValue(value: unknown, maxKeys: number): unknown {
  if (typeof value === 'string') return value.length > MAX_SHRUNK_LENGTH ? `${value.slice(0, MAX_SHRUNK_LENGTH)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => shrunkValue(item, Number.POSITIVE_INFINITY));
  const entries = Object.entries(value).slice(0, maxKeys);
  return Object.fromEntries(entries.map(([key, item]) => [key, shrunkValue(item, MAX_SHRUNK_KEYS)]));
}
