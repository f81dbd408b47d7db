import { cleanText, cleanValue, cutText } from './clean-text.ts';
import { hexFromBase64, type IdBytes, isNilId } from './hex-id.ts';
import type { TimeNs } from './ray-event.ts';
import { isPlausibleTime, parseTimestamp } from './timestamp.ts';

/**
 * Readers of one field each. Ray prints protobuf as JSON (proto3 JSON mapping): scalars that are unset are printed as their
 * defaults, so `""`, an all-ones id and `0` in place of a pid or a time mean absent. A field of the wrong type is reported, but for
 * times: whatever is no time of the years 2000 to 2199 is an absent time, and counted.
 */

/** Names, labels and other one-line texts are cut here. UTF-16 units. Above any limit of a span's values, which mark what they cut. */
export const MAX_NAME_LENGTH = 16_384;
/** Error messages and tracebacks are cut here. UTF-16 units. */
export const MAX_MESSAGE_LENGTH = 65_536;
/** Keys of a map beyond this number are left out. */
export const MAX_MAP_KEYS = 256;
/** Keys longer than this are left out. UTF-16 units. */
export const MAX_KEY_LENGTH = 256;
/** An event with a longer list is rejected. Ray's own cap is 1,000 (profile entries of a task). */
export const MAX_LIST_LENGTH = 10_000;

const MAX_INT32 = 2_147_483_647;
const MAX_INT64_DIGITS = 19;

/** A JSON object of an event. */
export type RawObject = Readonly<Record<string, unknown>>;

/** The same shape while it is being built. */
export type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

/** The first thing that is wrong with an event; the readers report to it and go on, so that decoders stay straight-line code. */
export class Problem {
  /** Impossible times, which were read as absent ones. */
  ignoredTimes = 0;
  #message: string | undefined;

  get message(): string | undefined {
    return this.#message;
  }

  report(field: string, fault: string): void {
    this.#message ??= `${field} ${fault}`;
  }

  /** Called on the way out of a nested object: makes the field's path complete. */
  prefix(path: string): void {
    if (this.#message !== undefined) this.#message = `${path}.${this.#message}`;
  }
}

const snakeNames = new Map<string, string>();

/** The value of a field by its camelCase name, or by its proto name in snake_case; `undefined` when absent or null. */
export function getField(raw: RawObject, name: string): unknown {
  return raw[name] ?? raw[snakeName(name)] ?? undefined;
}

export function isRawObject(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function setDefined<T, Key extends keyof T>(draft: T, key: Key, value: T[Key] | undefined): void {
  if (value !== undefined) draft[key] = value;
}

export function readObject(raw: RawObject, name: string, problem: Problem): RawObject | undefined {
  const value = getField(raw, name);
  if (value === undefined || isRawObject(value)) return value;
  problem.report(name, 'is not an object');
  return undefined;
}

export function readList(raw: RawObject, name: string, problem: Problem): readonly unknown[] {
  const value = getField(raw, name);
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    problem.report(name, 'is not an array');
    return [];
  }
  if (value.length > MAX_LIST_LENGTH) {
    problem.report(name, `has more than ${MAX_LIST_LENGTH} elements`);
    return [];
  }
  return value;
}

export function readId(raw: RawObject, name: string, bytes: IdBytes, problem: Problem): string | undefined {
  const value = getField(raw, name);
  if (value === undefined || value === '') return undefined;
  const hex = typeof value === 'string' ? hexFromBase64(value, bytes) : undefined;
  if (hex === undefined) {
    problem.report(name, `is not base64 of ${bytes} bytes`);
    return undefined;
  }
  return isNilId(hex) ? undefined : hex;
}

/** As `readId`, for an id without which the event says nothing. Returns `''` beside the report. */
export function readRequiredId(raw: RawObject, name: string, bytes: IdBytes, problem: Problem): string {
  const id = readId(raw, name, bytes, problem);
  if (id === undefined) problem.report(name, 'is missing');
  return id ?? '';
}

/** A text of one line or few; cleaned and cut. Absent when empty. */
export function readName(raw: RawObject, name: string, problem: Problem): string | undefined {
  return readText(raw, name, MAX_NAME_LENGTH, problem);
}

/** A message or traceback; cleaned and cut. Absent when empty. */
export function readMessage(raw: RawObject, name: string, problem: Problem): string | undefined {
  return readText(raw, name, MAX_MESSAGE_LENGTH, problem);
}

export function readBoolean(raw: RawObject, name: string, problem: Problem): boolean | undefined {
  const value = getField(raw, name);
  if (value === undefined || typeof value === 'boolean') return value;
  problem.report(name, 'is not a boolean');
  return undefined;
}

/** A non-negative int32. Ray's counts, pids and attempts are never negative. */
export function readInt32(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = getField(raw, name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_INT32) return value;
  problem.report(name, 'is not a non-negative 32-bit integer');
  return undefined;
}

/** As `readInt32`, but may be negative: the exit code of a process that a signal ended. */
export function readSignedInt32(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = getField(raw, name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_INT32) return value;
  problem.report(name, 'is not a 32-bit integer');
  return undefined;
}

/** A pid or port, uint32 or int64; 0 means absent. */
export function readPid(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = readInt64(raw, name, problem);
  return value === 0 ? undefined : value;
}

/** A non-negative int64 (a decimal string in JSON) that a number holds exactly. */
export function readInt64(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = getField(raw, name);
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && isDecimal(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  problem.report(name, 'is not a non-negative integer below 2^53');
  return undefined;
}

/** Epoch nanoseconds as a decimal int64 string; 0 means absent. */
export function readEpochNs(raw: RawObject, name: string, problem: Problem): TimeNs | undefined {
  return readEpoch(raw, name, 1n, problem);
}

/** Epoch milliseconds as a decimal uint64 string; 0 means absent. */
export function readEpochMs(raw: RawObject, name: string, problem: Problem): TimeNs | undefined {
  return readEpoch(raw, name, 1_000_000n, problem);
}

/** An RFC 3339 time. */
export function readTimestamp(raw: RawObject, name: string, problem: Problem): TimeNs | undefined {
  return timestampOf(getField(raw, name), problem);
}

/** As `readTimestamp`, of a value that has no name. */
export function timestampOf(value: unknown, problem: Problem): TimeNs | undefined {
  if (value === undefined || value === null) return undefined;
  const timeNs = typeof value === 'string' ? parseTimestamp(value) : undefined;
  if (timeNs === undefined) problem.ignoredTimes += 1;
  return timeNs;
}

/**
 * An enum's name. `names` holds the names by number, for a number sent in place of a name (the emitter is newer than Ray's agent);
 * a number beyond it becomes `UNKNOWN_<number>`, a name that is not in it stays. Absent is number 0.
 */
export function readEnum(raw: RawObject, name: string, names: readonly string[], problem: Problem): string {
  const value = getField(raw, name) ?? 0;
  if (typeof value === 'string') return cutText(cleanText(value), MAX_KEY_LENGTH);
  if (typeof value === 'number' && Number.isInteger(value)) return enumName(value, names);
  problem.report(name, 'is not the name or number of an enum value');
  return '';
}

export function enumName(number: number, names: readonly string[]): string {
  return names[number] ?? `UNKNOWN_${number}`;
}

/** `map<string, string>`; its keys are data and are taken as they are. */
export function readTextMap(raw: RawObject, name: string, problem: Problem): Record<string, string> {
  const map: Record<string, string> = {};
  const value = readObject(raw, name, problem);
  if (value === undefined) return map;
  for (const key of mapKeys(value)) {
    const text = value[key];
    if (typeof text === 'string') map[cleanText(key)] = cutText(cleanValue(key, text), MAX_NAME_LENGTH);
    else problem.report(name, 'has a value that is not a string');
  }
  return map;
}

/** `map<string, double>`. `"NaN"` and `"Infinity"` are numbers in protobuf's JSON, but of no use to anyone: left out. */
export function readNumberMap(raw: RawObject, name: string, problem: Problem): Record<string, number> {
  const map: Record<string, number> = {};
  const value = readObject(raw, name, problem);
  if (value === undefined) return map;
  for (const key of mapKeys(value)) {
    const number = value[key];
    if (typeof number === 'number') {
      if (Number.isFinite(number)) map[cleanText(key)] = number;
    } else if (number !== 'NaN' && number !== 'Infinity' && number !== '-Infinity') {
      problem.report(name, 'has a value that is not a number');
    }
  }
  return map;
}

/** A key `__proto__` is harmless: writing a text or number to it changes nothing. */
function mapKeys(map: RawObject): readonly string[] {
  const keys = Object.keys(map);
  if (keys.length <= MAX_MAP_KEYS && keys.every(isUsableKey)) return keys;
  return keys.slice(0, MAX_MAP_KEYS).filter(isUsableKey);
}

function isUsableKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH;
}

function readText(raw: RawObject, name: string, limit: number, problem: Problem): string | undefined {
  const value = getField(raw, name);
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') {
    problem.report(name, 'is not a string');
    return undefined;
  }
  return cutText(cleanText(value), limit) || undefined;
}

function readEpoch(raw: RawObject, name: string, unitNs: bigint, problem: Problem): TimeNs | undefined {
  const value = getField(raw, name);
  if (value === undefined || value === '0' || value === 0) return undefined;
  const timeNs = (asInteger(value) ?? 0n) * unitNs;
  if (isPlausibleTime(timeNs)) return timeNs;
  problem.ignoredTimes += 1;
  return undefined;
}

function asInteger(value: unknown): bigint | undefined {
  if (typeof value === 'string') return isDecimal(value) ? BigInt(value) : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function isDecimal(text: string): boolean {
  if (text.length === 0 || text.length > MAX_INT64_DIGITS) return false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

export function snakeName(name: string): string {
  const known = snakeNames.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  snakeNames.set(name, snake);
  return snake;
}
