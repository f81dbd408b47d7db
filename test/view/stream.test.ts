import { describe, expect, it } from 'vitest';
import { DEFAULT_STREAM_LIMITS, Stream, type StreamLimits } from '../../src/view/stream.ts';
import { feed, read, startViewBridge } from './view-bridge.ts';

interface Bench {
  readonly stream: Stream<string>;
  readonly rendered: string[];
  version: number;
  nowMs: number;
  /** Lets one interval pass. */
  tick(): Promise<void>;
}

/** A stream whose time the test controls. */
function createBench(limits: Partial<StreamLimits> = {}, size = 10): Bench {
  const waiting = new Set<() => void>();
  const rendered: string[] = [];
  const bench: Bench = {
    version: 0,
    nowMs: 0,
    rendered,
    stream: new Stream<string>({
      limits: { ...DEFAULT_STREAM_LIMITS, ...limits },
      now: () => bench.nowMs,
      version: () => bench.version,
      sleep: (_ms, signal) =>
        new Promise((resolve) => {
          const done = (): void => {
            waiting.delete(done);
            signal.removeEventListener('abort', done);
            resolve();
          };
          waiting.add(done);
          signal.addEventListener('abort', done);
        }),
      keyOf: (topic) => topic,
      onBug: (error) => {
        throw error;
      },
      render: (topic) => {
        rendered.push(topic);
        return [{ event: topic, data: { text: `line\nbreak${'x'.repeat(size)}` } }];
      },
    }),
    async tick() {
      bench.nowMs += 500;
      for (const done of waiting) done();
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    },
  };
  return bench;
}

async function take(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

function open(bench: Bench, topic: string): ReadableStreamDefaultReader<Uint8Array> {
  const stream = bench.stream.open(topic);
  if (stream === undefined) throw new Error('refused');
  return stream.getReader();
}

describe('the stream', () => {
  it('a reader gets the state at once, then one message an interval, made once for all readers of a topic', async () => {
    const bench = createBench();
    const readers = [open(bench, 'a'), open(bench, 'a'), open(bench, 'b')];
    for (const reader of readers)
      expect([await take(reader), await take(reader)].join('')).toMatch(
        /^retry: 2000\n\nevent: [ab]\ndata: \{"text":"line\\nbreakx+"\}\n\n$/,
      );
    bench.rendered.length = 0;
    for (let change = 0; change < 100; change += 1) bench.version += 1;
    await bench.tick();
    expect(bench.rendered).toEqual(['a', 'b']);
    await bench.tick();
    expect(bench.rendered).toEqual(['a', 'b']);
  });

  it('a quiet stream still sends messages', async () => {
    const bench = createBench();
    open(bench, 'a');
    for (let tick = 0; tick < 9; tick += 1) await bench.tick();
    expect(bench.rendered).toHaveLength(1);
    await bench.tick();
    expect(bench.rendered).toHaveLength(2);
  });

  it('readers up to the limit are accepted, and another when one has left', async () => {
    const bench = createBench({ maxClients: 2 });
    const first = open(bench, 'a');
    open(bench, 'a');
    expect(bench.stream.open('a')).toBeUndefined();
    await first.cancel();
    expect(bench.stream.open('a')).toBeDefined();
    expect(bench.stream.stats()).toEqual({ clients: 2, cut: 0 });
  });

  it('a reader that does not read is disconnected, and no other', async () => {
    const bench = createBench({ maxUnreadBytes: 1000 }, 600);
    const slow = open(bench, 'a');
    const quick = open(bench, 'b');
    for (let tick = 0; tick < 5; tick += 1) {
      const first = tick === 4 ? '' : await take(quick);
      if (first.startsWith('retry')) await take(quick);
      bench.version += 1;
      await bench.tick();
    }
    expect(bench.stream.stats()).toEqual({ clients: 1, cut: 1 });
    await expect(slow.read()).rejects.toThrow('too slow');
    expect(await take(quick)).toContain('event: b');
  });

  it('the stream stops checking without readers, and ends with the bridge', async () => {
    const bench = createBench();
    const reader = open(bench, 'a');
    await reader.cancel();
    bench.version += 1;
    await bench.tick();
    expect(bench.rendered).toHaveLength(1);
    const last = open(bench, 'a');
    await take(last);
    await take(last);
    bench.stream.close();
    expect((await last.read()).done).toBe(true);
    expect(bench.stream.open('a')).toBeUndefined();
  });
});

describe('/api/v1/stream', () => {
  it('the stream sends the overview and one job in full, and ends with the bridge', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, 'features-ray-2.60.0.ndjson');
    const response = await fixture.bridge.app.request('/api/v1/stream?job=01000000');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    await take(reader);
    const events = (await take(reader)).trim().split('\n\n');
    expect(events.map((event) => event.split('\n')[0])).toEqual(['event: overview', 'event: job']);
    const data = events.map((event) => JSON.parse(event.split('\ndata: ')[1] ?? '') as { status?: unknown; job?: { job: string } });
    expect(Object.keys(data[0] ?? {})).toEqual(['status', 'jobs']);
    expect(data[1]?.job?.job).toBe('01000000');
    await fixture.bridge.stop({ timeoutMs: 0 });
    for (let done = false; !done; ) ({ done } = await reader.read());
  });

  it('the stream reports an unknown job as gone', async () => {
    const { bridge } = await startViewBridge();
    const reader = (await bridge.app.request('/api/v1/stream?job=07000000')).body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    await take(reader);
    expect(await take(reader)).toContain('event: gone\ndata: {"code":"job_not_found"');
  });

  it('HEAD opens no stream, and the answer is 503 when too many are open', async () => {
    const { bridge } = await startViewBridge();
    expect((await bridge.app.request('/api/v1/stream', { method: 'HEAD' })).status).toBe(200);
    for (let count = 0; count < DEFAULT_STREAM_LIMITS.maxClients; count += 1)
      expect((await bridge.app.request('/api/v1/stream')).status).toBe(200);
    const { status, headers, body } = await read(bridge.app, '/api/v1/stream');
    expect([status, headers.get('retry-after'), body.error.code]).toEqual([503, '1', 'view_busy']);
  });
});
