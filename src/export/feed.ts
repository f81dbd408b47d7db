import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Outbox, StoredSpans } from '../journal/index.ts';
import type { QueuedSpan } from './exporter-worker.ts';
import type { ExportLimits } from './limits.ts';

/** A span in the sequence in which spans leave the correlator. */
export interface NumberedSpan extends QueuedSpan {
  readonly number: number;
  readonly enqueuedAtMs: number;
  /** Whether the outbox has it. */
  isStored: boolean;
}

/** The part of a worker that a feed needs. */
export interface FedWorker {
  push(item: NumberedSpan): void;
  oldest(): NumberedSpan | undefined;
  unsettled(): readonly NumberedSpan[];
}

/**
 * What one exporter has settled, what its worker holds, and what it still has to receive: spans go
 * to the worker in order, from memory while it keeps up, else from the outbox.
 */
export class Feed<Worker extends FedWorker = FedWorker> {
  readonly name: string;
  readonly worker: Worker;
  readonly #limits: ExportLimits;
  /** Number of the next span for the worker. */
  next: number;
  /** The exporter has settled every span before it. */
  settledTo: number;
  /** Spans that the worker holds. */
  spans = 0;
  bytes = 0;
  /** Spans read from the outbox, for which the worker had no room yet. */
  #read: readonly NumberedSpan[] = [];

  constructor(name: string, worker: Worker, limits: ExportLimits, start: number) {
    this.name = name;
    this.worker = worker;
    this.#limits = limits;
    this.next = start;
    this.settledTo = start;
  }

  hasRoom(): boolean {
    return this.spans < this.#limits.maxQueuedSpans && this.bytes < this.#limits.maxQueuedBytes;
  }

  /**
   * Gives the span to the worker, unless the worker is behind or full. Returns false when the span
   * must wait elsewhere. A span that a previous process settled is not needed.
   */
  offer(item: NumberedSpan, isBounded: boolean): boolean {
    if (item.number < this.next) return true;
    if (item.number > this.next || (isBounded && !this.hasRoom())) return false;
    this.#push(item);
    return true;
  }

  /** Returns true when `settledTo` rose. */
  settled(items: readonly NumberedSpan[]): boolean {
    for (const { bytes } of items) this.bytes -= bytes;
    this.spans -= items.length;
    const before = this.settledTo;
    this.settledTo = this.worker.oldest()?.number ?? this.next;
    return this.settledTo > before;
  }

  /** Forgets that a previous process settled spans from `number` on. */
  rewindTo(number: number): void {
    this.next = Math.min(this.next, number);
    this.settledTo = Math.min(this.settledTo, number);
  }

  /**
   * Gives waiting spans to the worker while it has room. `recent` returns the spans that are not in
   * the outbox yet, and the number after the last span. Spans that are nowhere were lost with a
   * damaged part of the store, and are skipped.
   */
  async supply(recent: () => RecentSpans, outbox: Outbox, restore: Restore, signal: AbortSignal): Promise<void> {
    const isRead = (this.#read.at(-1)?.number ?? -1) >= this.next;
    if (!isRead && !isFrom(recent(), this.next)) {
      const stored = await outbox.read(this.next, signal);
      if (signal.aborted) return;
      this.#read = stored === undefined ? [] : restore(stored);
      if (stored === undefined) this.#skipTo(firstOf(recent()));
    }
    this.#pushAll(this.#read);
    if (isFrom(recent(), this.next)) this.#pushAll(recent().items);
  }

  #pushAll(items: readonly NumberedSpan[]): void {
    for (const item of items) {
      if (item.number < this.next) continue;
      if (!this.hasRoom()) return;
      this.#skipTo(item.number);
      this.#push(item);
    }
  }

  #push(item: NumberedSpan): void {
    this.worker.push(item);
    this.next = item.number + 1;
    this.spans += 1;
    this.bytes += item.bytes;
  }

  #skipTo(number: number): void {
    if (this.spans === 0) this.settledTo = Math.max(this.settledTo, number);
    this.next = Math.max(this.next, number);
  }
}

export interface RecentSpans {
  readonly items: readonly NumberedSpan[];
  readonly end: number;
}

function firstOf({ items, end }: RecentSpans): number {
  return items[0]?.number ?? end;
}

function isFrom(recent: RecentSpans, number: number): boolean {
  return firstOf(recent) <= number;
}

export type Restore = (stored: StoredSpans) => readonly NumberedSpan[];

/** The items of stored spans. */
export function numbered(
  { first, atMs }: StoredSpans,
  spans: readonly ReadableSpan[],
  bytesOf: (span: ReadableSpan) => number,
): NumberedSpan[] {
  return spans.map((span, index) => ({ span, bytes: bytesOf(span), number: first + index, enqueuedAtMs: atMs, isStored: true }));
}
