import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';
import type { Reloadable } from '../../src/runtime/index.ts';
import { createExporters, createExportPipeline, type ExportEvent } from '../../src/export/index.ts';
import type { FailedOutcome } from '../../src/export/outcome.ts';
import { BAD, has, ids, scripted, startPipeline } from './pipeline-support.ts';
import {
  bytesField,
  containing,
  createTestClock,
  makeSpans,
  NEVER_MS,
  OK,
  patient,
  type Sink,
  type SinkReply,
  spanIdOf,
  startSink,
  until,
  varintField,
} from './support.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const CHANGED: Reloadable = { reload: () => ({ setting: 'certificates', outcome: { ok: true, value: 'other ones' } }) };

const numberOf = (span: ReadableSpan): number => Number.parseInt(span.spanContext().spanId, 16);

/** Lets the pipeline try so often, then looks. */
async function afterRounds(rounds: number, slept: readonly number[]): Promise<void> {
  await until(() => slept.length >= rounds);
}

describe('a backend that has accepted nothing since it was configured', () => {
  const answers: readonly (readonly [string, FailedOutcome])[] = [
    ['HTTP 400', BAD],
    ['HTTP 413 for every request', { kind: 'too_large', reason: 'HTTP 413' }],
    ['a partial success that rejects everything', { kind: 'refused', reason: 'partial success', rejectedSpans: 20_000 }],
    ['HTTP 500', { kind: 'retry_after', reason: 'HTTP 500', maybeSpans: true }],
  ];

  it.each(answers)('loses no span to %s, however long it lasts', async (_, answer) => {
    const clock = createTestClock();
    const backend = scripted(() => answer);
    const { pipeline, refused } = startPipeline(backend, { clock, maxQueuedSpans: 50_000 });
    pipeline.enqueue(makeSpans(10_000));
    await afterRounds(300, clock.slept);
    expect(refused).toEqual([]);
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 10_000, refused: 0, exported: 0 });
    // At most 20 requests to search a batch and 8 probes for each wait: nobody is stormed.
    expect(backend.calls.length).toBeLessThanOrEqual(300 * 10 + 30);
    await pipeline.shutdown();
  });

  it('is reported as misconfigured, with the answer and the likely mistake', async () => {
    const clock = createTestClock();
    const { pipeline, named } = startPipeline(
      scripted(() => BAD),
      { clock },
    );
    pipeline.enqueue(makeSpans(3));
    await afterRounds(2, clock.slept);
    expect(named('export_misconfigured')[0]).toMatchObject({
      reason: 'HTTP 400',
      fix: containing('the backend has accepted no span yet: check host, port, path'),
      attempt: 1,
      delayMs: 1000,
    });
    expect(pipeline.stats().workers[0]).toMatchObject({
      hasAccepted: false,
      problem: { reason: 'HTTP 400', fix: containing('OTEL_EXPORTER_OTLP_ENDPOINT') },
    });
    expect(named('export_recovered')).toEqual([]);
    await pipeline.shutdown();
  });

  it('delivers everything once it is configured correctly', async () => {
    const clock = createTestClock();
    const backend = scripted(() => (clock.slept.length < 10 ? BAD : 'ok'));
    const { pipeline, refused, named } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(9000));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([]);
    expect([...backend.stored].sort()).toEqual(ids(9000));
    expect(named('export_recovered')).toHaveLength(1);
    expect(pipeline.stats().workers[0]).toMatchObject({ hasAccepted: true });
    expect(pipeline.stats().workers[0]).not.toHaveProperty('problem');
  });

  it('sends whole batches again after a wrong HTTP 413 for everything', async () => {
    const clock = createTestClock();
    const backend = scripted(() => (clock.slept.length < 3 ? { kind: 'too_large', reason: 'HTTP 413' } : 'ok'));
    const { pipeline } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(3000));
    await pipeline.drain(NEVER_MS);
    expect(backend.calls.at(-1)).toHaveLength(2999);
  });

  it('refuses the bad spans of the first batch when it accepts another one of them', async () => {
    const backend = scripted((spans) => (has(spans, 1, 2) ? BAD : 'ok'));
    const { pipeline, refused, named } = startPipeline(backend);
    pipeline.enqueue(makeSpans(8));
    await pipeline.drain(NEVER_MS);
    expect(refused.map(({ id }) => id)).toEqual([1, 2].map(spanIdOf));
    expect(backend.stored).toEqual(ids(6, 3));
    expect(named('export_misconfigured')).toEqual([]);
  });

  it('keeps a single bad span, and refuses it when the backend accepts the next span', async () => {
    const clock = createTestClock();
    const backend = scripted((spans) => (has(spans, 1) ? BAD : 'ok'));
    const { pipeline, refused } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(1));
    await afterRounds(5, clock.slept);
    expect(refused).toEqual([]);
    expect(backend.calls.length).toBeLessThanOrEqual(7);
    pipeline.enqueue(makeSpans(1, 2));
    await pipeline.drain(NEVER_MS);
    expect(refused.map(({ id }) => id)).toEqual([spanIdOf(1)]);
    expect(backend.stored).toEqual([spanIdOf(2)]);
  });

  it.each([
    ['HTTP 400', BAD],
    ['HTTP 500', { kind: 'retry_after', reason: 'HTTP 500', maybeSpans: true } as const],
  ])('finds a good span behind 2,000 bad ones (%s), so that they do not block it', async (_, answer) => {
    const backend = scripted((spans) => (spans.some((span) => numberOf(span) <= 2000) ? answer : 'ok'));
    const { pipeline, refused } = startPipeline(backend, { maxBatchSpans: 500 });
    pipeline.enqueue(makeSpans(4000));
    await until(() => backend.stored.length === 2000);
    expect(refused.every(({ id }) => Number.parseInt(id, 16) <= 2000)).toBe(true);
    expect([...backend.stored].sort()).toEqual(ids(2000, 2001));
    await pipeline.shutdown();
  });
});

describe('bad spans at the head of the queue that make a backend answer HTTP 500', () => {
  const ILL: FailedOutcome = { kind: 'retry_after', reason: 'HTTP 500', maybeSpans: true };

  it.each([
    ['fill a batch that is searched to its end', 3, 3],
    ['are more than a search of their batch reaches', 60, 8192],
  ])('do not block later spans when they %s', async (_, bad, maxBatchSpans) => {
    const backend = scripted((spans) => (spans.some((span) => numberOf(span) <= bad) ? ILL : 'ok'));
    const { pipeline, refused } = startPipeline(backend, { maxBatchSpans });
    pipeline.enqueue(makeSpans(400));
    await until(() => backend.stored.length === 400 - bad);
    await until(() => refused.length > 0);
    expect([...backend.stored].sort()).toEqual(ids(400 - bad, bad + 1));
    expect(refused.every(({ id }) => Number.parseInt(id, 16) <= bad)).toBe(true);
    await pipeline.shutdown();
  });
});

describe('a backend that has accepted spans', () => {
  it('refuses a single bad span', async () => {
    const backend = scripted((spans) => (has(spans, 2) ? BAD : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    for (const number of [1, 2, 3]) {
      pipeline.enqueue(makeSpans(1, number));
      await pipeline.drain(NEVER_MS);
    }
    expect(refused).toEqual([{ id: spanIdOf(2), reason: 'HTTP 400' }]);
    expect(backend.stored).toEqual([1, 3].map(spanIdOf));
  });

  it.each<[string, (spans: readonly ReadableSpan[]) => FailedOutcome]>([
    ['HTTP 400', () => BAD],
    ['HTTP 413', () => ({ kind: 'too_large', reason: 'HTTP 413' })],
    ['a partial success that rejects everything', (spans) => ({ ...BAD, rejectedSpans: spans.length })],
  ])('and then answers everything with %s counts as misconfigured after 100 spans', async (_, answer) => {
    const clock = createTestClock();
    const backend = scripted((spans, call) => (call === 1 ? 'ok' : answer(spans)));
    const { pipeline, refused, named } = startPipeline(backend, { clock, maxQueuedSpans: 50_000 });
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    pipeline.enqueue(makeSpans(12_000, 2));
    await afterRounds(50, clock.slept);
    expect(refused).toHaveLength(100);
    expect(pipeline.stats().queuedSpans).toBe(11_900);
    expect(named('export_misconfigured')[0]).toMatchObject({ fix: containing('the backend refuses one span after another') });
    expect(pipeline.stats().workers[0]).toMatchObject({ hasAccepted: true, problem: {} });
    await pipeline.shutdown();
  });

  it('may refuse 100 more spans for each one that it accepts', async () => {
    const backend = scripted((spans) => (spans.some((span) => numberOf(span) < 1000) ? BAD : 'ok'));
    const { pipeline, refused } = startPipeline(backend);
    pipeline.enqueue(makeSpans(1, 1000));
    await pipeline.drain(NEVER_MS);
    pipeline.enqueue(makeSpans(250));
    for (const [good, total] of [
      [1001, 200],
      [1002, 250],
    ] as const) {
      await until(() => pipeline.stats().workers[0]?.problem !== undefined);
      expect(refused).toHaveLength(total === 200 ? 100 : 200);
      pipeline.enqueue(makeSpans(1, good));
      await until(() => refused.length === total);
    }
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 0, exported: 3, refused: 250 });
  });

  it('and fails while a batch is split loses no span', async () => {
    const clock = createTestClock();
    const DEAD: FailedOutcome = { kind: 'retry_after', reason: 'HTTP 500', maybeSpans: true };
    // Five times ill, well for one part of the batch, then ill for long.
    const backend = scripted((_, call) => (call === 6 || call > 400 ? 'ok' : DEAD));
    const { pipeline, refused } = startPipeline(backend, { clock });
    pipeline.enqueue(makeSpans(4000));
    await pipeline.drain(NEVER_MS);
    expect(refused.length).toBeLessThanOrEqual(20);
  });

  it('has to accept a span again after the certificates changed', async () => {
    const clock = createTestClock();
    const backend = scripted((_, call) => (call === 1 ? 'ok' : BAD));
    const { pipeline, refused } = startPipeline([], { clock, exporters: [{ name: 'backend0', exporter: backend, files: [CHANGED] }] });
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    for (const file of pipeline.files) file.reload();
    expect(pipeline.stats().workers[0]).toMatchObject({ hasAccepted: false });
    pipeline.enqueue(makeSpans(5, 2));
    await afterRounds(3, clock.slept);
    expect(refused).toEqual([]);
    await pipeline.shutdown();
  });

  it('receives a retry at once when the certificates changed', async () => {
    const clock = createTestClock();
    clock.hold = true;
    const backend = scripted((_, call) => (call === 1 ? { kind: 'misconfigured', reason: 'HTTP 403', fix: 'certificate' } : 'ok'));
    const { pipeline } = startPipeline([], { clock, exporters: [{ name: 'backend0', exporter: backend, files: [CHANGED] }] });
    pipeline.enqueue(makeSpans(1));
    await clock.held((ms) => ms === 1000);
    expect(pipeline.files.map((file) => file.reload()?.setting)).toEqual(['certificates']);
    await until(() => backend.stored.length === 1);
    await pipeline.shutdown();
  });
});

it('a caller that keeps refused spans may treat every refusal as final', async () => {
  const { pipeline, refused } = startPipeline(
    scripted(() => BAD),
    { believesRefusals: true },
  );
  pipeline.enqueue(makeSpans(300));
  expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
  expect(refused).toHaveLength(300);
});

interface Tried {
  readonly events: ExportEvent[];
  readonly refused: string[];
  readonly queued: () => number;
}

/** Sends spans by the environment until the exporter has waited a few times. */
async function tryFor(env: Record<string, string>, rounds = 3): Promise<Tried> {
  const created = createExporters(env);
  if (!created.ok) throw new Error(created.problems.join('; '));
  const events: ExportEvent[] = [];
  const refused: string[] = [];
  const clock = createTestClock();
  const pipeline = createExportPipeline({
    exporters: created.exporters.map(patient),
    clock,
    onEvent: (event) => events.push(event),
    onRefused: (span) => refused.push(span.spanContext().spanId),
  });
  closing.push(() => pipeline.shutdown());
  pipeline.enqueue(makeSpans(20));
  await until(() => clock.slept.length >= rounds || pipeline.stats().queuedSpans === 0);
  return { events, refused, queued: () => pipeline.stats().queuedSpans };
}

async function sink(reply: SinkReply): Promise<Sink> {
  const started = await startSink(() => reply);
  closing.push(() => started.close());
  return started;
}

const html = { 'content-type': 'text/html; charset=utf-8' };
const json = { 'content-type': 'application/json' };
const plain = { 'content-type': 'text/plain' };
const protobuf = { 'content-type': 'application/x-protobuf' };
const REJECTS_ALL = bytesField(1, Buffer.concat([varintField(1, 20), bytesField(2, 'no tenant')]));
const NGINX =
  '<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n<center>nginx</center></body></html>';

describe.each(['http/protobuf', 'http/json'])('a wrong address over %s keeps the spans and names the mistake', (protocol) => {
  it.each<[string, SinkReply, string, string]>([
    [
      'plain HTTP to a TLS port of a Go server',
      { status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' },
      'HTTP 400: Client sent an HTTP request to an HTTPS server.',
      'https://',
    ],
    [
      'plain HTTP to a TLS port of nginx',
      { status: 400, headers: html, body: NGINX },
      'plain HTTP request was sent to HTTPS port',
      'https://',
    ],
    [
      'plain HTTP to a TLS port of Apache',
      { status: 400, headers: html, body: "<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.</p>" },
      'speaking plain HTTP',
      'https://',
    ],
    [
      'plain HTTP to a TLS port of Tomcat',
      { status: 400, headers: plain, body: 'Bad Request\r\nThis combination of host and port requires TLS.\r\n' },
      'requires TLS',
      'https://',
    ],
    [
      '400 for everything',
      { status: 400, headers: json, body: '{"message":"bad tenant"}' },
      'HTTP 400: bad tenant',
      'check host, port, path',
    ],
    ['422 for everything', { status: 422, body: 'unprocessable' }, 'HTTP 422: unprocessable', 'check host, port, path'],
    ['409 for everything', { status: 409 }, 'HTTP 409', 'check host, port, path'],
    ['413 for everything', { status: 413 }, 'HTTP 413', 'raise the maximum request size'],
    ['404', { status: 404 }, 'HTTP 404', 'check the path and port'],
    ['405', { status: 405 }, 'HTTP 405', 'check the path and port'],
    ['501', { status: 501 }, 'HTTP 501', 'check the path and port'],
    ['a redirect to a log-in page', { status: 302, headers: { location: 'https://sso.example/login' } }, 'HTTP 302', 'redirects'],
    ['401', { status: 401 }, 'HTTP 401', 'OTEL_EXPORTER_OTLP_HEADERS'],
    ['403', { status: 403 }, 'HTTP 403', 'OTEL_EXPORTER_OTLP_HEADERS'],
    [
      'a partial success that rejects everything',
      { status: 200, headers: protobuf, body: REJECTS_ALL },
      'rejected: no tenant',
      'limits of the backend',
    ],
    ['a page with 200', { status: 200, headers: html, body: '<html><title>Sign in</title><form>' }, 'not OTLP: Sign in', 'another service'],
    ['a page with 200 of no type', { status: 200, body: '<!DOCTYPE html><h1>It works!</h1>' }, 'not OTLP: It works!', 'another service'],
    ['plain text with 200', { status: 200, headers: plain, body: 'OK' }, 'HTTP 200, but the answer is not OTLP: OK', 'another service'],
    ['an echo with 200', { status: 200, headers: json, body: '{"args":{},"data":"x"}' }, 'not OTLP: {"args"', 'another service'],
    ['a JSON list with 200', { status: 200, headers: json, body: '[]' }, 'not OTLP: []', 'another service'],
    ['a JSON text with 201', { status: 201, headers: json, body: '"created"' }, 'HTTP 201, but the answer is not OTLP', 'another service'],
    [
      'text as protobuf with 200',
      { status: 200, headers: protobuf, body: 'welcome' },
      'HTTP 200, but the answer is not OTLP',
      'another service',
    ],
  ])('%s', async (_, reply, reason, fix) => {
    const backend = await sink(reply);
    const { events, refused, queued } = await tryFor({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    expect(refused).toEqual([]);
    expect(queued()).toBe(20);
    expect(events.find(({ name }) => name !== 'export_split')).toMatchObject({
      name: 'export_misconfigured',
      reason: containing(reason),
      fix: containing(fix),
    });
  });

  it.each<[string, SinkReply]>([
    ['nothing', OK],
    ['nothing, as a page', { status: 200, headers: html, body: '' }],
    ['nothing, as JSON', { status: 202, headers: json, body: '' }],
    ['204', { status: 204 }],
    ['a line feed', { status: 200, headers: protobuf, body: '\n' }],
    ['an empty object', { status: 200, headers: json, body: '{}' }],
    ['an empty object of no type', { status: 200, body: ' {} ' }],
    ['no partial success', { status: 200, headers: json, body: '{"partialSuccess":null}' }],
    ['an empty partial success, as the .proto file spells it', { status: 200, headers: json, body: '{"partial_success":{}}' }],
    ['an empty partial success in protobuf', { status: 200, headers: protobuf, body: Buffer.from([0x0a, 0]) }],
    ['a field of a later release in protobuf', { status: 200, headers: protobuf, body: bytesField(9, 'later') }],
  ])('an answer with %s is a plain success', async (_, reply) => {
    const backend = await sink(reply);
    const { events, queued } = await tryFor({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    expect(queued()).toBe(0);
    expect(events.map(({ name }) => name)).toEqual(['batch_exported']);
  });
});
