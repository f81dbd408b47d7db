import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type Reloadable, childSignal, type Clock, createWaiters, systemClock } from '../runtime/index.ts';
import { plainSpan, otlpBytes } from '../otlp/index.ts';
import type { QueuedSpan } from './batch.ts';
import type { NamedExporter } from './create-exporters.ts';
import type { ExportEvent, IsSettled, OnRefused, OnSettled } from './export-event.ts';
import { Lane, type LaneStats } from './exporter-worker.ts';
import { DEFAULT_EXPORT_LIMITS, type ExportLimits } from './limits.ts';

export interface ExportPipelineOptions extends Partial<ExportLimits> {
  /** Empty: every span is counted and dropped knowingly (OTEL_TRACES_EXPORTER=none). */
  readonly exporters: readonly NamedExporter[];
  /** Default: the system's clock. */
  readonly clock?: Clock;
  readonly onEvent?: (event: ExportEvent) => void;
  readonly onRefused?: OnRefused;
  /** Called for each request that settled spans: the exporter has them, or refused them for good (then `onRefused` came before). */
  readonly onSettled?: OnSettled;
  /** Takes every refusal for final, also of a backend that has accepted nothing. For a caller that keeps refused spans. Default: false. */
  readonly believesRefusals?: boolean;
}

export interface ExportStats {
  /** Not yet delivered to, or refused by, every exporter. */
  readonly queuedSpans: number;
  readonly queuedBytes: number;
  /** When the span that has waited longest was enqueued, in ms since the epoch; undefined when none waits. */
  readonly oldestQueuedAtMs: number | undefined;
  /** Delivered to every exporter. */
  readonly exported: number;
  /** Refused by at least one exporter. */
  readonly refused: number;
  /** Dropped because no exporter is set. */
  readonly discarded: number;
  readonly retries: number;
  readonly requests: number;
  readonly lanes: readonly LaneStats[];
}

export interface ExportPipeline {
  /**
   * Takes the spans over, always: the caller asks hasRoom() first. A span goes to the exporters for which `isSettled` is false (default:
   * all); one that a former run settled with every exporter is left out, and is in no count.
   */
  enqueue(spans: readonly ReadableSpan[], isSettled?: IsSettled): void;
  hasRoom(): boolean;
  /** Resolves when there is room, or when `signal` aborts. */
  waitForRoom(signal: AbortSignal): Promise<void>;
  /** Resolves when no span is queued, or when `signal` aborts. */
  waitForNone(signal: AbortSignal): Promise<void>;
  /** Resolves when everything was delivered or set aside, or after `timeoutMs`. `undelivered` are the spans that are still queued. */
  drain(timeoutMs: number): Promise<{ readonly undelivered: number }>;
  /** Ends waits and requests at once and shuts the exporters down. What is queued stays undelivered; drain first. */
  shutdown(): Promise<void>;
  /**
   * Files of the exporters, for `watch`. An exporter with a file that changed tries again at once, and its backend has to accept a span
   * before it may refuse one.
   */
  readonly files: readonly Reloadable[];
  stats(): ExportStats;
}

interface SharedSpan extends QueuedSpan {
  readonly enqueuedAtMs: number;
  /** Exporters that have not settled it. */
  open: number;
  refused: boolean;
}

/**
 * Spans in, batches out, nothing dropped: each exporter has a lane of its own over one shared, bounded room, so that a slow exporter does not
 * delay the others until the room is full. A span leaves the room when every exporter has it or refused it.
 */
export function createExportPipeline(options: ExportPipelineOptions): ExportPipeline {
  const limits = limitsOf(options);
  const clock = options.clock ?? systemClock;
  const onEvent = options.onEvent ?? (() => undefined);
  const board = createWaiters();
  const stop = new AbortController();
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
  const lanes = options.exporters.map(
    (exporter) =>
      new Lane<SharedSpan>({
        exporter,
        limits,
        clock,
        board,
        onEvent,
        onSettled: (items, refusal) => settle(exporter.name, items, refusal),
        believesRefusals: options.believesRefusals ?? false,
      }),
  );
  for (const { name, onNote } of options.exporters) onNote?.((message) => onEvent({ exporter: name, name: 'export_note', message }));
  const running = lanes.map((lane) => lane.run(stop.signal));
  const hasRoom = (): boolean => total.queuedSpans < limits.maxQueuedSpans && total.queuedBytes < limits.maxQueuedBytes;

  return {
    enqueue: (spans, isSettled) => {
      if (lanes.length === 0) {
        total.discarded += spans.length;
        return;
      }
      const enqueuedAtMs = clock.now();
      for (const span of spans) {
        const takers = isSettled === undefined ? lanes : lanes.filter(({ name }) => !isSettled(span, name));
        if (takers.length === 0) continue;
        const item: SharedSpan = { span, bytes: otlpBytes(span), enqueuedAtMs, open: takers.length, refused: false };
        total.queuedSpans += 1;
        total.queuedBytes += item.bytes;
        for (const lane of takers) lane.push(item);
      }
      board.changed();
    },
    hasRoom,
    waitForRoom: (signal) => board.until(hasRoom, signal),
    waitForNone: (signal) => board.until(() => total.queuedSpans === 0, signal),
    drain: async (timeoutMs) => {
      for (const lane of lanes) lane.hurry();
      const timer = childSignal(stop.signal);
      const waiting = childSignal(stop.signal);
      const timeout = clock.sleep(timeoutMs, timer.signal).then(() => waiting.abort());
      await board.until(() => total.queuedSpans === 0, waiting.signal);
      timer.abort();
      await timeout;
      timer.release();
      waiting.release();
      return { undelivered: total.queuedSpans };
    },
    shutdown: async () => {
      stop.abort();
      await Promise.all(running);
      const enough = new AbortController();
      const closing = Promise.allSettled(options.exporters.map(async ({ exporter }) => exporter.shutdown()));
      // A stranger's exporter may never end; the process must.
      await Promise.race([closing, clock.sleep(limits.shutdownTimeoutMs, enough.signal)]);
      enough.abort();
    },
    files: lanes.flatMap((lane) => lane.files),
    stats: () => {
      const laneStats = lanes.map((lane) => lane.stats());
      const sum = (key: 'retries' | 'requests'): number => laneStats.reduce((all, lane) => all + lane[key], 0);
      const oldest = lanes.flatMap((lane) => lane.oldest()?.enqueuedAtMs ?? []);
      const oldestQueuedAtMs = oldest.length === 0 ? undefined : Math.min(...oldest);
      return { ...total, oldestQueuedAtMs, retries: sum('retries'), requests: sum('requests'), lanes: laneStats };
    },
  };
}

function limitsOf(options: ExportPipelineOptions): ExportLimits {
  const given = Object.entries(options).filter(([key, value]) => key in DEFAULT_EXPORT_LIMITS && value !== undefined);
  return { ...DEFAULT_EXPORT_LIMITS, ...Object.fromEntries(given) };
}
