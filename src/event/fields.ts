import { cleanText, cleanValue, cutText } from './clean-text.ts';
import { hexFromBase64, type IdBytes, isNilId } from './hex-id.ts';
import type { TimeNs } from './ray-event.ts';
import { isPlausibleTime, parseTimestamp } from './timestamp.ts';

/**
 * Readers for single fields. Ray prints protobuf as JSON (proto3 JSON mapping) with unset scalars
 * as their defaults. So `""`, an all-ones id, and a pid or time of `0` mean absent. A field of the
 * wrong type is reported. A time outside the years 2000 to 2199 is only counted and read as absent.
 */

/**
 * Names, labels and other one-line texts are cut here. UTF-16 units. Larger than any span attribute
 * limit, so the span layer reports the truncation.
 */
export const MAX_NAME_LENGTH = 16_384;
/** Maximum length of error messages and tracebacks, which are cut. UTF-16 units. */
export const MAX_MESSAGE_LENGTH = 65_536;
/** Maximum keys of a map; further ones are dropped. */
export const MAX_MAP_KEYS = 256;
/** Maximum length of a map key in UTF-16 units; longer keys are dropped. */
export const MAX_KEY_LENGTH = 256;
/**
 * Maximum elements of a list; an event with more is rejected. Ray sends at most 1,000 (profile
 * entries).
 */
export const MAX_LIST_LENGTH = 10_000;

const MAX_INT32 = 2_147_483_647;
const MAX_INT64_DIGITS = 19;

/** A JSON object of an event. */
export type RawObject = Readonly<Record<string, unknown>>;

/** Mutable form of an event type, for decoders. */
export type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Collects the first fault of an event. Readers report to it and continue, so that decoders stay
 * straight-line code.
 */
export class Problem {
  /** Number of impossible times that were read as absent. */
  ignoredTimes = 0;
  #message: string | undefined;

  get message(): string | undefined {
    return this.#message;
  }

  report(field: string, fault: string): void {
    this.#message ??= `${field} ${fault}`;
  }

  /** Prefixes the path of the enclosing object. Called when leaving a nested object. */
  prefix(path: string): void {
    if (this.#message !== undefined) this.#message = `${path}.${this.#message}`;
  }
}

const SNAKE_NAMES = new Map<string, string>();

/** Returns a field by its camelCase or snake_case name; undefined when absent or null. */
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

/** Like `readId`, but a missing id is a fault. Then returns `''`. */
export function readRequiredId(raw: RawObject, name: string, bytes: IdBytes, problem: Problem): string {
  const id = readId(raw, name, bytes, problem);
  if (id === undefined) problem.report(name, 'is missing');
  return id ?? '';
}

/** Reads a short text; cleaned and cut. Undefined when empty. */
export function readName(raw: RawObject, name: string, problem: Problem): string | undefined {
  return readText(raw, name, MAX_NAME_LENGTH, problem);
}

/** Reads a message or traceback; cleaned and cut. Undefined when empty. */
export function readMessage(raw: RawObject, name: string, problem: Problem): string | undefined {
  return readText(raw, name, MAX_MESSAGE_LENGTH, problem);
}

export function readBoolean(raw: RawObject, name: string, problem: Problem): boolean | undefined {
  const value = getField(raw, name);
  if (value === undefined || typeof value === 'boolean') return value;
  problem.report(name, 'is not a boolean');
  return undefined;
}

/** Reads a non-negative int32. Ray's counts, pids and attempts are never negative. */
export function readInt32(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = getField(raw, name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_INT32) return value;
  problem.report(name, 'is not a non-negative 32-bit integer');
  return undefined;
}

/** Like `readInt32`, but may be negative: the exit code of a process that a signal ended. */
export function readSignedInt32(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = getField(raw, name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_INT32) return value;
  problem.report(name, 'is not a 32-bit integer');
  return undefined;
}

/** Reads a pid or port, uint32 or int64; 0 means absent. */
export function readPid(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = readInt64(raw, name, problem);
  return value === 0 ? undefined : value;
}

/** Reads a non-negative int64 (a decimal string in JSON) below 2^53. */
export function readInt64(raw: RawObject, name: string, problem: Problem): number | undefined {
  const value = getField(raw, name);
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && isDecimal(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  problem.report(name, 'is not a non-negative integer below 2^53');
  return undefined;
}

/** Reads epoch nanoseconds from a decimal int64 string; 0 means absent. */
export function readEpochNs(raw: RawObject, name: string, problem: Problem): TimeNs | undefined {
  return readEpoch(raw, name, 1n, problem);
}

/** Reads epoch milliseconds from a decimal uint64 string; 0 means absent. */
export function readEpochMs(raw: RawObject, name: string, problem: Problem): TimeNs | undefined {
  return readEpoch(raw, name, 1_000_000n, problem);
}

/** Reads an RFC 3339 time. */
export function readTimestamp(raw: RawObject, name: string, problem: Problem): TimeNs | undefined {
  return timestampOf(getField(raw, name), problem);
}

/** Parses a time. An invalid one counts as ignored and absent. */
export function timestampOf(value: unknown, problem: Problem): TimeNs | undefined {
  if (value === undefined || value === null) return undefined;
  const timeNs = typeof value === 'string' ? parseTimestamp(value) : undefined;
  if (timeNs === undefined) problem.ignoredTimes += 1;
  return timeNs;
}

/**
 * Reads the name of an enum value; absent is number 0. An emitter newer than Ray's agent sends a
 * number, which `names` resolves. A number beyond `names` becomes `UNKNOWN_<number>`; an unknown
 * name stays.
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

/** Reads `map<string, string>`. Keys are data: neither spelling is converted. */
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

/** Reads `map<string, double>`. `"NaN"` and `"Infinity"`, valid in protobuf's JSON, are dropped. */
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

/**
 * Returns the keys within the limits. A key `__proto__` is harmless: assigning a text or number to
 * it does nothing.
 */
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
  const known = SNAKE_NAMES.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  SNAKE_NAMES.set(name, snake);
  return snake;
}
