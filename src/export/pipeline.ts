import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type Reloadable, childSignal, type Clock, createWaiters, systemClock } from '../runtime/index.ts';
import { plainSpan, otlpBytes } from '../otlp/index.ts';
import type { NamedExporter } from './create-exporters.ts';
import type { ExportEvent, IsSettled, OnRefused, OnSettled } from './export-event.ts';
import { ExporterWorker, type ExporterWorkerStats, type QueuedSpan } from './exporter-worker.ts';
import { DEFAULT_EXPORT_LIMITS, type ExportLimits } from './limits.ts';

export interface ExportPipelineOptions extends Partial<ExportLimits> {
  /** When empty, every span is counted and dropped (OTEL_TRACES_EXPORTER=none). */
  readonly exporters: readonly NamedExporter[];
  /** Default: the system clock. */
  readonly clock?: Clock;
  readonly onEvent?: (event: ExportEvent) => void;
  readonly onRefused?: OnRefused;
  /**
   * Called for each request that settled spans: delivered, or permanently refused after a call of
   * `onRefused`.
   */
  readonly onSettled?: OnSettled;
  /**
   * Treats every refusal as final, also from a backend that has accepted nothing. For callers that
   * keep refused spans. Default: false.
   */
  readonly believesRefusals?: boolean;
}

export interface ExportStats {
  /** Spans that some exporter has neither delivered nor refused. */
  readonly queuedSpans: number;
  readonly queuedBytes: number;
  /**
   * When the oldest queued span was enqueued, in ms since the epoch. Undefined when the queue is
   * empty.
   */
  readonly oldestQueuedAtMs: number | undefined;
  /** Spans delivered by every exporter. */
  readonly exported: number;
  /** Spans refused by at least one exporter. */
  readonly refused: number;
  /** Spans dropped because there is no exporter. */
  readonly discarded: number;
  readonly retries: number;
  readonly requests: number;
  readonly workers: readonly ExporterWorkerStats[];
}

export interface ExportPipeline {
  /**
   * Always takes the spans; call `hasRoom` first. A span goes to the exporters for which
   * `isSettled` is false (default: all). A span that a previous process settled with every exporter
   * is skipped and not counted.
   */
  enqueue(spans: readonly ReadableSpan[], isSettled?: IsSettled): void;
  hasRoom(): boolean;
  /** Resolves when there is room, or when `signal` aborts. */
  waitForRoom(signal: AbortSignal): Promise<void>;
  /** Resolves when no span is queued, or when `signal` aborts. */
  waitForNone(signal: AbortSignal): Promise<void>;
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

interface SharedSpan extends QueuedSpan {
  /** Number of exporters that have not settled the span. */
  open: number;
  refused: boolean;
}

/**
 * Queues spans and sends them in batches, without dropping any. All exporters share one bounded
 * queue, and each has a worker of its own. A slow exporter delays the others only when the queue is
 * full. A span leaves the queue when every exporter has delivered or refused it.
 */
export function createExportPipeline(options: ExportPipelineOptions): ExportPipeline {
  const limits = limitsOf(options);
  const clock = options.clock ?? systemClock;
  const onEvent = options.onEvent ?? (() => undefined);
  const waiters = createWaiters();
  const stop = new AbortController();
  /** Callers that wait until the queue is empty: spans then wait for no others. */
  let draining = 0;
  const total = { queuedSpans: 0, queuedBytes: 0, exported: 0, refused: 0, discarded: 0 };

  const settleOne = (exporter: string, item: SharedSpan, refusal: string | undefined): void => {
    if (refusal !== undefined) {
      item.refused = true;
      options.onRefused?.(plainSpan(item.span), refusal, exporter);
    }
    item.open -= 1;
    if (item.open > 0) return;
    total.queuedSpans -= 1;
    total.queuedBytes -= item.bytes;
    total[item.refused ? 'refused' : 'exported'] += 1;
  };
  const settle = (exporter: string, items: readonly SharedSpan[], refusal: string | undefined): void => {
    for (const item of items) settleOne(exporter, item, refusal);
    options.onSettled?.(
      exporter,
      items.map((item) => item.span),
    );
  };
  const hasRoom = (): boolean => total.queuedSpans < limits.maxQueuedSpans && total.queuedBytes < limits.maxQueuedBytes;
  const untilNone = async (signal: AbortSignal): Promise<void> => {
    draining += 1;
    waiters.changed();
    await waiters.until(() => total.queuedSpans === 0, signal);
    draining -= 1;
  };
  const workers = options.exporters.map(
    (exporter) =>
      new ExporterWorker<SharedSpan>({
        exporter,
        limits,
        clock,
        waiters,
        onEvent,
        onSettled: (items, refusal) => settle(exporter.name, items, refusal),
        believesRefusals: options.believesRefusals ?? false,
        isUrgent: () => draining > 0 || !hasRoom(),
      }),
  );
  for (const { name, onNote } of options.exporters) onNote?.((message) => onEvent({ exporter: name, name: 'export_note', message }));
  const running = workers.map((worker) => worker.run(stop.signal));

  return {
    enqueue: (spans, isSettled) => {
      if (workers.length === 0) {
        total.discarded += spans.length;
        return;
      }
      const enqueuedAtMs = clock.now();
      for (const span of spans) {
        const receivers = isSettled === undefined ? workers : workers.filter(({ name }) => !isSettled(span, name));
        if (receivers.length === 0) continue;
        const item: SharedSpan = { span, bytes: otlpBytes(span), enqueuedAtMs, open: receivers.length, refused: false };
        total.queuedSpans += 1;
        total.queuedBytes += item.bytes;
        for (const worker of receivers) worker.push(item);
      }
      waiters.changed();
    },
    hasRoom,
    waitForRoom: (signal) => waiters.until(hasRoom, signal),
    waitForNone: untilNone,
    drain: async (timeoutMs) => {
      for (const worker of workers) worker.retryNow();
      const timer = childSignal(stop.signal);
      const waiting = childSignal(stop.signal);
      const timeout = clock.sleep(timeoutMs, timer.signal).then(() => waiting.abort());
      await untilNone(waiting.signal);
      timer.abort();
      await timeout;
      timer.release();
      waiting.release();
      return { undelivered: total.queuedSpans };
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
    files: workers.flatMap((worker) => worker.files),
    stats: () => {
      const workerStats = workers.map((worker) => worker.stats());
      const sum = (key: 'retries' | 'requests'): number => workerStats.reduce((all, worker) => all + worker[key], 0);
      const oldest = workers.flatMap((worker) => worker.oldest()?.enqueuedAtMs ?? []);
      const oldestQueuedAtMs = oldest.length === 0 ? undefined : Math.min(...oldest);
      return { ...total, oldestQueuedAtMs, retries: sum('retries'), requests: sum('requests'), workers: workerStats };
    },
  };
}

function limitsOf(options: ExportPipelineOptions): ExportLimits {
  const given = Object.entries(options).filter(([key, value]) => key in DEFAULT_EXPORT_LIMITS && value !== undefined);
  return { ...DEFAULT_EXPORT_LIMITS, ...Object.fromEntries(given) };
}
