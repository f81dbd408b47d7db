/** Sizes of Ray's binary ids in bytes (Ray's `src/ray/common/id.h`). */
export const ID_BYTES = { job: 4, actor: 16, placementGroup: 18, task: 24, node: 28, worker: 28 } as const;

/**
 * Size of an id in bytes. Each size is 0 or 1 modulo 3, so its base64 has an even number of
 * characters.
 */
export type IdBytes = (typeof ID_BYTES)[keyof typeof ID_BYTES];

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const HEX_DIGITS = Buffer.from('0123456789abcdef');
const SIX_BITS = sixBitsByCode();
const MAX_HEX_LENGTH = 64;
const MAX_BASE64_LENGTH = 40;
const LAST_ASCII = 0x7f;
const PADDING = 0x3d;
const BASE64_BYTES = Buffer.alloc(MAX_BASE64_LENGTH);
const HEX_BYTES = Buffer.alloc(MAX_HEX_LENGTH);

/**
 * Converts standard base64 of exactly `bytes` bytes, padding optional, to lower-case hex. Returns
 * undefined for anything else.
 */
export function hexFromBase64(text: string, bytes: IdBytes): string | undefined {
  if (text.length > MAX_BASE64_LENGTH) return undefined;
  // Node would cut a character outside Latin-1 to one byte, which could look like base64.
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > LAST_ASCII) return undefined;
  }
  return hexFromBase64Bytes(BASE64_BYTES, 0, BASE64_BYTES.write(text, 'latin1'), bytes);
}

/**
 * Converts the base64 text in the bytes from `start` to `end`. Two characters are twelve bits,
 * which are three hex digits: faster than decoding to a buffer and printing it.
 */
export function hexFromBase64Bytes(text: Uint8Array, start: number, end: number, bytes: IdBytes): string | undefined {
  const characters = Math.ceil((bytes * 4) / 3);
  if (!hasLengthOf(text, start, end, characters)) return undefined;
  let written = 0;
  let bits = 0;
  for (let index = start; index < start + characters; index += 2) {
    bits = (sixBits(text[index]) << 6) | sixBits(text[index + 1]);
    if (bits < 0) return undefined;
    HEX_BYTES[written] = HEX_DIGITS[bits >> 8] ?? 0;
    HEX_BYTES[written + 1] = HEX_DIGITS[(bits >> 4) & 15] ?? 0;
    HEX_BYTES[written + 2] = HEX_DIGITS[bits & 15] ?? 0;
    written += 3;
  }
  const leavesFourBits = bytes % 3 === 1;
  if (leavesFourBits && (bits & 15) !== 0) return undefined;
  return HEX_BYTES.toString('latin1', 0, bytes * 2);
}

/** Whether an id is Ray's nil id: every byte FF. */
export function isNilId(hex: string): boolean {
  for (let index = 0; index < hex.length; index += 1) {
    if (hex.charCodeAt(index) !== 0x66) return false;
  }
  return true;
}

function hasLengthOf(text: Uint8Array, start: number, end: number, characters: number): boolean {
  if (end - start === characters) return true;
  if (end - start !== Math.ceil(characters / 4) * 4) return false;
  return text[end - 1] === PADDING && text[start + characters] === PADDING;
}

function sixBits(code = 0): number {
  return SIX_BITS[code] ?? -1;
}

function sixBitsByCode(): Int8Array {
  const table = new Int8Array(256).fill(-1);
  for (let value = 0; value < ALPHABET.length; value += 1) table[ALPHABET.charCodeAt(value)] = value;
  return table;
}
