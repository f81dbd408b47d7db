import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { createExportPipeline, type ExportEvent, type ExportPipelineOptions } from '../../src/export/index.ts';
import type { FailedOutcome } from '../../src/export/outcome.ts';
import { resultOfOutcome } from '../../src/export/sender.ts';
import { createTestClock, NEVER_MS, nextTurn, spanIdOf } from './support.ts';

type Answer = (spans: readonly ReadableSpan[], call: number) => FailedOutcome | 'ok';

/** A backend of one function, which keeps what it took. */
export function scripted(answer: Answer): SpanExporter & { readonly calls: string[][]; readonly stored: string[] } {
  const calls: string[][] = [];
  const stored: string[] = [];
  return {
    calls,
    stored,
    export: (spans, callback) => {
      const ids = spans.map((span) => span.spanContext().spanId);
      calls.push(ids);
      const outcome = answer(spans, calls.length);
      if (outcome === 'ok') stored.push(...ids);
      callback(resultOfOutcome(outcome === 'ok' ? { kind: 'delivered' } : outcome));
    },
    shutdown: () => Promise.resolve(),
  };
}

/** A backend that answers when the test says so. `answer` resolves when the pipeline has acted. */
export function slow() {
  const waiting: ((result: ReturnType<typeof resultOfOutcome>) => void)[] = [];
  const calls: string[][] = [];
  const stored: string[] = [];
  return {
    calls,
    stored,
    export: (spans: readonly ReadableSpan[], callback: (result: ReturnType<typeof resultOfOutcome>) => void): void => {
      calls.push(spans.map((span) => span.spanContext().spanId));
      waiting.push(callback);
    },
    shutdown: () => Promise.resolve(),
    answer: async (call: number, outcome: FailedOutcome | 'ok'): Promise<void> => {
      await nextTurn();
      if (outcome === 'ok') stored.push(...(calls[call] ?? []));
      waiting[call]?.(resultOfOutcome(outcome === 'ok' ? { kind: 'delivered' } : outcome));
      await nextTurn();
    },
  };
}

export function startPipeline(exporter: SpanExporter | readonly SpanExporter[], options: Partial<ExportPipelineOptions> = {}) {
  const exporters = (Array.isArray(exporter) ? exporter : [exporter]) as readonly SpanExporter[];
  const events: ExportEvent[] = [];
  const refused: { id: string; reason: string }[] = [];
  const pipeline = createExportPipeline({
    exporters: exporters.map((one, index) => ({ name: `backend${index}`, exporter: one })),
    clock: createTestClock(),
    exportTimeoutMs: NEVER_MS,
    onEvent: (event) => events.push(event),
    onRefused: (span, reason) => refused.push({ id: span.spanContext().spanId, reason }),
    ...options,
  });
  return { pipeline, events, refused, named: (name: ExportEvent['name']) => events.filter((event) => event.name === name) };
}

export const ids = (count: number, from = 1): string[] => Array.from({ length: count }, (_, index) => spanIdOf(from + index));
export const AWAY = { kind: 'retry_after', reason: 'HTTP 503' } as const satisfies FailedOutcome;
export const BAD = { kind: 'refused', reason: 'HTTP 400' } as const satisfies FailedOutcome;
export const has = (spans: readonly ReadableSpan[], ...bad: number[]): boolean =>
  spans.some((span) => bad.some((number) => span.spanContext().spanId === spanIdOf(number)));
