/** What V8 takes for a text, an object or a number besides what is in it, about. */
const TEXT_BYTES = 16;
const OBJECT_BYTES = 32;
const SLOT_BYTES = 8;

/** Longer texts are cut by `shrunk`, and maps with more keys. */
const MAX_SHRUNK_LENGTH = 512;
const MAX_SHRUNK_KEYS = 16;
/** Values that take less are left as they are. */
const MIN_SHRUNK_BYTES = 2_048;

/** Bytes of memory that a value of plain data takes, about. Texts are not looked into. */
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

/** A large value of plain data with its long texts cut, and without what maps have too many of. Lists keep their length. */
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
