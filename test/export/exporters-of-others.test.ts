import { ExportResultCode } from '@opentelemetry/core';
import { InMemorySpanExporter, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { AWAY, BAD, has, ids, scripted, startPipeline } from './pipeline-support.ts';
import { createTestClock, makeSpans, NEVER_MS, until } from './support.ts';

describe('an exporter of another library', () => {
  it('can be the in-memory exporter', async () => {
    const memory = new InMemorySpanExporter();
    const { pipeline } = startPipeline(memory);
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    expect(memory.getFinishedSpans().map((span) => span.spanContext().spanId)).toEqual(ids(3));
  });

  const manners: Record<string, (callback: Parameters<SpanExporter['export']>[1], call: number) => unknown> = {
    'throws at first': (callback, call) => {
      if (call === 1) throw new Error('no');
      callback({ code: ExportResultCode.SUCCESS });
    },
    'rejects at first': async (callback, call) => {
      if (call === 1) throw new Error('no');
      callback({ code: ExportResultCode.SUCCESS });
    },
    'answers twice': (callback, call) => {
      callback({ code: call === 1 ? ExportResultCode.FAILED : ExportResultCode.SUCCESS });
      callback({ code: ExportResultCode.SUCCESS });
      setImmediate(() => callback({ code: ExportResultCode.SUCCESS }));
    },
    'answers nothing at first, later on too late': (callback, call) => {
      if (call === 1) setImmediate(() => callback({ code: ExportResultCode.FAILED }));
      else callback({ code: ExportResultCode.SUCCESS });
    },
  };

  it.each(Object.entries(manners))('may misbehave: %s', async (_, manner) => {
    let call = 0;
    const rude: SpanExporter = {
      export: (_spans, callback): unknown => manner(callback, ++call),
      shutdown: () => Promise.resolve(),
    };
    const { pipeline, refused } = startPipeline(rude);
    pipeline.enqueue(makeSpans(3));
    expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
    expect(refused).toEqual([]);
    expect(pipeline.stats()).toMatchObject({ exported: 3, retries: 1, requests: 2 });
  });

  it('may never answer, because each call has a time limit', async () => {
    const clock = createTestClock();
    let call = 0;
    const silent: SpanExporter = {
      export: (_, callback) => {
        call += 1;
        if (call > 1) callback({ code: ExportResultCode.SUCCESS });
      },
      shutdown: () => Promise.resolve(),
    };
    const { pipeline, named } = startPipeline(silent, { clock, exportTimeoutMs: 30_000 });
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept.slice(0, 2)).toEqual([30_000, 1000]);
    expect(named('export_retry')).toMatchObject([{ reason: 'the exporter did not answer within 30000 ms' }]);
    expect(pipeline.stats().exported).toBe(2);
  });
});

describe('several exporters', () => {
  it('work independently on one shared queue, and a span leaves it when all have it', async () => {
    let away = true;
    const well = scripted(() => 'ok');
    const ill = scripted(() => (away ? AWAY : 'ok'));
    const { pipeline } = startPipeline([well, ill], { maxQueuedSpans: 600 });
    pipeline.enqueue(makeSpans(600));
    await until(() => !(well.stored.length < 600));
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 600, exported: 0 });
    expect(pipeline.hasRoom()).toBe(false);
    expect(pipeline.stats().workers.map((worker) => worker.queuedSpans)).toEqual([0, 600]);
    away = false;
    expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
    expect(ill.stored).toEqual(ids(600));
    expect(pipeline.stats()).toMatchObject({ exported: 600, queuedBytes: 0 });
  });

  it('count a span as refused when one of them refuses it', async () => {
    const { pipeline } = startPipeline([scripted(() => 'ok'), scripted((spans) => (has(spans, 2) ? BAD : 'ok'))]);
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    expect(pipeline.stats()).toMatchObject({ exported: 2, refused: 1 });
  });

  it('may be an empty list: spans are counted and dropped', async () => {
    const { pipeline } = startPipeline([]);
    pipeline.enqueue(makeSpans(3));
    expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
    expect(pipeline.stats()).toMatchObject({ discarded: 3, queuedSpans: 0, exported: 0 });
  });
});
