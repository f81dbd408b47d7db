import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { InMemorySpanExporter, BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { readSpan, readSpans, type SpanBytes } from './parts/otlp-protobuf.ts';
import { median, percentile } from './parts/senders.ts';
import { brokenCounts, judge, markdownTable } from './parts/table.ts';

describe('the reader of the sink', () => {
  const exporter = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('bench');
  tracer.startSpan('job one', { attributes: { 'ray.job.attempts': 1_000_002, text: 'x' } }).end();
  tracer.startSpan('two').end();
  const spans = exporter.getFinishedSpans();

  it('finds every span of a request with its ids', () => {
    const found: SpanBytes[] = [];
    readSpans(Buffer.from(ProtobufTraceSerializer.serializeRequest([...spans]) ?? []), (span) => found.push(span));
    const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
    expect(found.map(({ traceId, spanId }) => [hex(traceId), hex(spanId)])).toEqual(
      spans.map((span) => [span.spanContext().traceId, span.spanContext().spanId]),
    );
  });

  it('reads the name and the numbers of a span', () => {
    const found: ReturnType<typeof readSpan>[] = [];
    readSpans(Buffer.from(ProtobufTraceSerializer.serializeRequest([...spans]) ?? []), ({ bytes }) => found.push(readSpan(bytes)));
    expect(found).toEqual([
      { name: 'job one', numbers: { 'ray.job.attempts': 1_000_002 } },
      { name: 'two', numbers: {} },
    ]);
  });

  it('throws for bytes that are not OTLP', () => {
    expect(() => readSpans(Buffer.from([0x0f, 0x01]), () => undefined)).toThrow('wire type 7');
  });
});

describe('the table of results', () => {
  it.each([
    [2, 'stretch'],
    [2.5, 'stretch'],
    [3, 'met'],
    [4, 'met'],
    [4.1, 'missed'],
    [Number.NaN, 'missed'],
  ])('judges %d against 4 and 2.5 as %s', (value, verdict) => {
    expect(judge(value, 4, 2.5)).toBe(verdict);
  });

  it('has no stretch goal when there is one target', () => {
    expect([judge(1, 1.1), judge(2, 1.1)]).toEqual(['met', 'missed']);
  });

  it('fails a count above its limit, or one that is not a number', () => {
    const counts = [1, 2, 3, Number.NaN].map((value) => ({ what: 'lost', value, limit: 2 }));
    expect(brokenCounts(counts).map(({ value }) => value)).toEqual([3, Number.NaN]);
  });

  it('is written as Markdown', () => {
    const row = { what: 'CPU', target: '<= 4 x', stretch: '', measured: '1 s', ratio: '2.00 x', verdict: 'met' };
    expect(markdownTable([row]).split('\n')).toEqual([
      '| what | target | stretch | measured | ratio | verdict |',
      '| --- | --- | --- | --- | --- | --- |',
      '| CPU | <= 4 x |  | 1 s | 2.00 x | met |',
    ]);
  });
});

describe('percentiles', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  it('are those of the sorted values', () => {
    expect([percentile(hundred, 0.99), percentile(hundred, 1), median(hundred), median([])]).toEqual([100, 100, 51, 0]);
  });
});
