import type { Writable } from 'node:stream';
import { type HrTime, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { outcomeOfError, resultOfOutcome } from './outcome.ts';
import { printable } from '../runtime/index.ts';

/**
 * Writes one line a span: start, duration, name, status where it is set, ids. The specification leaves the form of `console` open; the SDK's
 * ConsoleSpanExporter takes forty lines a span. Not for machines: use `file`.
 */
export function createConsoleExporter(output: Writable): SpanExporter {
  return {
    export: (spans, callback) => {
      // The callback of write comes when the text was handed over, which is the backpressure.
      output.write(spans.map(spanLine).join(''), (error) => {
        callback(resultOfOutcome(error ? outcomeOfError(error) : { kind: 'delivered' }));
      });
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}

function spanLine(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  const parts = [
    isoTime(span.startTime),
    `${milliseconds(span)} ms`,
    printable(span.name),
    ...statusOf(span),
    `trace=${traceId}`,
    `span=${spanId}`,
  ];
  if (span.parentSpanContext !== undefined) parts.push(`parent=${span.parentSpanContext.spanId}`);
  return `${parts.join('  ')}\n`;
}

function statusOf(span: ReadableSpan): readonly string[] {
  if (span.status.code !== SpanStatusCode.ERROR) return [];
  return [`ERROR ${printable(span.status.message ?? '')}`.trimEnd()];
}

function isoTime([seconds, nanos]: HrTime): string {
  const time = new Date(seconds * 1000 + nanos / 1e6);
  return Number.isNaN(time.getTime()) ? `${seconds} s` : time.toISOString();
}

function milliseconds(span: ReadableSpan): string {
  const [seconds, nanos] = [span.endTime[0] - span.startTime[0], span.endTime[1] - span.startTime[1]];
  return (seconds * 1000 + nanos / 1e6).toFixed(3);
}
