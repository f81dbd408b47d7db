import { createPackr } from './message-pack.ts';

const FIRST_BUFFER_BYTES = 64 * 1024;
/** A larger buffer is not kept for the next list of rows. */
const KEPT_BUFFER_BYTES = 16 * 1024 * 1024;
/** Of one number. */
const MAX_NUMBER_BYTES = 8;
/** UTF-8 of one UTF-16 unit, at most. */
const MAX_UNIT_BYTES = 3;
/** From here on a number has bits that JavaScript's own bit operators do not see. */
const TWO_POW_31 = 2 ** 31;
const LOW_BITS = 0x7f;
const MORE = 0x80;
const NOT_HEX = 16;
const HEX_VALUES = hexValues();

/** Rows that hold the same texts again and again. What the rows share is written where it comes first, and named by its number after that. */
export class PackedWriter {
  readonly #packr = createPackr();
  readonly #shared = new Map<unknown, number>();
  #bytes = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Begins anew, behind bytes that the caller fills in. */
  begin(reservedBytes: number): void {
    if (this.#bytes.length > KEPT_BUFFER_BYTES) this.#resize(FIRST_BUFFER_BYTES);
    this.#shared.clear();
    this.#at = 0;
    this.#reserve(reservedBytes);
    this.#at = reservedBytes;
  }

  /** Written over after the next `begin`. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  get position(): number {
    return this.#at;
  }

  /** Takes back what was written since, in which nothing may be that is shared. */
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

  /** A whole number from 0 on, in as many bytes as it needs; false when it is none. */
  integer(value: number): boolean {
    if (!Number.isSafeInteger(value) || value < 0) return false;
    this.#reserve(MAX_NUMBER_BYTES);
    let rest = value;
    for (; rest >= TWO_POW_31; rest = Math.floor(rest / MORE)) this.#bytes[this.#at++] = (rest % MORE) | MORE;
    for (; rest > LOW_BITS; rest >>>= 7) this.#bytes[this.#at++] = rest | MORE;
    this.#bytes[this.#at++] = rest;
    return true;
  }

  /** 64 bits with a sign. */
  bigint(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#at, value);
    this.#at += 8;
  }

  /** Lower-case hex of so many bytes; false for anything else. */
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

  /** A text that is like no other; false when it has characters beyond Latin-1. */
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

  /** A text that other rows have too. */
  text(text: string): void {
    if (this.#named(text)) return;
    const lengthAt = this.#at;
    this.#reserve(4 + text.length * MAX_UNIT_BYTES);
    this.#at += 4;
    const length = this.#bytes.write(text, this.#at, 'utf8');
    this.#view.setUint32(lengthAt, length);
    this.#at += length;
  }

  /** Anything else that other rows have too, as the same object. */
  object(content: object): void {
    if (!this.#named(content)) this.content(content);
  }

  /** Anything, as MessagePack. */
  content(content: unknown): void {
    const packed = this.#packr.pack(content);
    this.integer(packed.length);
    this.#reserve(packed.length);
    this.#bytes.set(packed, this.#at);
    this.#at += packed.length;
  }

  /** Writes the number of what was written before. False for what was not: after 0 the thing itself is to follow, and has the next number from now on. */
  #named(thing: unknown): boolean {
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
