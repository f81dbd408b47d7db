import { crc32 } from 'node:zlib';
import { RESERVE_START_SPACE, RESET_BUFFER_MODE } from 'msgpackr';
import type { RayEvent } from '../event/index.ts';
import type { JournalCursor, JournalEntry } from './journal.ts';
import { createMessagePack } from './message-pack.ts';
import { PACKED_EVENTS, packEvents, unpackEvents } from './packed-events.ts';

/**
 * Encodes the values of the store. A value is a CRC-32 (4 bytes, big endian) and its content. The
 * checksum of a batch also covers its cursor, which is in the key: a batch under a damaged key is
 * invalid.
 *
 * The content of a batch: receive time (double), number of events (uint32), bytes of all earlier
 * batches (double), the byte 0xc2, receive time since the epoch (double), then rows; see
 * `packed-events.ts`. Every other content is MessagePack. See store-format.md in this folder.
 */

const CRC_BYTES = 4;
const HEADER_BYTES = 20;
/** Precedes the receive time since the epoch, which batches of older releases lack. */
const EPOCH = 0xc2;
const EPOCH_BYTES = 9;

export interface BatchHeader {
  /** Milliseconds on the journal's clock. */
  readonly receivedAtMs: number;
  readonly count: number;
  /**
   * Size of all batches ever stored before this one. Differences give the size of the stored
   * batches.
   */
  readonly bytesBefore: number;
}

/** A larger buffer is released after use. */
const KEPT_BUFFER_BYTES = 16 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 64 * 1024;

const PACKR = createMessagePack();

/**
 * Packs the content after `headerBytes` that the caller fills in. The next call overwrites the
 * result.
 */
function packAfter(headerBytes: number, content: unknown): Buffer {
  const packed = PACKR.pack(content, RESET_BUFFER_MODE | RESERVE_START_SPACE | headerBytes);
  if (packed.buffer.byteLength > KEPT_BUFFER_BYTES) PACKR.useBuffer(Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES));
  return packed;
}

/** Encodes one batch. `epochMs`: its receive time since the epoch. */
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
  return Buffer.from(withChecksum(value, firstCursor));
}

/** Undefined when the batch is damaged. */
export function readBatchHeader(firstCursor: JournalCursor, value: Buffer): BatchHeader | undefined {
  if (value.length < CRC_BYTES + HEADER_BYTES || !hasValidChecksum(value, firstCursor)) return undefined;
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

/** Undefined when the batch is damaged. */
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

/** Undefined when the content is not a list of events. Format 1 used MessagePack. */
function eventsOf(content: Buffer): readonly RayEvent[] | undefined {
  try {
    const events: unknown = content[0] === PACKED_EVENTS ? unpackEvents(content) : PACKR.unpack(content);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the checksum is right, so these are the stored events
    return Array.isArray(events) ? (events as RayEvent[]) : undefined;
  } catch {
    return undefined;
  }
}

export function encodeValue(content: unknown): Buffer {
  return Buffer.from(encodeTransient(content));
}

/**
 * Like `encodeValue`, but the next call overwrites the result. For a store that copies its input.
 */
export function encodeTransient(content: unknown): Buffer {
  return withChecksum(packAfter(CRC_BYTES, content), 0);
}

/** Undefined when the value is damaged. */
export function decodeValue(value: Buffer): { readonly content: unknown } | undefined {
  return value.length > CRC_BYTES && hasValidChecksum(value, 0) ? { content: unpack(value.subarray(CRC_BYTES)) } : undefined;
}

function unpack(bytes: Buffer): unknown {
  try {
    return PACKR.unpack(bytes);
  } catch {
    return undefined;
  }
}

function withChecksum(value: Buffer, seed: number): Buffer {
  value.writeUInt32BE(crcOf(value, seed), 0);
  return value;
}

function hasValidChecksum(value: Buffer, seed: number): boolean {
  return crcOf(value, seed) === value.readUInt32BE(0);
}

function crcOf(value: Buffer, seed: number): number {
  return crc32(value.subarray(CRC_BYTES), seed % 2 ** 32);
}
