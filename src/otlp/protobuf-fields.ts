export interface Field {
  readonly number: number;
  /** Of a length-delimited field; else undefined. */
  readonly bytes: Uint8Array | undefined;
  /** Of a varint field, as an int64; else undefined. */
  readonly varint: number | undefined;
}

/** Reads the fields of one protobuf message that a stranger sent. Undefined when the bytes are no such message. */
export function readFields(bytes: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  let position = 0;
  const readVarint = (): number => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[position++];
      if (byte === undefined) return Number.NaN;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    return Number.NaN;
  };
  while (position < bytes.length) {
    const tag = readVarint();
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === 0) fields.push({ number, bytes: undefined, varint: readVarint() });
    else if (wireType === 1) position += 8;
    else if (wireType === 5) position += 4;
    else if (wireType === 2) {
      const length = readVarint();
      if (!(length >= 0 && position + length <= bytes.length)) return undefined;
      fields.push({ number, bytes: bytes.subarray(position, position + length), varint: undefined });
      position += length;
    } else return undefined;
  }
  return fields.some(({ number, varint = 0 }) => number < 1 || Number.isNaN(varint)) || position > bytes.length ? undefined : fields;
}
