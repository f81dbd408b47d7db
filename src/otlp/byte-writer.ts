/** Size of one memory slab. A span that does not fit into the rest begins a new slab. */
const SLAB_BYTES = 1024 * 1024;
/** Up to this length a loop is faster than the encoder of Node, whose calls have a fixed cost. */
const SHORT_TEXT_LENGTH = 24;
const MAX_ASCII = 0x7f;
const TWO_POW_32 = 0x1_0000_0000;

/**
 * Appends protobuf wire values to growing memory. `begin` reserves bytes for a length that is known
 * only after its content. When the guess was wrong, the content moves.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export class ByteWriter {
  readonly #slabBytes: number;
  #bytes: Buffer;
  #view: DataView;
  #start = 0;
  #at = 0;

  constructor(slabBytes = SLAB_BYTES) {
    this.#slabBytes = slabBytes;
    this.#bytes = Buffer.allocUnsafeSlow(slabBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Starts a new piece after the last one. */
  startPiece(): void {
    this.#start = this.#at;
  }

  /** Memory that contains the piece, from `start` on. Written bytes never change. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  get start(): number {
    return this.#start;
  }

  get written(): number {
    return this.#at - this.#start;
  }

  /** Copies the bytes of the piece after its first `from` bytes. */
  blockSince(from: number): Block {
    const length = this.written - from;
    const bytes = new Uint8Array(roundUp(length));
    bytes.set(this.#bytes.subarray(this.#start + from, this.#at));
    return { view: new DataView(bytes.buffer), start: 0, length };
  }

  /** Drops the bytes of the piece after its first `written` bytes. */
  rewind(written: number): void {
    this.#at = this.#start + written;
  }

  byte(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  /** Writes a tag and its one-byte value. */
  pair(tag: number, value: number): void {
    if (this.#at + 2 > this.#bytes.length) this.#grow(2);
    this.#bytes[this.#at++] = tag;
    this.#bytes[this.#at++] = value;
  }

  /**
   * Reserves the length of a message whose content has about `guessBytes`. Returns the position of
   * the content.
   */
  begin(guessBytes: number): number {
    const reserved = varintBytes(guessBytes);
    if (this.#at + reserved > this.#bytes.length) this.#grow(reserved);
    this.#at += reserved;
    return this.#at - this.#start;
  }

  /** Writes the length reserved by `begin`, given its result and the same guess. */
  end(content: number, guessBytes: number): void {
    const reserved = varintBytes(guessBytes);
    const length = this.#at - this.#start - content;
    const needed = varintBytes(length);
    if (needed > reserved) this.#reserve(needed - reserved);
    const from = this.#start + content;
    if (needed !== reserved) {
      this.#bytes.copyWithin(from + needed - reserved, from, this.#at);
      this.#at += needed - reserved;
    }
    putVarint(this.#bytes, from - reserved, length);
  }

  /** Writes an int64, or an unsigned number below 2^63. */
  varint(value: number): void {
    this.#reserve(10);
    if (value >= 0 && value < TWO_POW_32) {
      this.#at = putVarint(this.#bytes, this.#at, value);
      return;
    }
    // Two's complement in two halves.
    const size = Math.abs(value);
    let low = size >>> 0;
    let high = (size / TWO_POW_32) >>> 0;
    if (value < 0) {
      low = (~low + 1) >>> 0;
      high = (low === 0 ? ~high + 1 : ~high) >>> 0;
    }
    while (high > 0 || low > 0x7f) {
      this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#at++] = low;
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  fixed64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Writes UTF-8 with its length before it. */
  text(text: string): void {
    const { length } = text;
    this.#reserve(3 * length + 5);
    const start = this.#at;
    const guess = varintBytes(length);
    this.#at = putVarint(this.#bytes, start, length);
    if (this.ascii(text)) return;
    const written = this.#bytes.write(text, start + guess);
    const needed = varintBytes(written);
    if (needed !== guess) this.#bytes.copyWithin(start + needed, start + guess, start + guess + written);
    this.#at = putVarint(this.#bytes, start, written) + written;
  }

  /**
   * Writes the bytes of an ASCII text. Returns false for any other text; the caller must then
   * rewind.
   */
  ascii(text: string): boolean {
    const { length } = text;
    this.#reserve(3 * length);
    if (length > SHORT_TEXT_LENGTH) {
      const written = this.#bytes.write(text, this.#at);
      this.#at += written;
      return written === length;
    }
    const bytes = this.#bytes;
    const at = this.#at;
    let all = 0;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      all |= code;
      bytes[at + index] = code;
    }
    this.#at += length;
    return all <= MAX_ASCII;
  }

  /** Writes bytes, given as hexadecimal digits, with their length before them. */
  hex(digits: string): void {
    const length = digits.length >>> 1;
    this.#reserve(length + 5);
    let at = putVarint(this.#bytes, this.#at, length);
    for (let index = 0; index < digits.length; index += 2) {
      this.#bytes[at++] = (nibble(digits.charCodeAt(index)) << 4) | nibble(digits.charCodeAt(index + 1));
    }
    this.#at = at;
  }

  /**
   * Writes an encoded block, four bytes at a time. An attempt span takes 1.9 us this way, 2.6 us
   * with `set` and views, 3.1 us byte by byte.
   */
  block({ view, start, length }: Block): void {
    this.#reserve(length + WORD_BYTES);
    for (let index = 0; index < length; index += WORD_BYTES) {
      this.#view.setInt32(this.#at + index, view.getInt32(start + index, true), true);
    }
    this.#at += length;
  }

  #reserve(count: number): void {
    if (this.#at + count > this.#bytes.length) this.#grow(count);
  }

  /** Moves the unfinished piece to new memory. */
  #grow(count: number): void {
    const written = this.#at - this.#start;
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, 2 * (written + count)));
    this.#bytes.copy(bytes, 0, this.#start, this.#at);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = 0;
    this.#at = written;
  }
}

/** A range of memory that may be shared. */
export interface Piece {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

const WORD_BYTES = 4;

/** Encoded bytes that are written many times. Their memory extends to the next whole word. */
export interface Block {
  readonly view: DataView;
  readonly start: number;
  readonly length: number;
}

function roundUp(bytes: number): number {
  return (bytes + WORD_BYTES) & -WORD_BYTES;
}

export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes a number below 2^32 and returns the position after it. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 0x7f) {
    bytes[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}

function nibble(code: number): number {
  // '0'..'9' are 0x30.., letters are 0x41.. and 0x61... No branch: the processor would mispredict
  // half of them.
  return (code & 0x0f) + 9 * (code >>> 6);
}
