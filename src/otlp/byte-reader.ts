/**
 * Reads the values of a protobuf message. It checks nothing, because it mostly reads what `ByteWriter` wrote: bytes past the end read as 0.
 * `readFields` checks messages of other programs.
 */
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

  /** Bytes left to read. Negative after a read past the end. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Offset of the next byte in the memory that is read. */
  get position(): number {
    return this.#at;
  }

  /** NaN for more than 10 bytes, which no writer produces. */
  varint(): number {
    let low = 0;
    let factor = 1;
    for (let index = 0; index < 4; index += 1, factor *= 128) {
      const byte = this.#byte();
      low += (byte & 0x7f) * factor;
      if (byte < 0x80) return low;
    }
    // Above 28 bits: an int64, which may be negative.
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    return Number.NaN;
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

  bytes(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
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

/** A field of a message from another program. */
export interface Field {
  readonly number: number;
  /** The content of a length-delimited field; otherwise undefined. */
  readonly bytes: Uint8Array | undefined;
  /** The value of a varint field, as an int64; otherwise undefined. */
  readonly varint: number | undefined;
}

/** Reads the fields of a protobuf message from another program. Undefined when the bytes are not a valid message. */
export function readFields(bytes: Uint8Array): readonly Field[] | undefined {
  const reader = new ByteReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
  const fields: Field[] = [];
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === 0) fields.push({ number, bytes: undefined, varint: reader.varint() });
    else if (wireType === 1) reader.bytes(8);
    else if (wireType === 5) reader.bytes(4);
    else if (wireType === 2) {
      const length = reader.varint();
      if (!(length >= 0 && length <= reader.remaining)) return undefined;
      fields.push({ number, bytes: reader.bytes(length), varint: undefined });
    } else return undefined;
  }
  const isValid = reader.remaining === 0 && fields.every(({ number, varint = 0 }) => number >= 1 && !Number.isNaN(varint));
  return isValid ? fields : undefined;
}
