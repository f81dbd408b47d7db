import { createServer } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/runtime/index.ts';
import {
  createExporters,
  createExportPipeline,
  type ExportEvent,
  type ExportPipeline,
  type ExportPipelineOptions,
} from '../../src/export/index.ts';
import {
  bytesField,
  containing,
  createTestClock,
  makeSpans,
  NEVER_MS,
  OK,
  portOf,
  patient,
  type Sink,
  type SinkReply,
  type SinkRequest,
  spanIdOf,
  startSink,
  until,
  varintField,
} from './support.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function sink(reply?: (request: SinkRequest, index: number) => SinkReply, port?: number): Promise<Sink> {
  const started = await startSink(reply, port);
  closing.push(() => started.close());
  return started;
}

interface Started {
  readonly pipeline: ExportPipeline;
  readonly events: ExportEvent[];
  readonly refused: string[];
}

/** The pipeline exactly as the environment makes it. */
function start(env: Record<string, string>, options: Partial<ExportPipelineOptions> = {}, transportClock?: Clock): Started {
  const created = createExporters(env, transportClock);
  if (!created.ok) throw new Error(created.problems.join('; '));
  const events: ExportEvent[] = [];
  const refused: string[] = [];
  const pipeline = createExportPipeline({
    exporters: created.exporters.map(patient),
    clock: createTestClock(),
    onEvent: (event) => events.push(event),
    onRefused: (span) => refused.push(span.spanContext().spanId),
    ...options,
  });
  closing.push(() => pipeline.shutdown());
  return { pipeline, events, refused };
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => spanIdOf(index + 1));
const names = (events: readonly ExportEvent[]): string[] => events.map((event) => event.name);
const JSON_PROTOCOL = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };

describe.each(['http/protobuf', 'http/json'])('OTLP over %s', (protocol) => {
  const common = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol };

  it('delivers spans that the backend can read', async () => {
    const backend = await sink();
    const { pipeline, events } = start({ ...common, OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(1000));
    expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
    expect([...backend.stored.entries()]).toEqual(ids(1000).map((id) => [id, 1]));
    expect(backend.requests[0]?.path).toBe('/v1/traces');
    expect(backend.requests[0]?.spans[0]?.name).toBe('task 1');
    expect(names(events)).toEqual(['batch_exported']);
  });

  it('compresses requests and sends the headers of both variables', async () => {
    const backend = await sink();
    const { pipeline } = start({
      ...common,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${backend.url}/my/path?tenant=a`,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'X-General=one,authorization=Basic%20general',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'Authorization=Bearer%20a%3Db%2Cc',
    });
    pipeline.enqueue(makeSpans(100));
    await pipeline.drain(NEVER_MS);
    expect(backend.stored.size).toBe(100);
    const [request] = backend.requests;
    expect(request?.path).toBe('/my/path?tenant=a');
    expect(request?.headers).toMatchObject({
      'content-encoding': 'gzip',
      'x-general': 'one',
      authorization: 'Bearer a=b,c',
      'user-agent': expect.stringMatching(/^OTel-OTLP-Exporter-JavaScript\/|ray-otel-bridge/),
    });
    expect(Number(request?.headers['content-length'])).toBeLessThan((request?.body.length ?? 0) / 4);
  });

  it('finds one bad span among 1000, and delivers every other span once', async () => {
    const backend = await sink(({ spans }) =>
      spans.some(({ spanId }) => spanId === spanIdOf(700)) ? { status: 400, body: 'bad span' } : OK,
    );
    const { pipeline, refused, events } = start({ ...common, OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(1000));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([spanIdOf(700)]);
    expect(new Set(backend.stored.values())).toEqual(new Set([1]));
    expect(backend.stored.size).toBe(999);
    expect(backend.requests.length).toBeLessThanOrEqual(1 + 2 * 10);
    expect(events.find((event) => event.name === 'export_refused')).toMatchObject({ reason: 'HTTP 400: bad span', spanId: spanIdOf(700) });
  });

  it('recognizes a partial success, and sends the accepted spans again byte for byte', async () => {
    const rejection =
      protocol === 'http/json'
        ? JSON.stringify({ partialSuccess: { rejectedSpans: '1', errorMessage: 'too old' } })
        : bytesField(1, Buffer.concat([varintField(1, 1), bytesField(2, 'too old')]));
    const type = protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';
    const backend = await sink(({ spans }) =>
      spans.some(({ spanId }) => spanId === spanIdOf(5)) ? { status: 200, headers: { 'content-type': type }, body: rejection } : OK,
    );
    const { pipeline, refused, events } = start({ ...common, OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(64));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([spanIdOf(5)]);
    expect(backend.stored.size).toBe(63);
    const encodings = new Map<string, Set<string>>();
    for (const { spanId, encoded } of backend.requests.flatMap(({ spans }) => spans)) {
      encodings.set(spanId, (encodings.get(spanId) ?? new Set()).add(encoded));
    }
    expect([...encodings.values()].filter((set) => set.size !== 1)).toEqual([]);
    expect(events.find((event) => event.name === 'export_refused')).toMatchObject({ reason: 'partial success, 1 of 1 rejected: too old' });
  });

  it('reports a warning that rejects nothing', async () => {
    const body =
      protocol === 'http/json'
        ? JSON.stringify({ partialSuccess: { errorMessage: 'deprecated attribute' } })
        : bytesField(1, bytesField(2, 'deprecated attribute'));
    const backend = await sink(() => ({ status: 200, body }));
    const { pipeline, events } = start({ ...common, OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(backend.requests).toHaveLength(1);
    expect(events).toContainEqual({ exporter: 'otlp', name: 'export_warning', message: 'deprecated attribute' });
    expect(pipeline.stats().exported).toBe(2);
  });
});

describe('a backend that answers every request in JSON', () => {
  const json = (body: string): SinkReply => ({ status: 200, headers: { 'content-type': 'application/json' }, body });

  it('rejects a span of a protobuf request, with its reason', async () => {
    const rejection = JSON.stringify({ partialSuccess: { rejectedSpans: '1', errorMessage: 'too old' } });
    const backend = await sink(({ spans }) => json(spans.some(({ spanId }) => spanId === spanIdOf(5)) ? rejection : '{}'));
    const { pipeline, refused, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(16));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([spanIdOf(5)]);
    expect(events.find((event) => event.name === 'export_refused')).toMatchObject({ reason: 'partial success, 1 of 1 rejected: too old' });
    expect(names(events)).not.toContain('export_warning');
    expect(pipeline.stats()).toMatchObject({ exported: 15, refused: 1 });
  });

  it.each(['gzip', 'deflate', 'br'] as const)('may compress its answers with %s', async (encoding) => {
    const compress = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[encoding];
    const body = compress('{"partialSuccess":{"errorMessage":"deprecated attribute"}}');
    const backend = await sink(() => ({
      status: 200,
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      body,
    }));
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(events).toContainEqual({ exporter: 'otlp', name: 'export_warning', message: 'deprecated attribute' });
  });

  it('has its answers decompressed up to a limit only', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const backend = await sink(() => ({ status: 200, headers, body: gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')) }));
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(1));
    await until(() => events.length > 0);
    expect(events[0]).toMatchObject({ name: 'export_misconfigured', reason: containing('not OTLP') });
  });
});

describe('failures of OTLP over HTTP', () => {
  it('503 with Retry-After is retried after exactly that time, and nothing is lost', async () => {
    const clock = createTestClock();
    const backend = await sink((_, index) => (index < 2 ? { status: 503, headers: { 'retry-after': '42' } } : OK));
    const { pipeline } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url }, { clock });
    pipeline.enqueue(makeSpans(5));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept).toEqual([42_000, 42_000]);
    expect(backend.requests).toHaveLength(3);
    expect(backend.stored.size).toBe(5);
  });

  it('Retry-After may be a date', async () => {
    const clock = createTestClock();
    const date = new Date(120_000).toUTCString();
    const backend = await sink((_, index) => (index === 0 ? { status: 429, headers: { 'retry-after': date } } : OK));
    const { pipeline } = start(
      { OTEL_EXPORTER_OTLP_ENDPOINT: backend.url, OTEL_EXPORTER_OTLP_TIMEOUT: String(NEVER_MS) },
      { clock },
      clock,
    );
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept).toEqual([120_000]);
  });

  it.each(['Thu, 01 Jan 1970 00:00:00 GMT', 'soon', '-5', '0'])(
    'a Retry-After of %j is ignored in favour of the own backoff',
    async (value) => {
      const clock = createTestClock();
      const backend = await sink((_, index) => (index === 0 ? { status: 503, headers: { 'retry-after': value } } : OK));
      const { pipeline } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url }, { clock });
      pipeline.enqueue(makeSpans(1));
      await pipeline.drain(NEVER_MS);
      expect(clock.slept).toEqual([1000]);
    },
  );

  it('each attempt is exactly one request, without hidden retries', async () => {
    const clock = createTestClock();
    const backend = await sink((_, index) => (index < 7 ? { status: [429, 502, 503, 504][index % 4] ?? 503 } : OK));
    const { pipeline } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url }, { clock });
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(backend.requests).toHaveLength(8);
  });

  it('spans are delivered after the backend has started', async () => {
    const gone = await startSink();
    await gone.close();
    let back: Sink | undefined;
    const clock = createTestClock(async () => {
      if (clock.slept.length === 3) back = await sink(undefined, gone.port);
    });
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url }, { clock });
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    expect(back?.stored.size).toBe(3);
    expect(events.find((event) => event.name === 'export_retry')).toMatchObject({ reason: containing('ECONNREFUSED') });
    expect(names(events).filter((name) => name === 'export_recovered')).toHaveLength(1);
  });

  it('spans are delivered after the cause of a 401 was fixed', async () => {
    const backend = await sink((_, index) => (index < 3 ? { status: 401, body: '{"message":"no such key"}' } : OK));
    const { pipeline, events, refused } = start({ ...JSON_PROTOCOL, OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(4));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([]);
    expect(backend.stored.size).toBe(4);
    expect(events.filter((event) => event.name === 'export_misconfigured')).toMatchObject([
      { reason: 'HTTP 401: no such key', fix: containing('OTEL_EXPORTER_OTLP_HEADERS'), attempt: 1 },
      { attempt: 2 },
      { attempt: 3 },
    ]);
  });

  it('redirects are not followed, because they would receive the credentials', async () => {
    const other = await sink();
    const backend = await sink((_, index) => (index === 0 ? { status: 307, headers: { location: other.url } } : OK));
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=secret' });
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    expect(other.requests).toEqual([]);
    expect(names(events)).toContain('export_misconfigured');
    expect(JSON.stringify(events)).not.toContain('secret');
  });

  it('a web page with status 200 does not count as a delivery', async () => {
    const backend = await sink((_, index) =>
      index === 0 ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' } : OK,
    );
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(names(events)).toEqual(['export_misconfigured', 'batch_exported', 'export_recovered']);
    expect(backend.stored.size).toBe(2);
  });

  it('a request answered 413 is split until it fits', async () => {
    const backend = await sink(({ body }) => (body.length > 20_000 ? { status: 413 } : OK));
    const { pipeline, refused } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(500));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([]);
    expect([...backend.stored.entries()]).toEqual(ids(500).map((id) => [id, 1]));
  });

  it('a request to a hanging backend ends at the configured timeout, and the spans are kept', async () => {
    const backend = await sink((_, index) => (index === 0 ? 'hang' : OK));
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url, OTEL_EXPORTER_OTLP_TIMEOUT: '50' });
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(events[0]).toMatchObject({ name: 'export_retry', reason: 'no answer within 50 ms (OTEL_EXPORTER_OTLP_TIMEOUT)' });
    expect(backend.stored.size).toBe(2);
  });

  it('a shutdown ends a hanging request', async () => {
    const backend = await sink(() => 'hang');
    const { pipeline } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    pipeline.enqueue(makeSpans(2));
    await until(() => !(backend.requests.length === 0));
    await pipeline.shutdown();
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 2, requests: 1 });
  });

  it('an endless answer is read up to a limit', async () => {
    const endless = createServer((request, response) => {
      response.writeHead(400);
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', pour);
      };
      request.resume().on('end', pour);
    });
    await new Promise<void>((resolve) => {
      endless.listen(0, '127.0.0.1', resolve);
    });
    closing.push(async () => void endless.close());
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${portOf(endless)}` });
    pipeline.enqueue(makeSpans(1));
    await until(() => events.length > 0);
    expect(JSON.stringify(events).length).toBeLessThan(2000);
    expect(events[0]).toMatchObject({ name: 'export_misconfigured', reason: containing('HTTP 400: xxx') });
  });

  it('spans are sent again after a truncated answer', async () => {
    let calls = 0;
    const cutting = createServer((request, response) => {
      calls += 1;
      const isFirst = calls === 1;
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': isFirst ? '100' : '0' });
        if (!isFirst) response.end();
        else response.write('half', () => response.destroy());
      });
    });
    await new Promise<void>((resolve) => {
      cutting.listen(0, '127.0.0.1', resolve);
    });
    closing.push(async () => void cutting.close());
    const { pipeline, events } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${portOf(cutting)}` });
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(events).toMatchObject([
      { name: 'export_retry', reason: containing('ECONNRESET') },
      { name: 'batch_exported' },
      { name: 'export_recovered' },
    ]);
  });

  it('a bounded number of spans is queued while the backend is down, and all are delivered afterwards', async () => {
    let away = true;
    const backend = await sink(() => (away ? { status: 503 } : OK));
    const { pipeline } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url }, { maxQueuedSpans: 2000 });
    const spans = makeSpans(10_000);
    let fed = 0;
    const feed = (): void => {
      while (pipeline.hasRoom() && fed < spans.length) {
        pipeline.enqueue(spans.slice(fed, fed + 100));
        fed += 100;
      }
    };
    feed();
    expect(fed).toBe(2000);
    await until(() => !(pipeline.stats().retries < 3));
    expect(pipeline.stats().queuedSpans).toBe(2000);
    away = false;
    while (fed < spans.length) {
      await pipeline.waitForRoom(new AbortController().signal);
      feed();
      expect(pipeline.stats().queuedSpans).toBeLessThan(2100);
    }
    await pipeline.drain(NEVER_MS);
    expect([...backend.stored.entries()]).toEqual(ids(10_000).map((id) => [id, 1]));
  });
});
