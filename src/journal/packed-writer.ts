import { createMessagePack } from './message-pack.ts';

const FIRST_BUFFER_BYTES = 64 * 1024;
/** A larger buffer is released before the next batch. */
const KEPT_BUFFER_BYTES = 16 * 1024 * 1024;
/** Maximum size of one number. */
const MAX_NUMBER_BYTES = 8;
/** Maximum size of one UTF-16 unit in UTF-8. */
const MAX_UNIT_BYTES = 3;
/** JavaScript's bit operators work below this value only. */
const TWO_POW_31 = 2 ** 31;
const LOW_BITS = 0x7f;
const MORE = 0x80;
const NOT_HEX = 16;
const HEX_VALUES = hexValues();

/**
 * Writes rows that repeat the same texts. A shared value is written in full the first time, and as
 * its number afterwards.
 */
export class PackedWriter {
  readonly #packr = createMessagePack();
  readonly #shared = new Map<unknown, number>();
  #bytes = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Starts a new output, after bytes that the caller fills in. */
  begin(reservedBytes: number): void {
    if (this.#bytes.length > KEPT_BUFFER_BYTES) this.#resize(FIRST_BUFFER_BYTES);
    this.#shared.clear();
    this.#at = 0;
    this.#reserve(reservedBytes);
    this.#at = reservedBytes;
  }

  /** The output. The next `begin` overwrites it. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  get position(): number {
    return this.#at;
  }

  /** Discards the output since `position`, which must not contain a new shared value. */
  rewind(position: number): void {
    this.#at = position;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** A non-negative integer, in as many bytes as it needs. Returns false for any other number. */
  integer(value: number): boolean {
    if (!Number.isSafeInteger(value) || value < 0) return false;
    this.#reserve(MAX_NUMBER_BYTES);
    let rest = value;
    for (; rest >= TWO_POW_31; rest = Math.floor(rest / MORE)) this.#bytes[this.#at++] = (rest % MORE) | MORE;
    for (; rest > LOW_BITS; rest >>>= 7) this.#bytes[this.#at++] = rest | MORE;
    this.#bytes[this.#at++] = rest;
    return true;
  }

  /** A signed 64-bit integer. */
  bigint(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#at, value);
    this.#at += 8;
  }

  /** Lower-case hex of `size` bytes. Returns false for any other text. */
  hex(text: string, size: number): boolean {
    if (text.length !== size * 2) return false;
    this.#reserve(size);
    for (let index = 0; index < text.length; index += 2) {
      const high = HEX_VALUES[text.charCodeAt(index)] ?? NOT_HEX;
      const low = HEX_VALUES[text.charCodeAt(index + 1)] ?? NOT_HEX;
      if (high === NOT_HEX || low === NOT_HEX) return false;
      this.#bytes[this.#at + (index >> 1)] = (high << 4) | low;
    }
    this.#at += size;
    return true;
  }

  /** A unique text. Returns false when it has characters outside Latin-1. */
  latin1(text: string): boolean {
    this.integer(text.length);
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0xff) return false;
      this.#bytes[this.#at + index] = code;
    }
    this.#at += text.length;
    return true;
  }

  /** A text that other rows share. */
  text(text: string): void {
    if (this.#reference(text)) return;
    const lengthAt = this.#at;
    this.#reserve(4 + text.length * MAX_UNIT_BYTES);
    this.#at += 4;
    const length = this.#bytes.write(text, this.#at, 'utf8');
    this.#view.setUint32(lengthAt, length);
    this.#at += length;
  }

  /** An object that other rows share by identity. */
  object(content: object): void {
    if (!this.#reference(content)) this.content(content);
  }

  /** Any value, as MessagePack. */
  content(content: unknown): void {
    const packed = this.#packr.pack(content);
    this.integer(packed.length);
    this.#reserve(packed.length);
    this.#bytes.set(packed, this.#at);
    this.#at += packed.length;
  }

  /**
   * Writes the number of a known shared value. For a new one it writes 0 and returns false: the
   * value must follow, and has the next number.
   */
  #reference(thing: unknown): boolean {
    const known = this.#shared.get(thing);
    this.integer(known ?? 0);
    if (known !== undefined) return true;
    this.#shared.set(thing, this.#shared.size + 1);
    return false;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#resize((this.#at + bytes) * 2);
  }

  #resize(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(bytes);
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function hexValues(): Uint8Array {
  const values = new Uint8Array(128).fill(NOT_HEX);
  for (let value = 0; value < 16; value += 1) values[value.toString(16).charCodeAt(0)] = value;
  return values;
}
