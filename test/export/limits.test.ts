import { describe, expect, it } from 'vitest';
import { halvesByBytes, halvesByCount } from '../../src/export/exporter-worker.ts';
import { otlpBytes } from '../../src/otlp/index.ts';
import { DEFAULT_EXPORT_LIMITS, retryDelayMs } from '../../src/export/limits.ts';
import { AWAY, scripted, startPipeline } from './pipeline-support.ts';
import { createTestClock, makeSpan, NEVER_MS, until } from './support.ts';

const large = (number: number, bytes: number) => makeSpan({ number, attributes: { long: 'x'.repeat(bytes) } });

describe('the default limits of the export', () => {
  it('keep a batch within 2 MiB, half of what gRPC receivers take', async () => {
    const sizes: number[] = [];
    const backend = scripted((spans) => {
      sizes.push(spans.reduce((sum, span) => sum + otlpBytes(span), 0));
      return 'ok';
    });
    const { pipeline } = startPipeline(backend);
    pipeline.enqueue(Array.from({ length: 50 }, (_, index) => large(index, 100_000)));
    await pipeline.drain(NEVER_MS);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(Math.max(...sizes)).toBeGreaterThan(2 * 1024 * 1024 - 110_000);
  });

  it('allow 64 MiB of queued spans, or 20,000', async () => {
    const bytes = startPipeline(scripted(() => AWAY));
    let held = 0;
    while (bytes.pipeline.hasRoom()) {
      const span = large(held, 4 * 1024 * 1024);
      bytes.pipeline.enqueue([span]);
      held += otlpBytes(span);
    }
    expect(held).toBeGreaterThanOrEqual(64 * 1024 * 1024);
    expect(held).toBeLessThan(69 * 1024 * 1024);
    await bytes.pipeline.shutdown();

    const count = startPipeline(scripted(() => AWAY));
    let spans = 0;
    while (count.pipeline.hasRoom()) count.pipeline.enqueue([makeSpan({ number: spans++ })]);
    expect(spans).toBe(20_000);
    await count.pipeline.shutdown();
  });

  it('apply at the limit, not above it', async () => {
    const span = large(1, 1000);
    const bytes = startPipeline(
      scripted(() => AWAY),
      { maxQueuedBytes: 2 * otlpBytes(span) },
    );
    bytes.pipeline.enqueue([span]);
    expect(bytes.pipeline.hasRoom()).toBe(true);
    bytes.pipeline.enqueue([large(2, 1000)]);
    expect(bytes.pipeline.hasRoom()).toBe(false);
    await bytes.pipeline.shutdown();
  });

  it('allow 30 s for a call of an exporter without a timeout', async () => {
    const clock = createTestClock();
    const silent = { export: () => undefined, shutdown: () => Promise.resolve() };
    const { pipeline, named } = startPipeline(silent, { clock, exportTimeoutMs: DEFAULT_EXPORT_LIMITS.exportTimeoutMs });
    pipeline.enqueue([makeSpan({ number: 1 })]);
    await until(() => named('export_retry').length > 0);
    expect(named('export_retry')[0]).toMatchObject({ reason: 'the exporter did not answer within 30000 ms' });
    expect(clock.slept[0]).toBe(30_000);
    await pipeline.shutdown();
  });

  it('keep batches at 64 KiB or more after answers like HTTP 413', async () => {
    const sent: number[] = [];
    const backend = scripted((spans, call) => {
      sent.push(spans.reduce((sum, span) => sum + otlpBytes(span), 0));
      return call > 1 && sent.length < 40 && spans.length > 1 ? { kind: 'too_large', reason: 'HTTP 413' } : 'ok';
    });
    const { pipeline } = startPipeline(backend);
    pipeline.enqueue([makeSpan({ number: 0 })]);
    await pipeline.drain(NEVER_MS);
    pipeline.enqueue(Array.from({ length: 200 }, (_, index) => large(index + 1, 1000)));
    await pipeline.drain(NEVER_MS);
    const before = sent.length;
    pipeline.enqueue(Array.from({ length: 200 }, (_, index) => large(index + 1000, 1000)));
    await pipeline.drain(NEVER_MS);
    const largest = Math.max(...sent.slice(before));
    expect(largest).toBeLessThanOrEqual(64 * 1024);
    expect(largest).toBeGreaterThan(60 * 1024);
  });
});

describe('the wait before the next attempt', () => {
  it.each([
    [1, 1000],
    [2, 2000],
    [5, 16_000],
    [6, 30_000],
    [1_000_000, 30_000],
  ])('of attempt %i is %i ms', (attempt, ms) => {
    expect(retryDelayMs(attempt, undefined, 1, DEFAULT_EXPORT_LIMITS)).toBe(ms);
  });

  it.each([
    [45_000, 45_000],
    [0, 1000],
    [10 * 60_000, 10 * 60_000],
    [10 * 60_000 + 1, 10 * 60_000],
  ])('for a Retry-After of %i ms is %i ms', (asked, ms) => {
    expect(retryDelayMs(1, asked, 1, DEFAULT_EXPORT_LIMITS)).toBe(ms);
  });
});

describe('halves of a batch', () => {
  const items = (...bytes: number[]) => bytes.map((each, number) => ({ span: makeSpan({ number }), bytes: each, enqueuedAtMs: 0 }));
  const sizes = (halves: readonly (readonly { readonly bytes: number }[])[]): number[][] =>
    halves.map((half) => half.map(({ bytes }) => bytes));

  it.each([
    [
      [1, 1],
      [[1], [1]],
    ],
    [
      [1, 1, 1, 1],
      [
        [1, 1],
        [1, 1],
      ],
    ],
    [
      [1, 1, 1, 1, 1],
      [
        [1, 1],
        [1, 1, 1],
      ],
    ],
    [
      [9, 1, 1],
      [[9], [1, 1]],
    ],
    [
      [1, 1, 9],
      [[1, 1], [9]],
    ],
    [
      [1, 2, 3, 4, 5, 6],
      [
        [1, 2, 3, 4],
        [5, 6],
      ],
    ],
  ])('of the sizes %j are %j', (bytes, halves) => {
    expect(sizes(halvesByBytes(items(...bytes)))).toEqual(halves);
  });

  it('have the larger count first', () => {
    expect(sizes(halvesByCount(items(1, 2, 3)))).toEqual([[1, 2], [3]]);
  });
});
