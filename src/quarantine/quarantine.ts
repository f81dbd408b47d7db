import { setImmediate } from 'node:timers/promises';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Rejection } from '../event/index.ts';
import { otlpBytes } from '../otlp/index.ts';
import { errorMessage, type Sleep } from '../runtime/index.ts';
import { appendLines } from './append.ts';
import { eventLine, spanLine } from './entry.ts';
import type { EntryKind } from './files.ts';
import { DEFAULT_QUARANTINE_LIMITS, type QuarantineLimits } from './limits.ts';
import { createTypeSampler } from './type-sampler.ts';

/** Maximum size of a batch. Encoding and writing it blocks the event loop for a few milliseconds at most. */
const MAX_BATCH_BYTES = 256 * 1024;
/** Wait before a failed write is retried. */
const RETRY_MS = 10_000;

/** Why an entry was dropped. `type_sampled`: enough events of its unknown type were kept. */
export type QuarantineDrop = 'queue_full' | 'too_large' | 'type_sampled' | 'not_encodable' | 'write_failed';

/** What the quarantine reports to telemetry. */
export type QuarantineEvent =
  | { readonly name: 'quarantine_written'; readonly kind: EntryKind; readonly entries: number }
  | { readonly name: 'quarantine_dropped'; readonly reason: QuarantineDrop; readonly entries: number }
  /** Full files were removed to make room for new ones. */
  | { readonly name: 'quarantine_rotated'; readonly files: number }
  /** Reported once per outage. Entries wait in the queue meanwhile. */
  | { readonly name: 'quarantine_unwritable'; readonly folder: string; readonly reason: string }
  | { readonly name: 'quarantine_writable'; readonly folder: string };

export interface QuarantineOptions {
  /** Created with the first entry. */
  readonly folder: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly onEvent: (event: QuarantineEvent) => void;
  /** Limits that differ from their defaults. */
  readonly limits?: Partial<QuarantineLimits>;
}

/**
 * Keeps rejected events and refused spans for people to inspect. Never throws and never blocks: a full or read-only disk is
 * reported, and costs only entries.
 */
export interface Quarantine {
  /** Adds an event as posted. Copies `json`. */
  readonly addEvent: (json: Uint8Array, rejection: Rejection) => void;
  addSpan(span: ReadableSpan, reason: string, exporter: string): void;
  /** Writes the queue, without retries. Resolves when that is done, or after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
  queuedEntries(): number;
}

interface Queued {
  readonly kind: EntryKind;
  readonly bytes: number;
  readonly line: () => string | undefined;
}

export function createQuarantine(options: QuarantineOptions): Quarantine {
  const { folder, now, sleep, onEvent } = options;
  const limits: QuarantineLimits = { ...DEFAULT_QUARANTINE_LIMITS, ...options.limits };
  const isSample = createTypeSampler(limits);
  const closing = new AbortController();
  const queue: Queued[] = [];
  let queuedBytes = 0;
  let writing: Promise<void> | undefined;
  let isFailing = false;

  function drop(reason: QuarantineDrop, entries = 1): void {
    if (entries > 0) onEvent({ name: 'quarantine_dropped', reason, entries });
  }

  function dropReason(bytes: number): QuarantineDrop | undefined {
    if (bytes > limits.maxEntryBytes) return 'too_large';
    return queue.length >= limits.maxQueuedEntries || queuedBytes + bytes > limits.maxQueuedBytes ? 'queue_full' : undefined;
  }

  function enqueue(entry: Queued): void {
    queue.push(entry);
    queuedBytes += entry.bytes;
    writing ??= writeAll();
  }

  async function writeAll(): Promise<void> {
    // Lets the caller answer its request first.
    await setImmediate();
    while (queue.length > 0) {
      const batch = nextBatch(queue);
      await writeBatch(batch);
      queue.splice(0, batch.length);
      for (const { bytes } of batch) queuedBytes -= bytes;
    }
    writing = undefined;
  }

  async function writeBatch(batch: readonly Queued[]): Promise<void> {
    const kind = batch[0]?.kind ?? 'event';
    const lines = batch.map(lineOf).filter((line) => line !== undefined);
    drop('not_encodable', batch.length - lines.length);
    if (lines.length === 0) return;
    while (true) {
      const isLast = closing.signal.aborted;
      if (await tryAppend(kind, lines)) return onEvent({ name: 'quarantine_written', kind, entries: lines.length });
      if (isLast) return drop('write_failed', lines.length);
      await sleep(RETRY_MS, closing.signal);
    }
  }

  async function tryAppend(kind: EntryKind, lines: readonly string[]): Promise<boolean> {
    try {
      const removedFiles = await appendLines(folder, kind, lines, limits);
      if (removedFiles > 0) onEvent({ name: 'quarantine_rotated', files: removedFiles });
    } catch (error) {
      if (!isFailing) onEvent({ name: 'quarantine_unwritable', folder, reason: errorMessage(error) });
      isFailing = true;
      return false;
    }
    if (isFailing) onEvent({ name: 'quarantine_writable', folder });
    isFailing = false;
    return true;
  }

  return {
    addEvent(json, rejection) {
      if (!isSample(rejection)) return drop('type_sampled');
      const reason = dropReason(json.length);
      if (reason !== undefined) return drop(reason);
      const timeMs = now();
      const copy = Uint8Array.from(json);
      enqueue({ kind: 'event', bytes: copy.length, line: () => eventLine(copy, rejection, timeMs) });
    },
    addSpan(span, reason, exporter) {
      const bytes = otlpBytes(span);
      const dropped = dropReason(bytes);
      if (dropped !== undefined) return drop(dropped);
      const timeMs = now();
      enqueue({ kind: 'span', bytes, line: () => spanLine(span, reason, exporter, timeMs) });
    },
    async close(timeoutMs) {
      closing.abort();
      const inTime = new AbortController();
      await Promise.race([writing, sleep(timeoutMs, inTime.signal)]);
      inTime.abort();
    },
    queuedEntries: () => queue.length,
  };
}

/** The line of an entry. Undefined when it cannot be encoded: a span of another SDK may hold values that the encoder does not know. */
function lineOf({ line }: Queued): string | undefined {
  try {
    return line();
  } catch {
    return undefined;
  }
}

/** The next entries of one kind, up to the batch limit but at least one. */
function nextBatch(queue: readonly Queued[]): readonly Queued[] {
  let bytes = 0;
  let count = 0;
  for (const entry of queue) {
    bytes += entry.bytes;
    if (entry.kind !== queue[0]?.kind || (count > 0 && bytes > MAX_BATCH_BYTES)) break;
    count += 1;
  }
  return queue.slice(0, count);
}
