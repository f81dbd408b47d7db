/** Sizes of Ray's binary ids in bytes (Ray's `src/ray/common/id.h`). */
export const ID_BYTES = { job: 4, actor: 16, placementGroup: 18, task: 24, node: 28, worker: 28 } as const;

/** Every size is a multiple of three or one more than one: its base64 has an even number of characters. */
export type IdBytes = (typeof ID_BYTES)[keyof typeof ID_BYTES];

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const SIX_BITS = sixBitsByCode();
const LONGEST_HEX = 64;
const scratch = Buffer.alloc(LONGEST_HEX);

/**
 * Standard base64 of exactly `bytes` bytes, padding optional, as lower-case hex; `undefined` for anything else.
 * Two base64 characters are twelve bits, which are three hex digits: faster than decoding to a buffer and printing that.
 */
export function hexFromBase64(text: string, bytes: IdBytes): string | undefined {
  const characters = Math.ceil((bytes * 4) / 3);
  if (!hasLengthOf(text, characters)) return undefined;
  let written = 0;
  let bits = 0;
  for (let index = 0; index < characters; index += 2) {
    bits = (sixBits(text.charCodeAt(index)) << 6) | sixBits(text.charCodeAt(index + 1));
    if (bits < 0) return undefined;
    scratch[written] = hexCode(bits >> 8);
    scratch[written + 1] = hexCode((bits >> 4) & 15);
    scratch[written + 2] = hexCode(bits & 15);
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

function hasLengthOf(text: string, characters: number): boolean {
  if (text.length === characters) return true;
  if (text.length !== Math.ceil(characters / 4) * 4) return false;
  return text.charCodeAt(text.length - 1) === 0x3d && text.charCodeAt(characters) === 0x3d;
}

/** The character code of a hex digit. */
function hexCode(digit: number): number {
  return digit < 10 ? 48 + digit : 87 + digit;
}

function sixBits(code: number): number {
  return SIX_BITS[code] ?? -1;
}

function sixBitsByCode(): Int8Array {
  const table = new Int8Array(128).fill(-1);
  for (let value = 0; value < ALPHABET.length; value += 1) table[ALPHABET.charCodeAt(value)] = value;
  return table;
}
