import { ScanBytes } from '../scan-bytes.ts';
import type { TimeNs } from '../ray-event.ts';
import { parseTimestamp } from '../timestamp.ts';

/** Length of `YYYY-MM-DDTHH:MM:`. */
const MINUTE_LENGTH = 17;
const ZERO = 0x30;
const NINE = 0x39;
const POINT = 0x2e;
const UPPER_Z = 0x5a;
const MAX_FRACTION_DIGITS = 9;
const NS_OF_SECOND = 1e9;
const TWO_POW_32 = 2 ** 32;

/**
 * Caches the last minute. Times in a body are seconds apart, so the minute is parsed once and the
 * seconds are added. The sum uses two halves of a 64-bit integer: reading a bigint from a buffer
 * costs a third of bigint arithmetic.
 */
const MINUTE_TEXT = new ScanBytes(Buffer.alloc(MINUTE_LENGTH));
const WORDS = new DataView(new ArrayBuffer(8));
let minuteHigh = 0;
let minuteLow = 0;

/**
 * Parses the bytes `start` to `end` like `parseTimestamp`, but only the form that Ray sends: UTC
 * with up to nine fraction digits.
 */
export function scanTimestamp(bytes: ScanBytes, start: number, end: number): TimeNs | undefined {
  if (!bytes.isAt(start, MINUTE_TEXT, 0, MINUTE_LENGTH) && !readMinute(bytes, start, end)) return undefined;
  const tens = bytes.at(start + MINUTE_LENGTH) - ZERO;
  const ones = bytes.at(start + MINUTE_LENGTH + 1) - ZERO;
  if (tens < 0 || tens > 5 || ones < 0 || ones > 9) return undefined;
  const fractionNs = scanFraction(bytes, start + MINUTE_LENGTH + 2, end);
  if (fractionNs < 0) return undefined;
  const low = minuteLow + (tens * 10 + ones) * NS_OF_SECOND + fractionNs;
  WORDS.setUint32(0, minuteHigh + Math.floor(low / TWO_POW_32));
  WORDS.setUint32(4, low % TWO_POW_32);
  return WORDS.getBigInt64(0);
}

function readMinute(bytes: ScanBytes, start: number, end: number): boolean {
  if (end - start <= MINUTE_LENGTH) return false;
  const text = bytes.text(start, start + MINUTE_LENGTH);
  const timeNs = parseTimestamp(`${text}00Z`);
  if (timeNs === undefined) return false;
  MINUTE_TEXT.bytes.write(text, 'latin1');
  WORDS.setBigInt64(0, timeNs);
  minuteHigh = WORDS.getUint32(0);
  minuteLow = WORDS.getUint32(4);
  return true;
}

/** Parses from the end of the seconds to the end; -1 for anything but a fraction and `Z`. */
function scanFraction(bytes: ScanBytes, from: number, end: number): number {
  if (bytes.at(end - 1) !== UPPER_Z) return -1;
  if (from === end - 1) return 0;
  const digits = end - 2 - from;
  if (bytes.at(from) !== POINT || digits < 1 || digits > MAX_FRACTION_DIGITS) return -1;
  let fraction = 0;
  for (let position = from + 1; position < end - 1; position += 1) {
    const byte = bytes.at(position);
    if (byte < ZERO || byte > NINE) return -1;
    fraction = fraction * 10 + (byte - ZERO);
  }
  for (let count = digits; count < MAX_FRACTION_DIGITS; count += 1) fraction *= 10;
  return fraction;
}
