import { crc32 } from 'node:zlib';
import { RESERVE_START_SPACE, RESET_BUFFER_MODE } from 'msgpackr';
import type { RayEvent } from '../event/index.ts';
import type { JournalCursor, JournalEntry } from './journal.ts';
import { createPackr } from './message-pack.ts';
import { PACKED_EVENTS, packEvents, unpackEvents } from './packed-events.ts';

/**
 * How values stand in the store: a CRC-32 of what follows (4 bytes, big endian), then the content. That of a batch begins with its cursor, which
 * stands in the key: a batch under a damaged key is no batch. A batch begins with its receive time
 * (8 bytes, double), the number of its events (4 bytes), the bytes of all batches before it (8 bytes, double), and behind one byte its
 * receive time since the epoch (8 bytes, double); the rest of it is rows, see `packed-events.ts`. Every other value is MessagePack, in which records of one shape name their keys once. See README.md beside this file.
 */

const CRC_BYTES = 4;
const HEADER_BYTES = 20;
/** Begins the receive time since the epoch. A batch that an older bridge wrote has none. */
const EPOCH = 0xc2;
const EPOCH_BYTES = 9;

export interface BatchHeader {
  /** On the journal's clock. */
  readonly receivedAtMs: number;
  readonly count: number;
  /** Of the values of all batches that were ever stored before this one: differences tell what is held. */
  readonly bytesBefore: number;
}

/** What a large value was packed into is not kept for the next one. */
const KEPT_BUFFER_BYTES = 16 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 64 * 1024;

const packr = createPackr();

/** The content behind `headerBytes` that are to be filled in. Written over by the next call. */
function packBehind(headerBytes: number, content: unknown): Buffer {
  const packed = packr.pack(content, RESET_BUFFER_MODE | RESERVE_START_SPACE | headerBytes);
  if (packed.buffer.byteLength > KEPT_BUFFER_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES));
  return packed;
}

/** The value of one batch. `epochMs`: its receive time since the epoch. */
export function encodeBatch(
  firstCursor: JournalCursor,
  header: BatchHeader,
  events: readonly RayEvent[],
  epochMs = header.receivedAtMs,
): Buffer {
  const { receivedAtMs, count, bytesBefore } = header;
  const value = packEvents(CRC_BYTES + HEADER_BYTES + EPOCH_BYTES, events);
  value.writeDoubleBE(receivedAtMs, CRC_BYTES);
  value.writeUInt32BE(count, CRC_BYTES + 8);
  value.writeDoubleBE(bytesBefore, CRC_BYTES + 12);
  value[CRC_BYTES + HEADER_BYTES] = EPOCH;
  value.writeDoubleBE(epochMs, CRC_BYTES + HEADER_BYTES + 1);
  return Buffer.from(sealed(value, firstCursor));
}

/** Undefined when it is damaged. */
export function readBatchHeader(firstCursor: JournalCursor, value: Buffer): BatchHeader | undefined {
  if (value.length < CRC_BYTES + HEADER_BYTES || !isWhole(value, firstCursor)) return undefined;
  return {
    receivedAtMs: value.readDoubleBE(CRC_BYTES),
    count: value.readUInt32BE(CRC_BYTES + 8),
    bytesBefore: value.readDoubleBE(CRC_BYTES + 12),
  };
}

export interface StoredBatch {
  readonly firstCursor: JournalCursor;
  readonly entries: readonly JournalEntry[];
}

/** Undefined when it is damaged. */
export function decodeBatch(firstCursor: JournalCursor, value: Buffer): StoredBatch | undefined {
  const header = readBatchHeader(firstCursor, value);
  if (header === undefined) return undefined;
  const { receivedAtMs } = header;
  const content = value.subarray(CRC_BYTES + HEADER_BYTES);
  const hasEpoch = content[0] === EPOCH && content.length >= EPOCH_BYTES;
  const epochMs = hasEpoch ? content.readDoubleBE(1) : receivedAtMs;
  const events = eventsOf(hasEpoch ? content.subarray(EPOCH_BYTES) : content);
  if (events?.length !== header.count) return undefined;
  return { firstCursor, entries: events.map((event) => ({ event, receivedAtMs, epochMs })) };
}

/** Undefined when these are none. Format 1 had them as MessagePack. */
function eventsOf(content: Buffer): readonly RayEvent[] | undefined {
  try {
    const events: unknown = content[0] === PACKED_EVENTS ? unpackEvents(content) : packr.unpack(content);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was stored, unharmed
    return Array.isArray(events) ? (events as RayEvent[]) : undefined;
  } catch {
    return undefined;
  }
}

export function encodeValue(content: unknown): Buffer {
  return Buffer.from(encodeTransient(content));
}

/** As `encodeValue`, without bytes of its own: the next value that is encoded is written over it. For a store that copies what it is given. */
export function encodeTransient(content: unknown): Buffer {
  return sealed(packBehind(CRC_BYTES, content), 0);
}

/** Undefined when it is damaged. */
export function decodeValue(value: Buffer): { readonly content: unknown } | undefined {
  return value.length > CRC_BYTES && isWhole(value, 0) ? { content: unpack(value.subarray(CRC_BYTES)) } : undefined;
}

function unpack(bytes: Buffer): unknown {
  try {
    return packr.unpack(bytes);
  } catch {
    return undefined;
  }
}

function sealed(value: Buffer, seed: number): Buffer {
  value.writeUInt32BE(crcOf(value, seed), 0);
  return value;
}

function isWhole(value: Buffer, seed: number): boolean {
  return crcOf(value, seed) === value.readUInt32BE(0);
}

function crcOf(value: Buffer, seed: number): number {
  return crc32(value.subarray(CRC_BYTES), seed % 2 ** 32);
}
