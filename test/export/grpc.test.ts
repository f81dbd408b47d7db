import * as grpc from '@grpc/grpc-js';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';
import { createExporters, createExportPipeline, type ExportEvent, type ExportPipeline, readOtlpSettings } from '../../src/export/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { channelOptions } from '../../src/export/grpc-transport.ts';
import { exportOnce } from '../../src/export/sender.ts';
import {
  bytesField,
  containing,
  createTestClock,
  makeSpans,
  NEVER_MS,
  patient,
  protobufSpans,
  type SinkSpan,
  spanIdOf,
  type TestClock,
  until,
  varintField,
} from './support.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** An Error is a status; bytes are an ExportTraceServiceResponse. */
type Reply = Buffer | 'hang' | { readonly code: grpc.status; readonly details: string; readonly statusDetails?: Buffer };
interface GrpcRequest {
  readonly spans: readonly SinkSpan[];
  readonly metadata: grpc.Metadata;
  readonly body: Buffer;
}
interface GrpcSink {
  readonly port: number;
  readonly requests: GrpcRequest[];
  readonly stored: string[];
}

const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const EMPTY = Buffer.alloc(0);

const asIs = (bytes: Buffer): Buffer => bytes;

async function sink(
  reply: (request: GrpcRequest, index: number) => Reply = () => EMPTY,
  options: grpc.ServerOptions = {},
): Promise<GrpcSink> {
  const requests: GrpcRequest[] = [];
  const stored: string[] = [];
  const server = new grpc.Server(options);
  const method = {
    path: METHOD,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
  const handle: grpc.handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    const request = { spans: protobufSpans(call.request), metadata: call.metadata, body: call.request };
    requests.push(request);
    const answer = reply(request, requests.length - 1);
    if (answer === 'hang') return;
    if (Buffer.isBuffer(answer)) {
      if (answer.length === 0) stored.push(...request.spans.map(({ spanId }) => spanId));
      callback(null, answer);
      return;
    }
    const metadata = new grpc.Metadata();
    if (answer.statusDetails) metadata.set('grpc-status-details-bin', answer.statusDetails);
    callback({ code: answer.code, details: answer.details, metadata });
  };
  server.addService({ export: method }, { export: handle });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  closing.push(() => {
    server.forceShutdown();
    return Promise.resolve();
  });
  return { port, requests, stored };
}

function start(port: number, env: Record<string, string> = {}, clock: TestClock = createTestClock()) {
  const created = createExporters({
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    ...env,
  });
  if (!created.ok) throw new Error(created.problems.join('; '));
  const events: ExportEvent[] = [];
  const refused: string[] = [];
  const pipeline: ExportPipeline = createExportPipeline({
    exporters: created.exporters.map(patient),
    clock,
    onEvent: (event) => events.push(event),
    onRefused: (span) => refused.push(span.spanContext().spanId),
  });
  closing.push(() => pipeline.shutdown());
  return { pipeline, events, refused, clock };
}

const send = (exporter: SpanExporter) => exportOnce(exporter, makeSpans(9), 20_000, systemClock.sleep, new AbortController().signal);
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => spanIdOf(index + 1));

describe('OTLP over gRPC', () => {
  it('delivers spans, with headers and compression', async () => {
    const backend = await sink();
    const { pipeline } = start(backend.port, { OTEL_EXPORTER_OTLP_HEADERS: 'X-Key=a%20b', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' });
    pipeline.enqueue(makeSpans(600));
    expect(await pipeline.drain(NEVER_MS)).toEqual({ undelivered: 0 });
    expect(backend.stored).toEqual(ids(600));
    expect(backend.requests[0]?.metadata.get('x-key')).toEqual(['a b']);
  });

  it('waits as long as RetryInfo of UNAVAILABLE says', async () => {
    const info = bytesField(1, varintField(1, 17));
    const any = Buffer.concat([bytesField(1, 'type.googleapis.com/google.rpc.RetryInfo'), bytesField(2, info)]);
    const statusDetails = Buffer.concat([varintField(1, 14), bytesField(2, 'busy'), bytesField(3, any)]);
    const backend = await sink((_, index) => (index === 0 ? { code: grpc.status.UNAVAILABLE, details: 'busy', statusDetails } : EMPTY));
    const { pipeline, clock } = start(backend.port);
    pipeline.enqueue(makeSpans(3));
    await pipeline.drain(NEVER_MS);
    expect(clock.slept).toEqual([17_000]);
    expect(backend.stored).toEqual(ids(3));
  });

  it('finds the span that causes INVALID_ARGUMENT', async () => {
    const backend = await sink(({ spans }) =>
      spans.some(({ spanId }) => spanId === spanIdOf(77)) ? { code: grpc.status.INVALID_ARGUMENT, details: 'bad' } : EMPTY,
    );
    const { pipeline, refused } = start(backend.port);
    pipeline.enqueue(makeSpans(200));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([spanIdOf(77)]);
    expect(backend.stored).toEqual(ids(200).filter((id) => id !== spanIdOf(77)));
  });

  it('finds the rejected span after a partial success', async () => {
    const rejection = bytesField(1, Buffer.concat([varintField(1, 1), bytesField(2, 'too old')]));
    const backend = await sink(({ spans }) => (spans.some(({ spanId }) => spanId === spanIdOf(3)) ? rejection : EMPTY));
    const { pipeline, refused } = start(backend.port);
    pipeline.enqueue(makeSpans(16));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([spanIdOf(3)]);
    expect(new Set(backend.stored).size).toBe(15);
  });

  it('keeps the spans and reports the fix for UNAUTHENTICATED, UNIMPLEMENTED and PERMISSION_DENIED', async () => {
    const codes = [grpc.status.UNAUTHENTICATED, grpc.status.UNIMPLEMENTED, grpc.status.PERMISSION_DENIED];
    const backend = await sink((_, index) => {
      const code = codes[index];
      return code === undefined ? EMPTY : { code, details: 'no' };
    });
    const { pipeline, events } = start(backend.port);
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(events.filter((event) => event.name === 'export_misconfigured').map((event) => 'reason' in event && event.reason)).toEqual([
      'gRPC UNAUTHENTICATED: no',
      'gRPC UNIMPLEMENTED: no',
      'gRPC PERMISSION_DENIED: no',
    ]);
    expect(backend.stored).toEqual(ids(2));
  });

  it('splits a message above the limit of the server until it fits', async () => {
    const backend = await sink(() => EMPTY, { 'grpc.max_receive_message_length': 30_000 });
    const { pipeline, refused, events } = start(backend.port);
    pipeline.enqueue(makeSpans(400));
    await pipeline.drain(NEVER_MS);
    expect(refused).toEqual([]);
    expect(events.map((event) => event.name)).toContain('export_split');
    expect(backend.stored).toEqual(ids(400));
  });

  it('keeps the spans when nothing listens', async () => {
    const { pipeline, events, clock } = start(1);
    pipeline.enqueue(makeSpans(2));
    await until(() => !(clock.slept.length < 3));
    expect(events[0]).toMatchObject({ name: 'export_retry', reason: containing('gRPC UNAVAILABLE') });
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 2, refused: 0 });
  });

  it('reconnects within 5 s, ignores the proxy rules of grpc-js, and compresses when configured', () => {
    const settings = readOtlpSettings({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }, []);
    expect(channelOptions(settings, grpc)).toEqual({
      'grpc.enable_http_proxy': 0,
      'grpc.primary_user_agent': containing('ray-otel-bridge'),
      'grpc.max_reconnect_backoff_ms': 5000,
      'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    });
  });

  it('ends a call to a hanging backend at the configured timeout', async () => {
    const backend = await sink((_, index) => (index === 0 ? 'hang' : EMPTY));
    const { pipeline, events } = start(backend.port, { OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
    pipeline.enqueue(makeSpans(2));
    await pipeline.drain(NEVER_MS);
    expect(events[0]).toMatchObject({ name: 'export_retry', reason: containing('gRPC DEADLINE_EXCEEDED') });
    expect(backend.stored).toEqual(ids(2));
  });

  it('shuts down during a call', async () => {
    const backend = await sink(() => 'hang');
    const { pipeline } = start(backend.port);
    pipeline.enqueue(makeSpans(1));
    await until(() => !(backend.requests.length === 0));
    await pipeline.shutdown();
    expect(pipeline.stats().queuedSpans).toBe(1);
  });

  it('cancels the call when the exporter shuts down', async () => {
    const backend = await sink(() => 'hang');
    const created = createExporters({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${backend.port}`,
    });
    const [ours] = created.ok ? created.exporters : [];
    if (ours === undefined) throw new Error('no exporter');
    const sent = send(ours.exporter);
    await until(() => backend.requests.length > 0);
    await ours.exporter.shutdown();
    expect(await sent).toMatchObject({ kind: 'retry_after', reason: containing('gRPC CANCELLED') });
  });

  it('sends the same bytes as the exporter of the SDK, which hides a partial success', async () => {
    const rejection = bytesField(1, varintField(1, 2));
    const backend = await sink(() => rejection);
    const stock = new OTLPTraceExporter({ url: `http://127.0.0.1:${backend.port}` });
    const created = createExporters({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${backend.port}`,
    });
    const [ours] = created.ok ? created.exporters : [];
    if (ours === undefined) throw new Error('no exporter');
    expect(await send(stock)).toEqual({ kind: 'delivered' });
    expect(await send(ours.exporter)).toMatchObject({ kind: 'refused', rejectedSpans: 2 });
    const [theirs, own] = backend.requests;
    expect(own?.body.equals(theirs?.body ?? EMPTY)).toBe(true);
    await Promise.all([stock.shutdown(), ours.exporter.shutdown()]);
  });
});
