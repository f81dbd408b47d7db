import { type FileHandle, open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { type HrTime, SpanStatusCode } from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { printableExcerpt } from '../runtime/index.ts';
import { type ExportOutcome, outcomeOfError } from './outcome.ts';
import { SenderExporter } from './sender.ts';

/**
 * Serializes spans as OTLP JSON lines: one ExportTraceServiceRequest per line, each with its line
 * feed. The same spans in the same order give the same bytes, provided that spans of one resource
 * share one Resource object, because spans are grouped by it.
 * Source: https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
 */
export function* otlpJsonLines(spans: readonly ReadableSpan[], spansPerLine = 512): Generator<string, void, undefined> {
  const decoder = new TextDecoder();
  for (let start = 0; start < spans.length; start += spansPerLine) {
    const request = JsonTraceSerializer.serializeRequest(spans.slice(start, start + spansPerLine));
    if (request !== undefined) yield `${decoder.decode(request)}\n`;
  }
}

/**
 * Appends spans to a file as OTLP JSON lines. After a failed write the file is truncated to its
 * former length, so that the retry never follows half a line. Writes are not synced to disk: the
 * journal is the durable copy.
 */
export function createFileExporter(path: string): SpanExporter {
  let file: Promise<FileHandle> | undefined;
  const append = async (text: string): Promise<void> => {
    file ??= openForLines(path);
    const handle = await file.catch((error: unknown) => {
      file = undefined;
      throw error;
    });
    await appendWhole(handle, text);
  };
  const appendAfter = async (previous: Promise<unknown>, spans: readonly ReadableSpan[]): Promise<ExportOutcome> => {
    await previous;
    try {
      await append([...otlpJsonLines(spans)].join(''));
      return { kind: 'delivered' };
    } catch (error) {
      return outcomeOfError(error);
    }
  };
  // One write at a time, in the order of the calls.
  let last: Promise<unknown> = Promise.resolve();
  return new SenderExporter({
    send: (spans) => {
      const sent = appendAfter(last, spans);
      last = sent;
      return sent;
    },
    close: async () => {
      await last;
      await (await file)?.close();
      file = undefined;
    },
  });
}

/** Appends the whole text, or nothing. */
export async function appendWhole(handle: Pick<FileHandle, 'appendFile' | 'stat' | 'truncate'>, text: string): Promise<void> {
  const { size } = await handle.stat();
  try {
    await handle.appendFile(text);
  } catch (error) {
    // Another process may append too, but half a line of ours would corrupt the file for both.
    await handle.truncate(size).catch(() => undefined);
    throw error;
  }
}

const LINE_FEED = 0x0a;

/**
 * Opens a file for appending, and ends a line that a crash left incomplete. `mode` applies to a new
 * file.
 */
export async function openForLines(path: string, mode?: number): Promise<FileHandle> {
  const handle = await open(path, 'a+', mode);
  const { size } = await handle.stat();
  if (size === 0) return handle;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer[0] !== LINE_FEED) await handle.appendFile('\n');
  return handle;
}

/**
 * Writes one line per span: start, duration, name, status if set, ids. The specification leaves the
 * format of `console` open, and the SDK's ConsoleSpanExporter uses forty lines per span. For
 * people; programs read the output of `file`.
 */
export function createConsoleExporter(output: Writable): SpanExporter {
  return new SenderExporter({
    send: (spans) =>
      new Promise((resolve) => {
        // The callback of `write` runs once the stream has taken the text, which is the
        // back-pressure.
        output.write(spans.map(spanLine).join(''), (error) => resolve(error ? outcomeOfError(error) : { kind: 'delivered' }));
      }),
    close: () => Promise.resolve(),
  });
}

function spanLine(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  const parts = [
    isoTime(span.startTime),
    `${milliseconds(span)} ms`,
    printableExcerpt(span.name),
    ...statusOf(span),
    `trace=${traceId}`,
    `span=${spanId}`,
  ];
  if (span.parentSpanContext !== undefined) parts.push(`parent=${span.parentSpanContext.spanId}`);
  return `${parts.join('  ')}\n`;
}

function statusOf(span: ReadableSpan): readonly string[] {
  if (span.status.code !== SpanStatusCode.ERROR) return [];
  return [`ERROR ${printableExcerpt(span.status.message ?? '')}`.trimEnd()];
}

function isoTime([seconds, nanos]: HrTime): string {
  const time = new Date(seconds * 1000 + nanos / 1e6);
  return Number.isNaN(time.getTime()) ? `${seconds} s` : time.toISOString();
}

function milliseconds(span: ReadableSpan): string {
  const [seconds, nanos] = [span.endTime[0] - span.startTime[0], span.endTime[1] - span.startTime[1]];
  return (seconds * 1000 + nanos / 1e6).toFixed(3);
}
