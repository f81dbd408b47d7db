import { describe, expect, it } from 'vitest';
import type { StoredSpans } from '../../src/journal/index.ts';
import { createSpanRestorer, storableSpans } from '../../src/otlp/index.ts';
import { createTestOutbox } from '../support/outbox.ts';
import { AWAY, BAD, has, ids, scripted, startPipeline } from './pipeline-support.ts';
import { makeSpans, nextTurn, NEVER_MS, until } from './support.ts';

// Span number n of the sequence has the id n + 1.

const SMALL = { maxQueuedSpans: 4, maxBatchSpans: 2 };

/** What a previous process stored: `count` spans from number `first` on. */
function storedSpans(first: number, count: number): StoredSpans {
  return { first, count, atMs: 0, bytes: storableSpans(makeSpans(count, first + 1)) };
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await nextTurn();
}

describe('spans that memory does not hold', () => {
  it('wait in the outbox, and leave in order and once when the backend is back', async () => {
    const outbox = createTestOutbox();
    let isAway = true;
    const backend = scripted(() => (isAway ? AWAY : 'ok'));
    const { pipeline } = startPipeline(backend, { ...SMALL, outbox });
    for (let from = 1; from <= 2_000; from += 10) {
      expect(pipeline.hasRoom()).toBe(true);
      pipeline.enqueue(makeSpans(10, from));
    }
    await settled();
    expect(outbox.calls).toEqual(['add 4-516', 'add 516-1028', 'add 1028-1540']);
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 2_000 });
    expect(pipeline.stats().workers[0]?.queuedSpans).toBe(4);
    isAway = false;
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual(ids(2_000));
    expect([outbox.numbers.get('backend0'), outbox.stored]).toEqual([2_000, []]);
  });

  it('are not written while the exporter keeps up', async () => {
    const outbox = createTestOutbox();
    const { pipeline } = startPipeline(
      scripted(() => 'ok'),
      { ...SMALL, outbox },
    );
    for (let from = 1; from <= 100; from += 4) {
      pipeline.enqueue(makeSpans(4, from));
      await pipeline.drain(NEVER_MS);
    }
    expect(outbox.calls.filter((call) => call.startsWith('add'))).toEqual([]);
    expect(outbox.numbers.get('backend0')).toBe(100);
  });

  it('delay no exporter that keeps up', async () => {
    const outbox = createTestOutbox();
    let isAway = true;
    const [slow, fast] = [scripted(() => (isAway ? AWAY : 'ok')), scripted(() => 'ok')];
    const { pipeline } = startPipeline([slow, fast], { ...SMALL, outbox });
    for (let from = 1; from <= 1_200; from += 3) {
      pipeline.enqueue(makeSpans(3, from));
      await until(() => fast.stored.length === from + 2);
    }
    expect(fast.stored).toEqual(ids(1_200));
    expect(slow.stored).toEqual([]);
    expect([outbox.numbers.get('backend0'), outbox.numbers.get('backend1')]).toEqual([undefined, 1_200]);
    isAway = false;
    await pipeline.drain(NEVER_MS);
    expect(slow.stored).toEqual(ids(1_200));
    expect(fast.stored).toEqual(ids(1_200));
    expect(outbox.stored).toEqual([]);
  });

  it('stop the pump when the outbox is full too, until there is room', async () => {
    const outbox = createTestOutbox();
    outbox.room = false;
    let isAway = true;
    const { pipeline } = startPipeline(
      scripted(() => (isAway ? AWAY : 'ok')),
      { ...SMALL, outbox },
    );
    pipeline.enqueue(makeSpans(4));
    expect(pipeline.hasRoom()).toBe(false);
    isAway = false;
    await pipeline.waitForRoom(new AbortController().signal);
    expect(pipeline.hasRoom()).toBe(true);
  });

  it('are looked for room again every second, because space on the disk may return', async () => {
    const outbox = createTestOutbox();
    outbox.room = false;
    const { pipeline } = startPipeline(
      scripted(() => AWAY),
      { ...SMALL, outbox, initialBackoffMs: NEVER_MS, maxBackoffMs: NEVER_MS },
    );
    pipeline.enqueue(makeSpans(4));
    const waiting = pipeline.waitForRoom(new AbortController().signal);
    await settled();
    outbox.room = true;
    await waiting;
    expect(pipeline.hasRoom()).toBe(true);
    await pipeline.shutdown();
  });
});

describe('the number up to which everything is settled', () => {
  it('passes over a refused span, and waits for one that is still tried', async () => {
    const outbox = createTestOutbox();
    const { pipeline, refused } = startPipeline(
      scripted((spans) => (has(spans, 3) ? BAD : 'ok')),
      { outbox },
    );
    pipeline.enqueue(makeSpans(8));
    await pipeline.drain(NEVER_MS);
    expect(refused.map(({ id }) => id)).toEqual(ids(1, 3));
    expect(outbox.numbers.get('backend0')).toBe(8);
    // Never above a span that could still be lost.
    expect(outbox.calls.map((call) => Number(call.split(' ')[1]))).toEqual(
      outbox.calls.map((call) => Number(call.split(' ')[1])).sort((a, b) => a - b),
    );
  });

  it('is where the next process continues: numbers below it are not sent again', async () => {
    const backend = scripted(() => 'ok');
    const outbox = createTestOutbox({ spans: 4, outputs: 4 }, { backend0: 7 });
    const { pipeline } = startPipeline(backend, { outbox });
    pipeline.enqueue(makeSpans(6, 5));
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual(ids(3, 8));
    expect(pipeline.nextNumber()).toBe(10);
  });

  it('may lie before the checkpoint: the outbox has those spans', async () => {
    const backend = scripted(() => 'ok');
    const outbox = createTestOutbox({ spans: 40, outputs: 40 }, { backend0: 13 }, [storedSpans(10, 10), storedSpans(20, 20)]);
    const { pipeline } = startPipeline(backend, { ...SMALL, outbox });
    pipeline.enqueue(makeSpans(5, 41));
    expect(pipeline.stats().queuedSpans).toBe(32);
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual(ids(32, 14));
    expect(outbox.stored).toEqual([]);
  });

  it('starts at the oldest stored span for an exporter that is new', async () => {
    const [known, added] = [scripted(() => 'ok'), scripted(() => 'ok')];
    const outbox = createTestOutbox({ spans: 20, outputs: 20 }, { backend0: 15 }, [storedSpans(10, 10)]);
    const { pipeline } = startPipeline([known, added], { outbox });
    await pipeline.drain(NEVER_MS);
    expect([known.stored, added.stored]).toEqual([ids(5, 16), ids(10, 11)]);
  });

  it('counts no further when the sequence may be another one: spans are then sent again', async () => {
    const backend = scripted(() => 'ok');
    const outbox = createTestOutbox({ spans: 0, outputs: 0 }, { backend0: 7 });
    const { pipeline } = startPipeline(backend, { outbox });
    pipeline.enqueue(makeSpans(2));
    pipeline.forgetPrevious();
    expect(outbox.numbers.get('backend0')).toBe(2);
    pipeline.enqueue(makeSpans(3, 3));
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual(ids(3, 3));
  });

  it('passes over spans that were lost with a damaged part of the store', async () => {
    const backend = scripted(() => 'ok');
    const outbox = createTestOutbox({ spans: 30, outputs: 30 }, { backend0: 0 }, [storedSpans(0, 5), storedSpans(20, 5)]);
    const { pipeline } = startPipeline(backend, { ...SMALL, outbox });
    pipeline.enqueue(makeSpans(2, 31));
    await pipeline.drain(NEVER_MS);
    expect(backend.stored).toEqual([...ids(5), ...ids(5, 21), ...ids(2, 31)]);
    expect(outbox.numbers.get('backend0')).toBe(32);
  });
});

describe('a checkpoint', () => {
  it('finds every undelivered span in the outbox, each stored once', async () => {
    const outbox = createTestOutbox();
    const { pipeline } = startPipeline(
      scripted(() => AWAY),
      { ...SMALL, outbox, initialBackoffMs: NEVER_MS, maxBackoffMs: NEVER_MS },
    );
    pipeline.enqueue(makeSpans(10));
    await pipeline.store(async () => {});
    expect(outbox.calls).toEqual(['add 4-10', 'add 0-4']);
    pipeline.enqueue(makeSpans(3, 11));
    await pipeline.store(async () => {});
    await pipeline.store(async () => {});
    expect(outbox.calls).toEqual(['add 4-10', 'add 0-4', 'add 10-13']);
    const restore = createSpanRestorer();
    expect(outbox.stored.flatMap(({ bytes }) => restore(bytes).map((span) => span.spanContext().spanId))).toEqual(ids(13));
    await pipeline.shutdown();
  });

  it('writes nothing when everything is delivered', async () => {
    const outbox = createTestOutbox();
    const { pipeline } = startPipeline(
      scripted(() => 'ok'),
      { ...SMALL, outbox },
    );
    pipeline.enqueue(makeSpans(4));
    await pipeline.drain(NEVER_MS);
    await pipeline.store(async () => {});
    expect(outbox.calls.filter((call) => call.startsWith('add'))).toEqual([]);
  });
});
