import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createExporters, createExportPipeline, type ExportEvent, readOtlpSettings } from '../../src/export/index.ts';
import { makeAuthority } from './certificates.ts';
import { containing, createTestClock, makeSpans, patient, portOf, until } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'create-exporters-'));
afterAll(() => rmSync(folder, { recursive: true }));

function describeOf(env: Record<string, string>): readonly string[] {
  const created = createExporters(env);
  return created.ok ? created.describe : ['problems:', ...created.problems];
}

const problemsOf = (env: Record<string, string>): readonly string[] => {
  const created = createExporters(env);
  return created.ok ? [] : created.problems;
};

describe('exporters from the environment', () => {
  it.each<[Record<string, string>, string[]]>([
    [{}, ['OTLP (http/protobuf) to http://localhost:4318/v1/traces']],
    [{ OTEL_TRACES_EXPORTER: '', OTEL_EXPORTER_OTLP_ENDPOINT: '  ' }, ['OTLP (http/protobuf) to http://localhost:4318/v1/traces']],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, ['OTLP (http/json) to http://localhost:4318/v1/traces']],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, ['OTLP (grpc) to http://localhost:4317']],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'HTTP/JSON' },
      ['OTLP (http/json) to http://localhost:4318/v1/traces'],
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c:1/base/' }, ['OTLP (http/protobuf) to https://c:1/base/v1/traces']],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://general', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://own:9/as/it/is' },
      ['OTLP (http/protobuf) to http://own:9/as/it/is'],
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://user:secret@host/p?key=secret#secret', OTEL_EXPORTER_OTLP_HEADERS: 'a=secret' },
      ['OTLP (http/protobuf) to https://host/p'],
    ],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'https://u:secret@host' }, ['OTLP (grpc) to https://host:443']],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'host:4317' }, ['OTLP (grpc) to https://host:4317']],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'host:4317', OTEL_EXPORTER_OTLP_INSECURE: 'TRUE' },
      ['OTLP (grpc) to http://host:4317'],
    ],
    [
      { OTEL_TRACES_EXPORTER: 'file, Console ,otlp', OTEL_EXPORTER_FILE_PATH: 'out.jsonl' },
      [
        'OTLP JSON lines to the file out.jsonl',
        'one line per span to standard output',
        'OTLP (http/protobuf) to http://localhost:4318/v1/traces',
      ],
    ],
    [{ OTEL_TRACES_EXPORTER: 'file' }, ['OTLP JSON lines to the file traces.jsonl']],
    [{ OTEL_TRACES_EXPORTER: 'none' }, ['no exporter (OTEL_TRACES_EXPORTER=none): spans are counted and dropped']],
    [{ OTEL_SDK_DISABLED: 'true' }, ['no exporter (OTEL_SDK_DISABLED=true): spans are counted and dropped']],
  ])('%j', (env, lines) => {
    expect(describeOf(env)).toEqual(lines);
  });

  it('report all problems at once, with the fix and without secrets', () => {
    const problems = problemsOf({
      OTEL_TRACES_EXPORTER: 'otlp,zipkin,none',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'good=1,topsecret,b%ZZ=topsecret,bad name=topsecret,x=topsecret%0a',
      OTEL_EXPORTER_OTLP_TIMEOUT: '10s',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'brotli',
      OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, 'absent.pem'),
      OTEL_EXPORTER_OTLP_CLIENT_KEY: join(folder, 'absent.key'),
    });
    expect(problems).toEqual([
      'OTEL_TRACES_EXPORTER names "zipkin", which is unknown: use otlp, console, file, none, or a comma-separated list',
      'OTEL_TRACES_EXPORTER combines none with other exporters: use none alone, or remove it',
      'OTEL_EXPORTER_OTLP_PROTOCOL="http" is unknown: use http/protobuf, http/json, grpc',
      'OTEL_EXPORTER_OTLP_ENDPOINT is not an http:// or https:// URL: use a complete URL, for example http://localhost:4318',
      ...[2, 3, 4, 5].map(
        (entry) => `OTEL_EXPORTER_OTLP_HEADERS: entry ${entry} is not name=value with a valid header name and a percent-encoded value`,
      ),
      'OTEL_EXPORTER_OTLP_TIMEOUT="10s" is not a timeout: use whole milliseconds above 0, for example 10000',
      'OTEL_EXPORTER_OTLP_COMPRESSION="brotli" is unknown: use none, gzip',
      containing('OTEL_EXPORTER_OTLP_CERTIFICATE: '),
      containing('OTEL_EXPORTER_OTLP_CLIENT_KEY: '),
      'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY belong together: set both, or neither',
    ]);
    expect(problems.join()).not.toContain('topsecret');
  });

  it.each([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://host' }, 'is not an address for gRPC'],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_INSECURE: 'yes' }, 'use true or false'],
    // One more than what a timer of Node takes; it would fire at once.
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '2147483648' }, 'OTEL_EXPORTER_OTLP_TIMEOUT="2147483648"'],
    [{ OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '0' }, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="0"'],
  ])('are refused for %j', (env, text) => {
    expect(problemsOf(env)).toEqual([containing(text)]);
  });

  it('accept a timeout up to the maximum of a timer, and default to 10 s', () => {
    const timeoutOf = (env: Record<string, string>): number => readOtlpSettings(env, []).timeoutMs;
    expect(problemsOf({ OTEL_EXPORTER_OTLP_TIMEOUT: '2147483647' })).toEqual([]);
    expect(timeoutOf({ OTEL_EXPORTER_OTLP_TIMEOUT: '2147483647' })).toBe(2_147_483_647);
    expect(timeoutOf({})).toBe(10_000);
  });

  it('limit a call later than the exporter itself does, so that its answer comes first', () => {
    const created = createExporters({ OTEL_EXPORTER_OTLP_TIMEOUT: '1000' });
    expect(created).toMatchObject({ ok: true, exporters: [{ timeoutMs: 6000 }] });
  });

  it('ignore the OTLP variables when OTLP is not used', () => {
    expect(problemsOf({ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_PROTOCOL: 'nonsense' })).toEqual([]);
  });
});

describe('TLS', () => {
  const authority = makeAuthority('collector.test');
  const { certFile: cert = '', keyFile: key = '' } = authority?.issue('collector.test') ?? {};
  const trusted = authority?.certFile ?? '';
  const openssl = authority !== undefined;

  async function sendTo(env: Record<string, string>): Promise<{ events: ExportEvent[]; subjects: string[] }> {
    const subjects: string[] = [];
    const server = createServer(
      { key: readFileSync(key), cert: readFileSync(cert), ca: readFileSync(trusted), requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const subject = request.socket instanceof TLSSocket ? request.socket.getPeerCertificate().subject : undefined;
        subjects.push(String(subject?.CN ?? 'nobody'));
        request.resume().on('end', () => response.end());
      },
    );
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const created = createExporters({ OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${portOf(server)}`, ...env });
    if (!created.ok) throw new Error(created.problems.join());
    const events: ExportEvent[] = [];
    const clock = createTestClock();
    const pipeline = createExportPipeline({
      exporters: created.exporters.map(patient),
      clock,
      onEvent: (event) => events.push(event),
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => !(pipeline.stats().queuedSpans > 0 && clock.slept.length === 0));
    await pipeline.shutdown();
    server.closeAllConnections();
    server.close();
    return { events, subjects };
  }

  it.runIf(openssl)('an unknown certificate authority is a wrong set-up, with the variable to set (needs openssl)', async () => {
    const { events, subjects } = await sendTo({});
    expect(events[0]).toMatchObject({ name: 'export_misconfigured', fix: containing('OTEL_EXPORTER_OTLP_CERTIFICATE') });
    expect(subjects).toEqual([]);
  });

  it.runIf(openssl)('trusts the named authority and shows the client certificate (needs openssl)', async () => {
    const { events, subjects } = await sendTo({
      OTEL_EXPORTER_OTLP_CERTIFICATE: trusted,
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: cert,
      OTEL_EXPORTER_OTLP_CLIENT_KEY: key,
    });
    expect(events.map((event) => event.name)).toEqual(['batch_exported']);
    expect(subjects).toEqual(['collector.test']);
  });
});
