import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type Reloadable, childSignal, type Clock, createWaiters, systemClock } from '../runtime/index.ts';
import type { Outbox, StoredSpans } from '../journal/index.ts';
import { createSpanRestorer, plainSpan, otlpBytes } from '../otlp/index.ts';
import type { NamedExporter } from './create-exporters.ts';
import type { ExportEvent, OnRefused } from './export-event.ts';
import { ExporterWorker, type ExporterWorkerStats } from './exporter-worker.ts';
import { Feed, numbered, type NumberedSpan } from './feed.ts';
import { OutboxWriter } from './outbox-writer.ts';
import { DEFAULT_EXPORT_LIMITS, type ExportLimits } from './limits.ts';

export interface ExportPipelineOptions extends Partial<ExportLimits> {
  /** When empty, every span is counted and dropped (OTEL_TRACES_EXPORTER=none). */
  readonly exporters: readonly NamedExporter[];
  /** Default: the system clock. */
  readonly clock?: Clock;
  readonly onEvent?: (event: ExportEvent) => void;
  readonly onRefused?: OnRefused;
  /**
   * Takes the spans that memory does not hold. Without it the queue is bounded, and the pump waits
   * for the slowest exporter.
   */
  readonly outbox?: Outbox;
  /**
   * Treats every refusal as final, also from a backend that has accepted nothing. For callers that
   * keep refused spans. Default: false.
   */
  readonly believesRefusals?: boolean;
}

export interface ExportStats {
  /** Spans that the slowest exporter has neither delivered nor refused, in memory and outbox. */
  readonly queuedSpans: number;
  /** Size of those in memory. */
  readonly queuedBytes: number;
  /**
   * When the oldest queued span was enqueued, in ms since the epoch. Undefined when the queue is
   * empty.
   */
  readonly oldestQueuedAtMs: number | undefined;
  /** Spans delivered by the exporter that has delivered the fewest. */
  readonly exported: number;
  /** Spans refused by the exporter that has refused the most. */
  readonly refused: number;
  /** Spans dropped because there is no exporter. */
  readonly discarded: number;
  readonly retries: number;
  readonly requests: number;
  readonly workers: readonly ExporterWorkerStats[];
}

export interface ExportPipeline {
  /**
   * Always takes the spans; call `hasRoom` first. Each span gets the next number. An exporter that
   * settled the number in a previous process does not receive the span again.
   */
  enqueue(spans: readonly ReadableSpan[]): void;
  /** Number of the next span. */
  nextNumber(): number;
  hasRoom(): boolean;
  /** Resolves when there is room, or when `signal` aborts. */
  waitForRoom(signal: AbortSignal): Promise<void>;
  /** True when memory holds every undelivered span, and no backend fails. */
  keepsUp(): boolean;
  /** Resolves when no span is queued, or when `signal` aborts. */
  waitForNone(signal: AbortSignal): Promise<void>;
  /** Adds every undelivered span to the outbox. Calls `pause` between portions. */
  store(pause: () => Promise<void>): Promise<void>;
  /**
   * Sends every later span, also if a previous process delivered one with its number. For a
   * sequence that may differ from that of the previous process, and at the end of a replay.
   */
  forgetPrevious(): void;
  /**
   * Resolves when every span was delivered or refused, or after `timeoutMs`. `undelivered` counts
   * the spans still queued.
   */
  drain(timeoutMs: number): Promise<{ readonly undelivered: number }>;
  /**
   * Aborts waits and requests and shuts the exporters down. Queued spans stay undelivered, so drain
   * first.
   */
  shutdown(): Promise<void>;
  /** Files of the exporters, for `watchFiles`. */
  readonly files: readonly Reloadable[];
  stats(): ExportStats;
}

/** How often a pump that waits for room checks the free space of the disk. */
const ROOM_CHECK_MS = 1_000;

/**
 * Sends spans in batches, without dropping any. Each exporter has a worker of its own, whose queue
 * is bounded. A span that one of the queues does not take waits in the outbox, so a slow exporter
 * delays no other. Without an outbox, it delays the others when its queue is full.
 */
export function createExportPipeline(options: ExportPipelineOptions): ExportPipeline {
  const limits = limitsOf(options);
  const clock = options.clock ?? systemClock;
  const onEvent = options.onEvent ?? (() => undefined);
  const { outbox } = options;
  const waiters = createWaiters();
  const stop = new AbortController();
  /** Callers that wait until the queue is empty: spans then wait for no others. */
  let draining = 0;
  let next = outbox?.restored.spans ?? 0;
  let discarded = 0;

  const feeds = options.exporters.map((exporter) => {
    const start = outbox === undefined ? 0 : (outbox.delivered(exporter.name) ?? outbox.firstNumber);
    const worker = new ExporterWorker<NumberedSpan>({
      exporter,
      limits,
      clock,
      waiters,
      onEvent,
      onSettled: (items, refusal) => settle(feed, items, refusal),
      believesRefusals: options.believesRefusals ?? false,
      isUrgent: () => draining > 0 || feed.next < next || !feed.hasRoom(),
    });
    const feed: Feed<ExporterWorker<NumberedSpan>> = new Feed(exporter.name, worker, limits, start);
    return feed;
  });
  const writer = outbox === undefined ? undefined : new OutboxWriter(outbox, settledByAll, () => waiters.changed());
  for (const { name, onNote } of options.exporters) onNote?.((message) => onEvent({ exporter: name, name: 'export_note', message }));
  if (feeds.length > 0) outbox?.discardBefore(settledByAll());
  const running = feeds.flatMap((feed) => [feed.worker.run(stop.signal), supply(feed)]);

  /** Every exporter has settled the spans before this number. */
  function settledByAll(): number {
    return feeds.reduce((least, { settledTo }) => Math.min(least, settledTo), Number.POSITIVE_INFINITY);
  }

  function settle(feed: Feed, items: readonly NumberedSpan[], refusal: string | undefined): void {
    if (refusal !== undefined) for (const { span } of items) options.onRefused?.(plainSpan(span), refusal, feed.name);
    if (!feed.settled(items) || outbox === undefined) return;
    outbox.noteDelivered(feed.name, feed.settledTo);
    outbox.discardBefore(settledByAll());
  }

  /** Gives spans of the outbox to a worker that is behind. */
  async function supply(feed: Feed): Promise<void> {
    if (outbox === undefined || writer === undefined) return;
    const restorer = createSpanRestorer();
    const restore = (stored: StoredSpans): NumberedSpan[] => numbered(stored, restorer(stored.bytes), otlpBytes);
    const isBehind = (): boolean => feed.next < next && feed.hasRoom();
    while (!stop.signal.aborted) {
      await waiters.until(isBehind, stop.signal);
      if (stop.signal.aborted) return;
      await feed.supply(() => ({ items: writer.recent, end: next }), outbox, restore, stop.signal);
      waiters.changed();
    }
  }

  const hasRoom = (): boolean => feeds.every((feed) => feed.next >= next && feed.hasRoom()) || outbox?.hasRoom() === true;
  const queuedSpans = (): number => feeds.reduce((most, feed) => Math.max(most, feed.spans + Math.max(0, next - feed.next)), 0);

  async function untilNone(signal: AbortSignal): Promise<void> {
    draining += 1;
    waiters.changed();
    await waiters.until(() => queuedSpans() === 0, signal);
    draining -= 1;
  }

  async function waitForRoom(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !hasRoom()) {
      const wait = childSignal(signal);
      const timeout = outbox === undefined ? undefined : clock.sleep(ROOM_CHECK_MS, wait.signal).then(() => wait.abort());
      await waiters.until(hasRoom, wait.signal);
      wait.abort();
      await timeout;
      wait.release();
    }
  }

  return {
    enqueue: (spans) => {
      if (feeds.length === 0) discarded += spans.length;
      const enqueuedAtMs = clock.now();
      for (const span of spans) {
        const item = { span, bytes: otlpBytes(span), number: next, enqueuedAtMs, isStored: false };
        next += 1;
        let isTaken = true;
        for (const feed of feeds) isTaken = feed.offer(item, outbox !== undefined) && isTaken;
        if (!isTaken) writer?.add(item);
      }
      waiters.changed();
    },
    nextNumber: () => next,
    hasRoom,
    waitForRoom,
    keepsUp: () => feeds.every((feed) => feed.next >= next && feed.worker.stats().failedAttempts === 0),
    waitForNone: untilNone,
    store: async (pause) => {
      await writer?.store(
        feeds.flatMap(({ worker }) => worker.unsettled()),
        pause,
      );
    },
    forgetPrevious: () => {
      for (const feed of feeds) {
        if (feed.settledTo > next) outbox?.noteDelivered(feed.name, next);
        feed.rewindTo(next);
      }
    },
    drain: async (timeoutMs) => {
      for (const { worker } of feeds) worker.retryNow();
      const timer = childSignal(stop.signal);
      const waiting = childSignal(stop.signal);
      const timeout = clock.sleep(timeoutMs, timer.signal).then(() => waiting.abort());
      await untilNone(waiting.signal);
      timer.abort();
      await timeout;
      timer.release();
      waiting.release();
      return { undelivered: queuedSpans() };
    },
    shutdown: async () => {
      stop.abort();
      await Promise.all(running);
      const closed = new AbortController();
      const closing = Promise.allSettled(options.exporters.map(async ({ exporter }) => exporter.shutdown()));
      // An exporter of another library may never end, but the process must.
      await Promise.race([closing, clock.sleep(limits.shutdownTimeoutMs, closed.signal)]);
      closed.abort();
    },
    files: feeds.flatMap(({ worker }) => worker.files),
    stats: () => {
      const workers = feeds.map(({ worker }) => worker.stats());
      const sum = (key: 'retries' | 'requests'): number => workers.reduce((all, worker) => all + worker[key], 0);
      const oldest = feeds.flatMap(({ worker }) => worker.oldest()?.enqueuedAtMs ?? []);
      return {
        queuedSpans: queuedSpans(),
        queuedBytes: feeds.reduce((most, { bytes }) => Math.max(most, bytes), 0),
        oldestQueuedAtMs: oldest.length === 0 ? undefined : Math.min(...oldest),
        exported: workers.length === 0 ? 0 : Math.min(...workers.map(({ exported }) => exported)),
        refused: Math.max(0, ...workers.map(({ refused }) => refused)),
        discarded,
        retries: sum('retries'),
        requests: sum('requests'),
        workers,
      };
    },
  };
}

function limitsOf(options: ExportPipelineOptions): ExportLimits {
  const given = Object.entries(options).filter(([key, value]) => key in DEFAULT_EXPORT_LIMITS && value !== undefined);
  return { ...DEFAULT_EXPORT_LIMITS, ...Object.fromEntries(given) };
}
