import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createExporters } from '../../src/export/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { exportOnce } from '../../src/export/sender.ts';
import { makeSpans, type Sink, type SinkReply, startSink } from './support.ts';

// Why the bridge has OTLP exporters of its own, and the proof that a backend cannot distinguish
// them from the SDK's.

const sinks: Sink[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(sinks.splice(0).map((sink) => sink.close()));
});

async function started(reply?: () => SinkReply): Promise<Sink> {
  const sink = await startSink(reply);
  sinks.push(sink);
  return sink;
}

const send = (exporter: SpanExporter) => exportOnce(exporter, makeSpans(20), 20_000, systemClock.sleep, new AbortController().signal);

const cases: readonly (readonly [string, () => SpanExporter, Record<string, string>])[] = [
  ['http/protobuf', () => new ProtobufExporter(), { OTEL_EXPORTER_OTLP_HEADERS: 'x-a=1,x-b=two%20words' }],
  ['http/json', () => new JsonExporter(), { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip', OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-a=2' }],
];

describe.each(cases)('compared with the exporter of the SDK: %s', (protocol, makeStock, variables) => {
  it('the bridge sends the same request for the same variables', async () => {
    const sink = await started();
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_ENDPOINT: `${sink.url}/prefix`, ...variables };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const stock = makeStock();
    await send(stock);
    const created = createExporters(env);
    const [ours] = created.ok ? created.exporters : [];
    if (ours === undefined) throw new Error('no exporter');
    await send(ours.exporter);
    const [theirs, own] = sink.requests;
    expect(own?.path).toBe('/prefix/v1/traces');
    expect(own?.path).toBe(theirs?.path);
    expect(own?.body.equals(theirs?.body ?? Buffer.alloc(0))).toBe(true);
    const named = ['content-type', 'content-encoding', 'x-a', 'x-b'];
    expect(named.map((name) => own?.headers[name])).toEqual(named.map((name) => theirs?.headers[name]));
    await Promise.all([stock.shutdown(), ours.exporter.shutdown()]);
  });

  it('the bridge keeps what the SDK exporter loses: Retry-After and partial success', async () => {
    const env = (sink: Sink) => ({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_ENDPOINT: sink.url });
    const outcomes = async (sink: Sink) => {
      for (const [name, value] of Object.entries(env(sink))) vi.stubEnv(name, value);
      const created = createExporters(env(sink));
      const [ours] = created.ok ? created.exporters : [];
      if (ours === undefined) throw new Error('no exporter');
      return { stock: await send(makeStock()), ours: await send(ours.exporter) };
    };
    const busy = await outcomes(await started(() => ({ status: 503, headers: { 'retry-after': '3600' } })));
    expect(busy.stock).not.toHaveProperty('retryAfterMs');
    expect(busy.ours).toMatchObject({ kind: 'retry_after', retryAfterMs: 3_600_000 });

    const body = protocol === 'http/json' ? '{"partialSuccess":{"rejectedSpans":3}}' : Buffer.from([0x0a, 2, 0x08, 3]);
    const partial = await outcomes(await started(() => ({ status: 200, body })));
    expect(partial.stock).toEqual({ kind: 'delivered' });
    expect(partial.ours).toMatchObject({ kind: 'refused', rejectedSpans: 3 });
  });
});
