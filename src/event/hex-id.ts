/** Sizes of Ray's binary ids in bytes (Ray's `src/ray/common/id.h`). */
export const ID_BYTES = { job: 4, actor: 16, placementGroup: 18, task: 24, node: 28, worker: 28 } as const;

/** Every size is a multiple of three or one more than one: its base64 has an even number of characters. */
export type IdBytes = (typeof ID_BYTES)[keyof typeof ID_BYTES];

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const HEX_DIGITS = Buffer.from('0123456789abcdef');
const SIX_BITS = sixBitsByCode();
const LONGEST_HEX = 64;
const LONGEST_BASE64 = 40;
const LAST_ASCII = 0x7f;
const PADDING = 0x3d;
const base64 = Buffer.alloc(LONGEST_BASE64);
const scratch = Buffer.alloc(LONGEST_HEX);

/** Standard base64 of exactly `bytes` bytes, padding optional, as lower-case hex; `undefined` for anything else. */
export function hexFromBase64(text: string, bytes: IdBytes): string | undefined {
  if (text.length > LONGEST_BASE64) return undefined;
  // What is not Latin-1 would be cut to it, and might then look like base64.
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > LAST_ASCII) return undefined;
  }
  return hexFromBase64Bytes(base64, 0, base64.write(text, 'latin1'), bytes);
}

/**
 * The same of the text that stands in the bytes from `start` to `end`. Two base64 characters are twelve bits, which are three
 * hex digits: faster than decoding to a buffer and printing that.
 */
export function hexFromBase64Bytes(text: Uint8Array, start: number, end: number, bytes: IdBytes): string | undefined {
  const characters = Math.ceil((bytes * 4) / 3);
  if (!hasLengthOf(text, start, end, characters)) return undefined;
  let written = 0;
  let bits = 0;
  for (let index = start; index < start + characters; index += 2) {
    bits = (sixBits(text[index]) << 6) | sixBits(text[index + 1]);
    if (bits < 0) return undefined;
    scratch[written] = HEX_DIGITS[bits >> 8] ?? 0;
    scratch[written + 1] = HEX_DIGITS[(bits >> 4) & 15] ?? 0;
    scratch[written + 2] = HEX_DIGITS[bits & 15] ?? 0;
    written += 3;
  }
  const leavesFourBits = bytes % 3 === 1;
  if (leavesFourBits && (bits & 15) !== 0) return undefined;
  return scratch.toString('latin1', 0, bytes * 2);
}

/** Ray's nil id: every byte FF. */
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
