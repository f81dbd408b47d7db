import type { TimeNs } from './ray-event.ts';

const FIRST_YEAR = 2000;
const LAST_YEAR = 2199;
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MIN_LENGTH = '2000-01-01T00:00:00Z'.length;
const MAX_FRACTION_DIGITS = 9;

/** Times before or after these limits are read as absent: the clock or the sender is wrong. */
const FIRST_NS = BigInt(Date.UTC(FIRST_YEAR, 0, 1)) * 1_000_000n;
const END_NS = BigInt(Date.UTC(LAST_YEAR + 1, 0, 1)) * 1_000_000n;

/**
 * Parses an RFC 3339 time, protobuf's JSON form of `google.protobuf.Timestamp`, to nanoseconds
 * since the epoch. It accepts 0 to 9 fraction digits, and `Z` or a numeric offset. Returns
 * undefined for anything else, an impossible date, or a year outside 2000 to 2199. It does not use
 * `Date`, which is slower and drops nanoseconds.
 */
export function parseTimestamp(text: string): TimeNs | undefined {
  if (text.length < MIN_LENGTH || !hasSeparators(text)) return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (!isDay(year, month, day)) return undefined;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined;

  const zoneStart = endOfFraction(text);
  if (zoneStart < 0) return undefined;
  const offsetMinutes = parseZone(text, zoneStart);
  if (offsetMinutes === undefined) return undefined;

  const ms = Date.UTC(year, month - 1, day, hour, minute - offsetMinutes, second);
  return BigInt(ms) * 1_000_000n + BigInt(fractionNs(text, zoneStart));
}

/** Whether a time in nanoseconds lies in the years 2000 to 2199. */
export function isPlausibleTime(timeNs: TimeNs): boolean {
  return timeNs >= FIRST_NS && timeNs < END_NS;
}

function hasSeparators(text: string): boolean {
  const t = text.charCodeAt(10);
  return (
    text.charCodeAt(4) === 0x2d &&
    text.charCodeAt(7) === 0x2d &&
    (t === 0x54 || t === 0x74) &&
    text.charCodeAt(13) === 0x3a &&
    text.charCodeAt(16) === 0x3a
  );
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < FIRST_YEAR || year > LAST_YEAR || month < 1 || month > 12 || day < 1) return false;
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 && isLeapYear ? 29 : (DAYS_OF_MONTH[month - 1] ?? 0));
}

/**
 * Returns where the zone begins: after the seconds or one to nine fraction digits; -1 otherwise.
 */
function endOfFraction(text: string): number {
  if (text.charCodeAt(19) !== 0x2e) return 19;
  let index = 20;
  while (isDigit(text.charCodeAt(index))) index += 1;
  const count = index - 20;
  return count >= 1 && count <= MAX_FRACTION_DIGITS ? index : -1;
}

function fractionNs(text: string, zoneStart: number): number {
  if (zoneStart === 19) return 0;
  let value = digits(text, 20, zoneStart - 20);
  for (let count = zoneStart - 20; count < MAX_FRACTION_DIGITS; count += 1) value *= 10;
  return value;
}

function parseZone(text: string, start: number): number | undefined {
  const sign = text.charCodeAt(start);
  if (sign === 0x5a || sign === 0x7a) return text.length === start + 1 ? 0 : undefined;
  if (sign !== 0x2b && sign !== 0x2d) return undefined;
  if (text.length !== start + 6 || text.charCodeAt(start + 3) !== 0x3a) return undefined;
  const hours = digits(text, start + 1, 2);
  const minutes = digits(text, start + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  return (sign === 0x2d ? -1 : 1) * (hours * 60 + minutes);
}

function digits(text: string, start: number, count: number): number {
  let value = 0;
  for (let index = start; index < start + count; index += 1) {
    const code = text.charCodeAt(index);
    if (!isDigit(code)) return -1;
    value = value * 10 + (code - 48);
  }
  return value;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
