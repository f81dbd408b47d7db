import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createExporters, createExportPipeline, type ExportEvent } from '../../src/export/index.ts';
import { makeAuthority } from './certificates.ts';
import { containing, createTestClock, makeSpans, patient, portOf, until } from './support.ts';

// Real servers of each kind, spoken to in the wrong way: every one keeps the spans, and the log
// names the likely mistake.

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const authority = makeAuthority('authority');
const server = authority?.issue('server');

const success: RequestListener = (request, response) => void request.resume().on('end', () => response.end());

async function listening(instance: Server & { closeAllConnections?: () => void }): Promise<number> {
  await new Promise<void>((resolve) => {
    instance.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    instance.closeAllConnections?.();
    instance.close();
  });
  return portOf(instance);
}

const servers: Readonly<Record<string, () => Promise<number>>> = {
  'an HTTP server': () => listening(createHttpServer(success)),
  'an HTTPS server': () => listening(createHttpsServer({ ...server }, success)),
  'a TLS server that asks for a certificate': () =>
    listening(createTlsServer({ ...server, ca: authority?.cert, requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' })),
  'a server that closes each connection': () => listening(createTcpServer((socket) => void socket.once('data', () => socket.destroy()))),
  'an HTTP/2 server with a page': () =>
    listening(
      createSecureServer({ ...server }, (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end('<html>Sign in</html>');
      }),
    ),
  'a gRPC server without OTLP': () => {
    const instance = new grpc.Server();
    closing.push(() => instance.forceShutdown());
    return new Promise((resolve, reject) => {
      instance.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
    });
  },
};

async function firstEvent(protocol: string, scheme: string, port: number): Promise<ExportEvent | undefined> {
  const created = createExporters({
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: `${scheme}://127.0.0.1:${port}`,
    ...(authority === undefined ? {} : { OTEL_EXPORTER_OTLP_CERTIFICATE: authority.certFile }),
  });
  if (!created.ok) throw new Error(created.problems.join('; '));
  const events: ExportEvent[] = [];
  const clock = createTestClock();
  const pipeline = createExportPipeline({ exporters: created.exporters.map(patient), clock, onEvent: (event) => events.push(event) });
  pipeline.enqueue(makeSpans(3));
  await until(() => clock.slept.length >= 3);
  expect(pipeline.stats()).toMatchObject({ queuedSpans: 3, refused: 0, exported: 0 });
  await pipeline.shutdown();
  return events.find(({ name }) => name !== 'export_split');
}

describe.runIf(authority !== undefined)('the wrong protocol (needs openssl)', () => {
  it.each([
    ['http/protobuf', 'https', 'an HTTP server', 'export_misconfigured', 'EPROTO', 'use http:// in'],
    ['http/protobuf', 'http', 'an HTTPS server', 'export_misconfigured', 'ECONNRESET', 'this port speaks TLS'],
    ['http/json', 'http', 'a TLS server that asks for a certificate', 'export_misconfigured', 'ECONNRESET', 'this port speaks TLS'],
    ['http/json', 'http', 'a server that closes each connection', 'export_retry', 'ECONNRESET', 'http:// or https://'],
    ['http/protobuf', 'http', 'a gRPC server without OTLP', 'export_misconfigured', 'HPE_', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    ['http/json', 'https', 'a gRPC server without OTLP', 'export_misconfigured', 'EPROTO', 'use http:// in'],
    ['grpc', 'http', 'an HTTP server', 'export_misconfigured', 'Protocol error', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    ['grpc', 'https', 'an HTTP server', 'export_misconfigured', 'wrong version number', 'use http:// in'],
    ['grpc', 'http', 'an HTTPS server', 'export_misconfigured', 'UNAVAILABLE', 'this port speaks TLS'],
    ['grpc', 'http', 'a TLS server that asks for a certificate', 'export_misconfigured', 'UNAVAILABLE', 'this port speaks TLS'],
    ['grpc', 'http', 'a server that closes each connection', 'export_retry', 'UNAVAILABLE', 'http:// or https://'],
    ['grpc', 'https', 'an HTTPS server', 'export_misconfigured', 'no application protocol', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    ['grpc', 'https', 'a gRPC server without OTLP', 'export_misconfigured', 'wrong version number', 'use http:// in'],
    ['grpc', 'http', 'a gRPC server without OTLP', 'export_misconfigured', 'UNIMPLEMENTED', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    ['grpc', 'https', 'an HTTP/2 server with a page', 'export_misconfigured', 'RESOURCE_EXHAUSTED', 'another service'],
  ])('%s over %s:// to %s', async (protocol, scheme, kind, name, reason, advice) => {
    const port = (await servers[kind]?.()) ?? 0;
    const event = await firstEvent(protocol, scheme, port);
    expect(JSON.stringify(event)).not.toContain('Resolution note');
    expect(event).toMatchObject({ name, reason: containing(reason), [name === 'export_retry' ? 'hint' : 'fix']: containing(advice) });
  });
});

it('a backend that has answered is not probed for TLS when it closes connections', async () => {
  let isIll = false;
  let notHttp = 0;
  const backend = createHttpServer((request, response) => (isIll ? request.socket.destroy() : success(request, response)));
  backend.on('clientError', (_, socket) => {
    notHttp += 1;
    socket.destroy();
  });
  const created = createExporters({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await listening(backend)}` });
  if (!created.ok) throw new Error(created.problems.join('; '));
  const clock = createTestClock();
  const pipeline = createExportPipeline({ exporters: created.exporters.map(patient), clock });
  pipeline.enqueue(makeSpans(1));
  await until(() => pipeline.stats().exported === 1);
  isIll = true;
  pipeline.enqueue(makeSpans(1));
  await until(() => clock.slept.length >= 3);
  expect(notHttp).toBe(0);
  await pipeline.shutdown();
});

describe('gRPC statuses of a backend that accepts nothing', () => {
  const METHOD = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  } as const;

  it.each([
    [grpc.status.INVALID_ARGUMENT, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [grpc.status.ALREADY_EXISTS, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [grpc.status.FAILED_PRECONDITION, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [grpc.status.NOT_FOUND, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [grpc.status.UNAUTHENTICATED, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [grpc.status.PERMISSION_DENIED, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [grpc.status.UNIMPLEMENTED, 'OTEL_EXPORTER_OTLP_PROTOCOL'],
  ])('status %i keeps the spans in the queue', async (code, advice) => {
    const instance = new grpc.Server();
    instance.addService(
      { export: METHOD },
      { export: (_: unknown, callback: grpc.sendUnaryData<Buffer>) => callback({ code, details: 'no' }) },
    );
    const port = await new Promise<number>((resolve, reject) => {
      instance.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    closing.push(() => instance.forceShutdown());
    const event = await firstEvent('grpc', 'http', port);
    expect(event).toMatchObject({ name: 'export_misconfigured', reason: containing('no'), fix: containing(advice) });
  });
});
