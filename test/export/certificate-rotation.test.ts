import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createExporters, createExportPipeline, type ExportEvent, type NamedExporter } from '../../src/export/index.ts';
import { type Clock, systemClock } from '../../src/runtime/index.ts';
import { createBackend, createTestBridge, HOURS_MS, postTo, recordedBodies, until as untilLater } from '../bridge/bridge-fixture.ts';
import { type Authority, type Issued, makeAuthority } from './certificates.ts';
import { createTestClock, makeSpans, NEVER_MS, patient, portOf, until } from './support.ts';

const authority = makeAuthority('authority');
const other = makeAuthority('other authority');
const folder = mkdtempSync(join(tmpdir(), 'rotation-'));
afterAll(() => rmSync(folder, { recursive: true }));

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const files = { ca: join(folder, 'ca.pem'), cert: join(folder, 'client.pem'), key: join(folder, 'client.key') };

function put(trusted: Issued, client: Issued): void {
  copyFileSync(trusted.certFile, files.ca);
  copyFileSync(client.certFile, files.cert);
  copyFileSync(client.keyFile, files.key);
}

/**
 * A backend that asks for a client certificate of `clients`, and lets in only the common name that
 * it likes at the moment.
 */
interface Backend {
  readonly port: number;
  welcome: string;
  readonly shown: string[];
  close(): Promise<void>;
}

type Start = (server: Issued, clients: Authority, port?: number) => Promise<Backend>;

const startHttps: Start = async (server, clients, port = 0) => {
  const backend: { welcome: string; shown: string[] } = { welcome: '', shown: [] };
  const instance = createServer({ ...server, ca: clients.cert, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    const name = request.socket instanceof TLSSocket ? String(request.socket.getPeerCertificate().subject.CN) : '';
    backend.shown.push(name);
    request.resume().on('end', () => response.writeHead(name === backend.welcome ? 200 : 403).end());
  });
  await new Promise<void>((resolve) => {
    instance.listen(port, '127.0.0.1', resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      instance.closeAllConnections();
      instance.close(() => resolve());
    });
  closing.push(close);
  return Object.assign(backend, { port: portOf(instance), close });
};

const startGrpc: Start = async (server, clients, port = 0) => {
  const backend: { welcome: string; shown: string[] } = { welcome: '', shown: [] };
  const instance = new grpc.Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const method = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
  instance.addService(
    { export: method },
    {
      export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
        const name = String(call.getAuthContext().sslPeerCertificate?.subject.CN);
        backend.shown.push(name);
        if (name === backend.welcome) callback(null, Buffer.alloc(0));
        else callback({ code: grpc.status.PERMISSION_DENIED, details: 'who are you' });
      },
    },
  );
  const credentials = grpc.ServerCredentials.createSsl(clients.cert, [{ private_key: server.key, cert_chain: server.cert }], true);
  const bound = await new Promise<number>((resolve, reject) => {
    instance.bindAsync(`localhost:${port}`, credentials, (error, at) => (error ? reject(error) : resolve(at)));
  });
  const close = (): Promise<void> => {
    instance.forceShutdown();
    return Promise.resolve();
  };
  closing.push(close);
  return Object.assign(backend, { port: bound, close });
};

function start(protocol: string, { port }: Backend) {
  const created = createExporters({
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${port}`,
    OTEL_EXPORTER_OTLP_CERTIFICATE: files.ca,
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: files.cert,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: files.key,
  });
  if (!created.ok) throw new Error(created.problems.join('; '));
  const events: ExportEvent[] = [];
  const clock = createTestClock();
  const pipeline = createExportPipeline({ exporters: created.exporters.map(patient), clock, onEvent: (event) => events.push(event) });
  closing.push(() => pipeline.shutdown());
  return { pipeline, events, clock, reload: () => pipeline.files[0]?.reload() };
}

describe.runIf(authority !== undefined).each([
  ['http/protobuf', startHttps],
  ['http/json', startHttps],
  ['grpc', startGrpc],
])('certificates for the backend that change on disk: %s (needs openssl)', (protocol, startBackend) => {
  const [trusted, stranger] = [authority, other] as const;
  if (trusted === undefined || stranger === undefined) return;
  const [server, foreign, old, renewed] = [trusted.issue('server'), stranger.issue('server'), trusted.issue('old'), trusted.issue('new')];

  it('a renewed client certificate is used without a restart, also on a kept connection', async () => {
    put(trusted, old);
    const backend = await startBackend(server, trusted);
    backend.welcome = 'old';
    const { pipeline, reload } = start(protocol, backend);
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    expect(reload()).toBeUndefined();
    backend.welcome = 'new';
    put(trusted, renewed);
    expect(reload()).toMatchObject({
      setting: 'otlp-certificates',
      outcome: { ok: true, value: expect.stringMatching(/^1 authority and a client certificate valid until 20/) },
    });
    pipeline.enqueue(makeSpans(1, 2));
    await pipeline.drain(NEVER_MS);
    expect(backend.shown).toEqual(['old', 'new']);
  });

  it('a backend with a certificate of another CA is trusted without a restart', async () => {
    put(trusted, old);
    const first = await startBackend(server, trusted);
    first.welcome = 'old';
    const { pipeline, reload, events, clock } = start(protocol, first);
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    await first.close();
    const second = await startBackend(foreign, trusted, first.port);
    second.welcome = 'old';
    pipeline.enqueue(makeSpans(1, 2));
    await until(() => clock.slept.length > 2 && events.some(({ name }) => name === 'export_misconfigured'));
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 1, refused: 0 });
    put(stranger, old);
    expect(reload()?.outcome.ok).toBe(true);
    await pipeline.drain(NEVER_MS);
    expect(second.shown).toEqual(['old']);
  });

  it('an unusable file leaves the previous certificates in use', async () => {
    put(trusted, old);
    const backend = await startBackend(server, trusted);
    backend.welcome = 'old';
    const { pipeline, reload } = start(protocol, backend);
    const damaged: readonly (readonly [() => void, string])[] = [
      [() => writeFileSync(files.cert, 'no certificate'), 'OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE'],
      [() => copyFileSync(renewed.certFile, files.cert), 'is not the key of the certificate'],
      [() => rmSync(files.key), 'OTEL_EXPORTER_OTLP_CLIENT_KEY: '],
      [() => writeFileSync(files.ca, trusted.cert.subarray(0, 200)), 'OTEL_EXPORTER_OTLP_CERTIFICATE: certificate 1 of 1'],
      [() => writeFileSync(files.ca, ''), 'holds no certificate in PEM'],
      [() => writeFileSync(files.ca, Buffer.concat([trusted.cert, stranger.cert.subarray(0, 200)])), 'certificate 2 of 2'],
    ];
    for (const [index, [damage, problem]] of damaged.entries()) {
      put(trusted, old);
      damage();
      expect(reload()).toMatchObject({ setting: 'otlp-certificates', outcome: { ok: false, problem: expect.stringContaining(problem) } });
      pipeline.enqueue(makeSpans(1, index));
      await pipeline.drain(NEVER_MS);
    }
    expect(new Set(backend.shown)).toEqual(new Set(['old']));
    put(trusted, old);
    expect(reload()).toBeUndefined();
  });
});

describe.runIf(authority !== undefined)('a bridge (needs openssl)', () => {
  it('reads the files every five seconds, logs changes, and requires the backend to accept a span again', async () => {
    let isRenewed = false;
    let reloads = 0;
    const backend = createBackend();
    const exporter: NamedExporter = {
      name: 'otlp',
      exporter: backend,
      files: [
        {
          reload: () => {
            if (!isRenewed || reloads > 0) return undefined;
            reloads += 1;
            return { setting: 'otlp-certificates', outcome: { ok: true, value: 'new ones' } };
          },
        },
      ],
    };
    let aheadMs = 0;
    const clock: Clock = {
      ...systemClock,
      now: () => Date.now() + aheadMs,
      // Only the looks at files are five seconds apart.
      sleep: (ms, signal) => systemClock.sleep(ms === 5000 ? 20 : ms, signal),
    };
    const test = createTestBridge({ exporters: [exporter], clock });
    await test.bridge.start();
    for (const body of recordedBodies('mix-ray-2.56.1.ndjson')) await postTo(test.bridge.app, body);
    await untilLater(() => test.bridge.stats().journal.entries === 0);
    aheadMs = 3 * HOURS_MS;
    await untilLater(() => test.bridge.stats().exported.exported > 0 && test.bridge.stats().exported.queuedSpans === 0);
    backend.answer = 'hangs';
    isRenewed = true;
    await untilLater(() => reloads === 1);
    expect(test.lines.find(({ event }) => event === 'file_reloaded')).toMatchObject({ file: 'otlp-certificates', holds: 'new ones' });
    expect(test.bridge.stats().exported.workers[0]?.hasAccepted).toBe(false);
    expect((await test.bridge.app.request('/readyz')).status).toBe(200);
    await test.bridge.stop({ timeoutMs: 0 });
  });
});

describe.runIf(authority !== undefined)('certificates for the backend at startup (needs openssl)', () => {
  it.each([
    ['OTEL_EXPORTER_OTLP_CERTIFICATE', 'holds no certificate in PEM'],
    ['OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE', 'holds no certificate in PEM'],
  ])('an unusable file in %s is reported as a problem', (variable, text) => {
    const file = join(folder, 'nothing.pem');
    writeFileSync(file, 'nothing');
    const created = createExporters({ [variable]: file });
    expect(created).toMatchObject({ ok: false, problems: [expect.stringContaining(`${variable}: ${file} ${text}`)] });
  });

  it('a key that does not match the client certificate is reported as a problem', () => {
    const [one, two] = [authority?.issue('one'), authority?.issue('two')];
    const created = createExporters({
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: one?.certFile,
      OTEL_EXPORTER_OTLP_CLIENT_KEY: two?.keyFile,
    });
    expect(created).toMatchObject({ ok: false, problems: [expect.stringContaining('OTEL_EXPORTER_OTLP_CLIENT_KEY')] });
  });
});
