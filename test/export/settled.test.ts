import { describe, expect, it } from 'vitest';
import type { OnSettled } from '../../src/export/index.ts';
import { AWAY, BAD, has, ids, scripted, startPipeline } from './pipeline-support.ts';
import { makeSpans, NEVER_MS, spanIdOf, until } from './support.ts';

// What the journal needs to know: who has which span, so that a restart sends nothing twice.

function settledLog(): { readonly log: { exporter: string; ids: string[] }[]; readonly onSettled: OnSettled } {
  const log: { exporter: string; ids: string[] }[] = [];
  return { log, onSettled: (exporter, spans) => log.push({ exporter, ids: spans.map((span) => span.spanContext().spanId) }) };
}

describe('onSettled', () => {
  it('reports the spans of each delivered request together, and not earlier', async () => {
    const { log, onSettled } = settledLog();
    const seen: number[] = [];
    const backend = scripted((_, call) => {
      seen.push(log.length);
      return call === 1 ? AWAY : 'ok';
    });
    const { pipeline } = startPipeline(backend, { onSettled, maxBatchSpans: 4 });
    pipeline.enqueue(makeSpans(10));
    await pipeline.drain(NEVER_MS);
    expect(seen).toEqual([0, 0, 1, 2]);
    expect(log).toEqual([
      { exporter: 'backend0', ids: ids(4) },
      { exporter: 'backend0', ids: ids(4, 5) },
      { exporter: 'backend0', ids: ids(2, 9) },
    ]);
  });

  it('reports a refused span too, after onRefused, and each span once', async () => {
    const { log, onSettled } = settledLog();
    const order: string[] = [];
    const { pipeline } = startPipeline(
      scripted((spans) => (has(spans, 3) ? BAD : 'ok')),
      {
        onRefused: (span) => order.push(`refused ${span.spanContext().spanId}`),
        onSettled: (exporter, spans) => {
          onSettled(exporter, spans);
          for (const span of spans) order.push(`settled ${span.spanContext().spanId}`);
        },
      },
    );
    pipeline.enqueue(makeSpans(8));
    await pipeline.drain(NEVER_MS);
    expect(log.flatMap((entry) => entry.ids).sort()).toEqual(ids(8));
    const refusedAt = order.indexOf(`refused ${spanIdOf(3)}`);
    expect(order[refusedAt + 1]).toBe(`settled ${spanIdOf(3)}`);
  });

  it('names the exporter, and does not wait for other exporters', async () => {
    const { log, onSettled } = settledLog();
    const { pipeline } = startPipeline([scripted(() => AWAY), scripted(() => 'ok')], {
      onSettled,
      maxBackoffMs: NEVER_MS * 2,
      initialBackoffMs: NEVER_MS,
    });
    pipeline.enqueue(makeSpans(2));
    await until(() => log.length > 0);
    expect(log).toEqual([{ exporter: 'backend1', ids: ids(2) }]);
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 2, exported: 0 });
    await pipeline.shutdown();
  });
});

describe('enqueue with isSettled', () => {
  it('skips, for each exporter, the spans that it has', async () => {
    const [first, second] = [scripted(() => 'ok'), scripted(() => 'ok')];
    const { log, onSettled } = settledLog();
    const { pipeline } = startPipeline([first, second], { onSettled });
    const settled = new Set([`backend0 ${spanIdOf(1)}`, `backend1 ${spanIdOf(2)}`, `backend0 ${spanIdOf(3)}`, `backend1 ${spanIdOf(3)}`]);
    pipeline.enqueue(makeSpans(4), (span, exporter) => settled.has(`${exporter} ${span.spanContext().spanId}`));
    // The third has everyone: it is not even queued.
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 3 });
    await pipeline.drain(NEVER_MS);
    expect(first.stored).toEqual([spanIdOf(2), spanIdOf(4)]);
    expect(second.stored).toEqual([spanIdOf(1), spanIdOf(4)]);
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 0, queuedBytes: 0, exported: 3, refused: 0, discarded: 0 });
    expect(log.flatMap((entry) => entry.ids).sort()).toEqual([1, 2, 4, 4].map(spanIdOf));
  });

  it('does nothing when every exporter has every span', async () => {
    const backend = scripted(() => 'ok');
    const { pipeline } = startPipeline(backend);
    pipeline.enqueue(makeSpans(5), () => true);
    expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
    expect(backend.calls).toEqual([]);
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 0, queuedBytes: 0, exported: 0, refused: 0 });
  });
});
