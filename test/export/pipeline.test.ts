import { ExportResultCode } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { otlpBytes } from '../../src/otlp/index.ts';
import type { FailedOutcome } from '../../src/export/outcome.ts';
import { AWAY, BAD, has, ids, scripted, slow, startPipeline } from './pipeline-support.ts';
import { createTestClock, makeSpan, makeSpans, NEVER_MS, nextTurn, spanIdOf, type TestClock, until } from './support.ts';

describe('the export pipeline', () => {
  it('sends everything in order, in batches within the limit of spans', async () => {
    const backend = scripted(() => 'ok');
    const { pipeline, named } = startPipeline(backend, { maxBatchSpans: 512 });
    pipeline.enqueue(makeSpans(700));
    pipeline.enqueue(makeSpans(500, 701));
    expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
    expect(backend.stored).toEqual(ids(1200));
    expect(backend.calls.map((call) => call.length)).toEqual([512, 512, 176]);
    expect(named('batch_exported')).toHaveLength(3);
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 0, queuedBytes: 0, exported: 1200, refused: 0, retries: 0, requests: 3 });
  });

  it('does not wait for full batches, and sends at most 8,192 spans per batch', async () => {
    const backend = scripted(() => 'ok');
    const { pipeline } = startPipeline(backend);
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    pipeline.enqueue(makeSpans(8200, 2));
    await pipeline.drain(NEVER_MS);
    expect(backend.calls.map((call) => call.length)).toEqual([1, 8192, 8]);
  });

  it('lets a span wait for others, and sends a full batch at once', async () => {
    const clock = createTestClock();
    clock.hold = true;
    const backend = scripted(() => 'ok');
    const { pipeline } = startPipeline(backend, { clock, lingerMs: 1000, maxBatchSpans: 4 });
    pipeline.enqueue(makeSpans(1));
    pipeline.enqueue(makeSpans(2, 2));
    await nextTurn();
    expect(backend.calls).toEqual([]);
    pipeline.enqueue(makeSpans(3, 4));
    await nextTurn();
    expect(backend.calls).toEqual([ids(4)]);
    clock.slept.push(1000);
    clock.fire();
    await nextTurn();
    expect(backend.calls).toEqual([ids(4), ids(2, 5)]);
  });

  it.each(['waitForNone', 'drain'] as const)('sends spans that wait for others at once at a call of %s', async (call) => {
    const clock = createTestClock();
    clock.hold = true;
    const backend = scripted(() => 'ok');
    const { pipeline } = startPipeline(backend, { clock, lingerMs: 1000 });
    pipeline.enqueue(makeSpans(3));
    await nextTurn();
    expect(backend.calls).toEqual([]);
    await (call === 'drain' ? pipeline.drain(NEVER_MS) : pipeline.waitForNone(new AbortController().signal));
    expect(backend.calls).toEqual([ids(3)]);
  });

  it('lets no span wait for others when the queue is full', async () => {
    const clock = createTestClock();
    clock.hold = true;
    const backend = scripted(() => 'ok');
    const { pipeline } = startPipeline(backend, { clock, lingerMs: 1000, maxQueuedSpans: 3 });
    pipeline.enqueue(makeSpans(3));
    await nextTurn();
    expect(backend.calls).toEqual([ids(3)]);
  });

  it('starts a second request for a full batch while a slow backend has not answered, and not a third', async () => {
    const backend = slow();
    const { pipeline } = startPipeline(backend, { maxBatchSpans: 2 });
    pipeline.enqueue(makeSpans(1));
    await backend.answer(0, 'ok');
    pipeline.enqueue(makeSpans(7, 2));
    await nextTurn();
    expect(backend.calls).toEqual([ids(1), ids(2, 2), ids(2, 4)]);
    await backend.answer(2, 'ok');
    expect(backend.calls.slice(3)).toEqual([ids(2, 6)]);
    expect(pipeline.stats()).toMatchObject({ exported: 3, queuedSpans: 5 });
    await backend.answer(1, 'ok');
    await backend.answer(3, 'ok');
    await backend.answer(4, 'ok');
    expect(backend.calls).toEqual([ids(1), ids(2, 2), ids(2, 4), ids(2, 6), ids(1, 8)]);
    expect(pipeline.stats()).toMatchObject({ exported: 8, queuedSpans: 0 });
  });

  it.each([
    ['the first', [1, 2]],
    ['the second', [2, 1]],
  ])('sends a batch again when %s of two requests fails, and nothing that was delivered', async (_, [failing = 0, working = 0]) => {
    const backend = slow();
    const { pipeline, named } = startPipeline(backend, { maxBatchSpans: 2 });
    pipeline.enqueue(makeSpans(1));
    await backend.answer(0, 'ok');
    pipeline.enqueue(makeSpans(5, 2));
    await nextTurn();
    await backend.answer(failing, AWAY);
    expect(backend.calls).toHaveLength(3);
    await backend.answer(working, 'ok');
    await until(() => backend.calls.length > 3);
    expect(backend.calls.slice(3)).toEqual([backend.calls[failing]]);
    await backend.answer(3, 'ok');
    await backend.answer(4, 'ok');
    expect([...backend.stored].sort()).toEqual(ids(6));
    expect(named('export_retry')).toHaveLength(1);
    expect(pipeline.stats()).toMatchObject({ exported: 6, queuedSpans: 0, queuedBytes: 0, retries: 1 });
  });

  it('keeps batches within the limit of bytes, and sends a larger span alone', async () => {
    const backend = scripted(() => 'ok');
    const spans = [...makeSpans(10), makeSpan({ number: 11, attributes: { long: 'x'.repeat(5000) } }), ...makeSpans(10, 12)];
    const { pipeline } = startPipeline(backend, { maxBatchBytes: 2000 });
    pipeline.enqueue(spans);
    await pipeline.drain(NEVER_MS);
    const size = (call: string[]): number =>
      spans.filter((span) => call.includes(span.spanContext().spanId)).reduce((sum, span) => sum + otlpBytes(span), 0);
    expect(backend.calls).toContainEqual([spanIdOf(11)]);
    expect(backend.calls.filter((call) => call.length > 1 && size(call) > 2000)).toEqual([]);
    expect(backend.stored).toEqual(ids(21));
  });

  it('keeps spans as long as the backend is down, with doubling waits up to the limit', async () => {
    const clock = createTestClock();
    const backend = scripted((_, call) => (call <= 100 ? AWAY : 'ok'));
    const { pipeline, named } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(clock.slept).toHaveLength(100);
    expect(backend.stored).toEqual(ids(3));
    expect(named('export_retry')).toHaveLength(100);
    expect(named('export_recovered')).toEqual([{ exporter: 'backend0', name: 'export_recovered', attempts: 100, downMs: clock.now() }]);
    expect(pipeline.stats()).toMatchObject({ exported: 3, retries: 100 });
  });

  it('reports when the oldest span was queued, for the slowest exporter', async () => {
    const clock = createTestClock();
    const startMs = clock.now();
    const seen: (number | undefined)[] = [];
    const behind = scripted((_, call) => {
      seen.push(pipeline.stats().oldestQueuedAtMs);
      if (call === 3) pipeline.enqueue(makeSpans(1, 600));
      return call <= 3 ? AWAY : 'ok';
    });
    const { pipeline } = startPipeline([behind, scripted(() => 'ok')], { clock });
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    // Waits of 1, 2 and 4 s; the one that came after 3 s is sent after the others.
    expect(seen).toEqual([startMs, startMs, startMs, startMs, startMs + 3000]);
    expect(pipeline.stats().oldestQueuedAtMs).toBeUndefined();
  });

  it('respects Retry-After, up to a limit', async () => {
    const clock = createTestClock();
    const waits = [45_000, 0, 86_400_000];
    const backend = scripted((_, call) => (call <= 3 ? { ...AWAY, retryAfterMs: waits[call - 1] ?? 0 } : 'ok'));
    const { pipeline } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept).toEqual([45_000, 2000, 600_000]);
  });

  it('waits with jitter between half and the whole backoff', async () => {
    const clock: TestClock = { ...createTestClock(), random: () => 0 };
    const { pipeline } = startPipeline(
      scripted((_, call) => (call === 1 ? AWAY : 'ok')),
      { clock },
    );
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept).toEqual([500]);
  });

  it('finds one bad span among 512 in about 2 log2(n) requests, and delivers the rest once', async () => {
    const backend = scripted((spans) => (has(spans, 300) ? BAD : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(512));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([{ id: spanIdOf(300), reason: 'HTTP 400' }]);
    expect(backend.stored).toEqual(ids(512).filter((id) => id !== spanIdOf(300)));
    expect(backend.calls.length).toBeLessThanOrEqual(1 + 2 * 9);
    expect(pipeline.stats()).toMatchObject({ exported: 511, refused: 1, queuedSpans: 0, queuedBytes: 0 });
  });

  it('finds many bad spans', async () => {
    const bad = [1, 2, 77, 256, 257, 511, 512];
    const backend = scripted((spans) => (has(spans, ...bad) ? BAD : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(600));
    await pipeline.drain(NEVER_MS);
    expect(refused.map(({ id }) => id)).toEqual(bad.map(spanIdOf));
    expect(backend.stored).toHaveLength(593);
    expect(backend.calls.length).toBeLessThanOrEqual(2 + 2 * 9 * bad.length);
  });

  it('refuses all spans of a request at once when a partial success rejects all of a batch', async () => {
    const backend = scripted((spans, call) => (call === 1 ? 'ok' : { ...BAD, rejectedSpans: spans.length }));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    pipeline.enqueue(makeSpans(100, 2));
    await pipeline.drain(NEVER_MS);
    expect(backend.calls).toHaveLength(2);
    expect(refused.map(({ id }) => id)).toEqual(ids(100, 2));
  });

  it('splits a batch when a partial success rejects some of its spans', async () => {
    const backend = scripted((spans) => (has(spans, 9) ? { ...BAD, rejectedSpans: 1 } : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(100));
    await pipeline.drain(NEVER_MS);
    expect(refused.map(({ id }) => id)).toEqual([spanIdOf(9)]);
    expect(new Set(backend.stored)).toEqual(new Set(ids(100).filter((id) => id !== spanIdOf(9))));
  });

  it('retries failures during a split', async () => {
    const backend = scripted((spans, call) => {
      if (call === 3 || call === 5) return AWAY;
      return has(spans, 4) ? BAD : 'ok';
    });
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(8));
    await pipeline.drain(NEVER_MS);
    expect(refused.map(({ id }) => id)).toEqual([spanIdOf(4)]);
    expect(backend.stored).toEqual(ids(8).filter((id) => id !== spanIdOf(4)));
  });

  it('splits a request that is too large by size, and remembers the size', async () => {
    const backend = scripted((spans) =>
      spans.reduce((sum, span) => sum + otlpBytes(span), 0) > 150_000 ? { kind: 'too_large', reason: 'HTTP 413' } : 'ok',
    );
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(Array.from({ length: 60 }, (_, index) => makeSpan({ number: index + 1, attributes: { long: 'x'.repeat(20_000) } })));
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual(ids(60));
    expect(refused).toEqual([]);
    const callsBefore = backend.calls.length;
    pipeline.enqueue(Array.from({ length: 60 }, (_, index) => makeSpan({ number: index + 61, attributes: { long: 'x'.repeat(20_000) } })));
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual(ids(120));
    expect(backend.calls.length - callsBefore).toBeLessThanOrEqual(Math.ceil((60 * 20_300) / 64_000) + 5);
  });

  it('refuses a single span that is too large', async () => {
    const backend = scripted((spans) => (has(spans, 2) ? { kind: 'too_large', reason: 'HTTP 413' } : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([{ id: spanIdOf(2), reason: 'HTTP 413' }]);
    expect(backend.stored).toEqual([spanIdOf(1), spanIdOf(3)]);
  });

  it('drops no span because of a wrong configuration, and reports the fix each time', async () => {
    const wrong: FailedOutcome = { kind: 'misconfigured', reason: 'HTTP 401', fix: 'check the credentials' };
    const backend = scripted((_, call) => (call <= 12 ? wrong : 'ok'));
    const { pipeline, named, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(5));
    await pipeline.drain(NEVER_MS);
    expect(named('export_misconfigured')).toHaveLength(12);
    expect(named('export_misconfigured')[0]).toMatchObject({ reason: 'HTTP 401', fix: 'check the credentials', attempt: 1 });
    expect(refused).toEqual([]);
    expect(backend.calls.filter((call) => call.length !== 5)).toEqual([]);
    expect(backend.stored).toEqual(ids(5));
  });
});

describe('an answer that may be about one span or about the backend (HTTP 500)', () => {
  const ILL: FailedOutcome = { kind: 'retry_after', reason: 'HTTP 500', maybeSpans: true };

  it('is about the span when the others are accepted', async () => {
    const backend = scripted((spans) => (has(spans, 33) ? ILL : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(100));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([{ id: spanIdOf(33), reason: 'HTTP 500' }]);
    expect(new Set(backend.stored).size).toBe(99);
  });

  it('is about the backend when nothing is accepted: nothing is lost, and the split is limited', async () => {
    const backend = scripted((_, call) => (call <= 200 ? ILL : 'ok'));
    const clock = createTestClock();
    const { pipeline, refused } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(600));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([]);
    expect(new Set(backend.stored)).toEqual(new Set(ids(600)));
    // At most 20 requests without a wait between them, beside each 5 with one.
    expect(clock.slept.length).toBeGreaterThanOrEqual((200 / 25) * 5 - 5);
  });

  it('is about the backend also when every span of a small batch fails', async () => {
    const backend = scripted((_, call) => (call <= 40 ? ILL : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([]);
    expect(backend.stored).toEqual(ids(3));
  });

  it('keeps a single span until the backend accepts others', async () => {
    const backend = scripted((spans) => (has(spans, 1) ? ILL : 'ok'));
    const clock = createTestClock();
    const { pipeline, refused } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(1));
    await until(() => !(clock.slept.length < 20));
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 1, refused: 0 });
    pipeline.enqueue(makeSpans(3, 2));
    await pipeline.drain(NEVER_MS);
    expect(refused.map(({ id }) => id)).toEqual([spanIdOf(1)]);
    expect(backend.stored).toEqual(ids(3, 2));
  });
});

describe('limits of the export pipeline', () => {
  it('stop the queue at the limit of spans or bytes while the backend is down, and not afterwards', async () => {
    let away = true;
    const backend = scripted(() => (away ? AWAY : 'ok'));
    const { pipeline } = startPipeline(backend, { maxQueuedSpans: 1000 });
    let accepted = 0;
    while (pipeline.hasRoom()) {
      pipeline.enqueue(makeSpans(100, accepted + 1));
      accepted += 100;
    }
    expect(accepted).toBe(1000);
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 1000, exported: 0 });
    const room = pipeline.waitForRoom(new AbortController().signal);
    away = false;
    await room;
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual(ids(1000));

    const bytes = startPipeline(
      scripted(() => AWAY),
      { maxQueuedBytes: 10_000 },
    );
    bytes.pipeline.enqueue([makeSpan({ number: 1, attributes: { long: 'x'.repeat(10_000) } })]);
    expect(bytes.pipeline.hasRoom()).toBe(false);
    await bytes.pipeline.shutdown();
  });

  it('end waitForRoom when its signal aborts', async () => {
    const { pipeline } = startPipeline(
      scripted(() => AWAY),
      { maxQueuedSpans: 1 },
    );
    pipeline.enqueue(makeSpans(1));
    const controller = new AbortController();
    const waiting = pipeline.waitForRoom(controller.signal);
    controller.abort();
    await waiting;
    expect(pipeline.hasRoom()).toBe(false);
    await pipeline.shutdown();
  });
});

describe('the end of the export pipeline', () => {
  it('drains within its time and reports the rest', async () => {
    const clock = createTestClock();
    const { pipeline } = startPipeline(
      scripted(() => AWAY),
      { clock },
    );
    pipeline.enqueue(makeSpans(7));
    clock.hold = true;
    const drained = pipeline.drain(10_000);
    await clock.held((ms) => ms === 10_000);
    clock.fire();
    expect(await drained).toEqual({ undelivered: 7 });
    await pipeline.shutdown();
  });

  it('retries once when it drains, instead of waiting for the backoff', async () => {
    const clock = createTestClock();
    clock.hold = true;
    const backend = scripted((_, call) => (call === 1 ? AWAY : 'ok'));
    const { pipeline } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(2));
    await clock.held((ms) => ms === 1000);
    expect(await pipeline.drain(10_000)).toEqual({ undelivered: 0 });
    await pipeline.shutdown();
  });

  it('respects a Retry-After also when it drains', async () => {
    const clock = createTestClock();
    clock.hold = true;
    const backend = scripted((_, call) => (call === 1 ? { ...AWAY, retryAfterMs: 20_000 } : 'ok'));
    const { pipeline } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(2));
    await clock.held((ms) => ms === 20_000);
    const drained = pipeline.drain(10_000);
    await clock.held((ms) => ms === 10_000);
    await nextTurn();
    await nextTurn();
    expect(backend.calls).toHaveLength(1);
    await pipeline.shutdown();
    expect(await drained).toEqual({ undelivered: 2 });
  });

  it('ends waits and calls at once', async () => {
    const sleeping = createTestClock();
    sleeping.hold = true;
    const first = startPipeline(
      scripted(() => AWAY),
      { clock: sleeping },
    );
    first.pipeline.enqueue(makeSpans(1));
    await sleeping.held((ms) => ms === 1000);
    await first.pipeline.shutdown();
    expect(first.pipeline.stats().queuedSpans).toBe(1);

    const silent: SpanExporter = { export: () => undefined, shutdown: () => Promise.resolve() };
    const second = startPipeline(silent);
    second.pipeline.enqueue(makeSpans(1));
    await nextTurn();
    await second.pipeline.shutdown();
    expect(second.pipeline.stats()).toMatchObject({ queuedSpans: 1, requests: 1 });
  });

  it('does not wait for an exporter whose shutdown never ends', async () => {
    const stuck: SpanExporter = {
      export: (_, callback) => callback({ code: ExportResultCode.SUCCESS }),
      shutdown: () => new Promise(() => undefined),
    };
    const clock = createTestClock();
    const { pipeline } = startPipeline(stuck, { clock });
    await pipeline.shutdown();
    expect(clock.slept).toEqual([5000]);
  });
});
