import { type Block, ByteWriter, varintBytes } from './byte-writer.ts';
import { KnownFields } from './known-fields.ts';
import { type AttributeList, EncodedAttributes } from './span-fields.ts';
import { ANY_VALUE, ARRAY_VALUES, KEY_VALUE } from './tags.ts';

const INT64_LIMIT = 2 ** 63;
const ARRAY_BYTES = 0x80;
/**
 * Maximum keys that are kept encoded. Resource and label names are keys too, so their number is
 * unbounded.
 */
const MAX_KNOWN_KEYS = 1_000;
const SCRATCH_BYTES = 1_024;

interface KnownKey {
  /** The encoded key, followed by the tag of the value. */
  readonly block: Block;
  /** Encoded attributes with this key. */
  readonly fields: KnownFields;
}

/** Encodes attributes as a repeated KeyValue field. */
export class AttributeEncoder {
  readonly #tag: number;
  readonly #scratch = new ByteWriter(SCRATCH_BYTES);
  readonly #known = new Map<string, KnownKey>();

  constructor(tag: number) {
    this.#tag = tag;
  }

  /** Number of kept keys, up to the limit. */
  get knownKeys(): number {
    return this.#known.size;
  }

  write(writer: ByteWriter, { count, keys, values }: AttributeList): void {
    for (let index = 0; index < count; index += 1) this.#attribute(writer, keys[index] ?? '', values[index]);
  }

  #attribute(writer: ByteWriter, key: string, value: unknown): void {
    if (value instanceof EncodedAttributes) {
      writer.block(value.block);
      return;
    }
    const { block, fields } = this.#known.get(key) ?? this.#makeKnown(key);
    const field = fields.find(value);
    if (field !== undefined) {
      writer.block(field);
      return;
    }
    const start = writer.written;
    writer.byte(this.#tag);
    if (!writeSimple(writer, block, value)) {
      writer.rewind(start + 1);
      writeAny(writer, block, value);
    }
    if (fields.takes(value)) fields.add(value, writer.blockSince(start));
  }

  #makeKnown(key: string): KnownKey {
    const writer = this.#scratch;
    writer.rewind(0);
    writer.byte(KEY_VALUE.key);
    writer.text(key);
    writer.byte(KEY_VALUE.value);
    const known: KnownKey = { block: writer.blockSince(0), fields: new KnownFields() };
    if (this.#known.size < MAX_KNOWN_KEYS) this.#known.set(key, known);
    return known;
  }
}

/**
 * Writes ASCII text, numbers and booleans, whose lengths are known before. Returns false for any
 * other value; the caller then rewinds.
 */
function writeSimple(writer: ByteWriter, key: Block, value: unknown): boolean {
  if (typeof value === 'string') {
    const bytes = 1 + varintBytes(value.length) + value.length;
    writeHead(writer, key, bytes);
    writer.byte(ANY_VALUE.string);
    writer.varint(value.length);
    return writer.ascii(value);
  }
  if (typeof value === 'number') {
    if (!isInt64(value)) {
      writeHead(writer, key, 9);
      writer.byte(ANY_VALUE.double);
      writer.double(value);
      return true;
    }
    if (value < 0 || value > 0x0fff_ffff) return false;
    writeHead(writer, key, 1 + varintBytes(value));
    writer.byte(ANY_VALUE.int);
    writer.varint(value);
    return true;
  }
  if (typeof value !== 'boolean') return false;
  writeHead(writer, key, 2);
  writer.pair(ANY_VALUE.bool, value ? 1 : 0);
  return true;
}

function writeHead(writer: ByteWriter, key: Block, valueBytes: number): void {
  writer.varint(key.length + varintBytes(valueBytes) + valueBytes);
  writer.block(key);
  writer.varint(valueBytes);
}

function writeAny(writer: ByteWriter, key: Block, value: unknown): void {
  const content = writer.begin(ARRAY_BYTES);
  writer.block(key);
  writeMessage(writer, value);
  writer.end(content, ARRAY_BYTES);
}

/** Writes an AnyValue with its length. */
function writeMessage(writer: ByteWriter, value: unknown): void {
  const content = writer.begin(0);
  if (typeof value === 'string') {
    writer.byte(ANY_VALUE.string);
    writer.text(value);
  } else if (typeof value === 'number') {
    writer.byte(isInt64(value) ? ANY_VALUE.int : ANY_VALUE.double);
    if (isInt64(value)) writer.varint(value);
    else writer.double(value);
  } else if (typeof value === 'boolean') writer.pair(ANY_VALUE.bool, value ? 1 : 0);
  else if (Array.isArray(value)) {
    writer.byte(ANY_VALUE.array);
    const items = writer.begin(ARRAY_BYTES);
    for (const item of value) {
      writer.byte(ARRAY_VALUES);
      writeMessage(writer, item);
    }
    writer.end(items, ARRAY_BYTES);
  }
  writer.end(content, 0);
}

/** Whether OTLP encodes the number as an integer; other numbers are doubles. */
function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -INT64_LIMIT && value < INT64_LIMIT;
}
