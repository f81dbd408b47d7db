/** Reads what `ByteWriter` wrote: bytes of our own, so nothing is checked. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  varint(): number {
    let low = 0;
    let factor = 1;
    for (let index = 0; index < 4; index += 1, factor *= 128) {
      const byte = this.#byte();
      low += (byte & 0x7f) * factor;
      if (byte < 0x80) return low;
    }
    // Beyond 28 bits: an int64, which may be negative.
    let value = BigInt(low);
    for (let shift = 28n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
  }

  fixed32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  fixed64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64LE(this.#at - 8);
  }

  double(): number {
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  text(): string {
    const [start, end] = this.#content();
    return this.#bytes.toString('utf8', start, end);
  }

  hex(): string {
    const [start, end] = this.#content();
    return this.#bytes.toString('hex', start, end);
  }

  message(): ByteReader {
    const [start, end] = this.#content();
    return new ByteReader(this.#bytes, start, end);
  }

  #content(): [start: number, end: number] {
    const length = this.varint();
    this.#at += length;
    return [this.#at - length, this.#at];
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }
}
