import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { join } from 'node:path';
import { type Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { diagnose, gatherFacts } from '../../src/doctor/index.ts';
import { otlpOutcomeOf, speaksOtlp } from '../../src/doctor/otlp-outcome.ts';
import { routedServer } from './routed-server.ts';
import { question, temporaryFolder } from './world-fixture.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A gRPC backend that accepts every export, or answers all with a status. */
async function grpcBackend(code?: status, credentials = ServerCredentials.createInsecure()): Promise<number> {
  const server: GrpcServer = new grpc.Server();
  const bytes = (buffer: Buffer): Buffer => buffer;
  const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  const handler: grpc.handleUnaryCall<Buffer, Buffer> = (_call, callback) =>
    callback(code === undefined ? null : { code }, Buffer.alloc(0));
  server.addService({ Export: method }, { Export: handler });
  closers.push(() => server.forceShutdown());
  return await new Promise((resolve, reject) => {
    server.bindAsync('localhost:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

const httpBackend = (): ReturnType<typeof routedServer> => routedServer({ '/v1/traces': { text: '' } });

async function codesWith(env: Record<string, string>): Promise<{ readonly codes: readonly string[]; readonly text: string }> {
  const { findings } = diagnose(await gatherFacts(question({ env })));
  return { codes: findings.map(({ code }) => code), text: JSON.stringify(findings) };
}

describe('the probe of the OTLP endpoint', () => {
  it('gRPC and HTTP backends accept the empty request', async () => {
    expect(
      (await codesWith({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await grpcBackend()}` }))
        .codes,
    ).toEqual([]);
    const { url } = await httpBackend();
    for (const protocol of ['http/protobuf', 'http/json'])
      expect((await codesWith({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_ENDPOINT: url })).codes).toEqual([]);
  });

  it('HTTP to a gRPC port is recognised', async () => {
    const { codes, text } = await codesWith({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await grpcBackend()}` });
    expect(codes).toEqual(['otlp_protocol_mismatch']);
    expect(text).toContain('OTEL_EXPORTER_OTLP_PROTOCOL=grpc');
  });

  it('gRPC to an HTTP port is recognised, and the retry sends no headers', async () => {
    const backend = await httpBackend();
    const env = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: backend.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=SECRET',
    };
    const { codes, text } = await codesWith(env);
    expect(codes).toEqual(['otlp_protocol_mismatch']);
    expect(text).toContain('OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf');
    expect(backend.requests.map(({ headers }) => headers['x-api-key'])).toEqual([undefined]);
  });

  it('a key that a gRPC backend rejects is recognised', async () => {
    const port = await grpcBackend(status.UNAUTHENTICATED);
    expect(
      (await codesWith({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })).codes,
    ).toEqual(['otlp_credentials']);
  });

  it('https to an http port is recognised, and http is reported to work', async () => {
    const { url } = await httpBackend();
    const { codes, text } = await codesWith({ OTEL_EXPORTER_OTLP_ENDPOINT: url.replace('http:', 'https:') });
    expect(codes).toEqual(['otlp_tls']);
    expect(text).toContain(`${url} works`);
  });

  it('the result names the proxy in use, or why none is', async () => {
    const { backend } = await gatherFacts(
      question({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318', HTTP_PROXY: 'http://u:SECRET@127.0.0.1:1' } }),
    );
    expect(backend).toMatchObject({ route: ', through the proxy http://127.0.0.1:1 (HTTP_PROXY)', outcome: { kind: 'proxy' } });
    const { codes, text } = await codesWith({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318',
      HTTP_PROXY: 'http://u:SECRET@127.0.0.1:1',
    });
    expect(codes).toEqual(['otlp_proxy']);
    expect(text).toContain('through the proxy http://127.0.0.1:1 (HTTP_PROXY)');
    expect(text).not.toContain('SECRET');
    const { url } = await httpBackend();
    const direct = diagnose(await gatherFacts(question({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, HTTP_PROXY: 'http://127.0.0.1:1' } })));
    expect(JSON.stringify(direct.well)).toContain('accepts OTLP (http/protobuf), without a proxy (connections to this machine are direct)');
  });

  it('an untrusted certificate is recognised (needs openssl)', async () => {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(temporaryFolder(), name)) as [string, string];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...names, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    const server = createHttpsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const address = server.address();
    const url = `https://localhost:${typeof address === 'object' && address !== null ? address.port : 0}`;
    const credentials = ServerCredentials.createSsl(null, [{ private_key: readFileSync(key), cert_chain: readFileSync(cert) }]);
    const endpoints = { 'http/protobuf': url, grpc: `https://localhost:${await grpcBackend(undefined, credentials)}` };
    for (const [protocol, endpoint] of Object.entries(endpoints)) {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
      expect((await codesWith(env)).codes, protocol).toEqual(['otlp_tls']);
      expect((await codesWith({ ...env, OTEL_EXPORTER_OTLP_CERTIFICATE: cert })).codes, protocol).toEqual([]);
    }

    // The same for a bridge: untrusted by default, trusted with the file of the variable that Ray's client also reads.
    const untrusting = await gatherFacts(question({ bridgeAddress: new URL(url) }));
    expect(untrusting.bridge.post).toEqual({ kind: 'failed', failure: 'tls_untrusted' });
    const trusting = await gatherFacts(question({ bridgeAddress: new URL(url), env: { SSL_CERT_FILE: cert } }));
    expect(trusting.bridge.post).toMatchObject({ kind: 'answered', status: 200 });
    const plain = await gatherFacts(question({ bridgeAddress: new URL(url.replace('https:', 'http:')) }));
    expect(plain.bridge.post).toMatchObject({ kind: 'failed', failure: 'cut' });
  });
});

describe('the reasons of an export', () => {
  it.each([
    ['ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1', 'refused_connection'],
    [
      'gRPC UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note:',
      'refused_connection',
    ],
    ['ENOTFOUND: getaddrinfo ENOTFOUND nohost.invalid', 'unknown_host'],
    ['gRPC UNAVAILABLE: Name resolution failed for target dns:nohost.invalid:4317', 'unknown_host'],
    ['HTTP 400: Client sent an HTTP request to an HTTPS server.', 'tls_mismatch'],
    ['HTTP 400: 400 The plain HTTP request was sent to HTTPS port nginx', 'tls_mismatch'],
    ["HTTP 400: You're speaking plain HTTP to an SSL-enabled server port.", 'tls_mismatch'],
    ['HTTP 400: This combination of host and port requires TLS.', 'tls_mismatch'],
    ['HTTP 200, but the answer is not OTLP: Your certificate has expired', 'not_its_protocol'],
    ['the proxy http://proxy.test:3128 answers 407 to CONNECT', 'proxy'],
    ['the proxy http://proxy.test:3128 cannot be used: ENOTFOUND: getaddrinfo ENOTFOUND proxy.test', 'proxy'],
    ['ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1 (through the proxy http://proxy.test:3128)', 'proxy'],
    ['HTTP 407 (through the proxy http://proxy.test:3128)', 'proxy'],
    ['HTTP 401 (through the proxy http://proxy.test:3128)', 'credentials'],
    ['no answer within 5000 ms (OTEL_EXPORTER_OTLP_TIMEOUT)', 'timeout'],
    ['the exporter did not answer within 6000 ms', 'timeout'],
    [
      'gRPC UNAVAILABLE: No connection established. Last error: Error: SSL routines: tlsv1 alert no application protocol',
      'not_its_protocol',
    ],
    ['gRPC UNIMPLEMENTED: unknown service', 'path'],
    ['gRPC RESOURCE_EXHAUSTED: later', 'failing'],
  ])('the reason "%s" is classified as %s', (reason, kind) => {
    expect(otlpOutcomeOf({ kind: 'retry_after', reason })).toEqual({ kind, reason });
  });

  it('some failures prove that the server speaks OTLP', () => {
    expect(speaksOtlp({ kind: 'credentials', reason: 'HTTP 401' })).toBe(true);
    expect(speaksOtlp({ kind: 'failing', reason: 'HTTP 503: later' })).toBe(true);
    expect(speaksOtlp({ kind: 'path', reason: 'HTTP 404' })).toBe(false);
    expect(speaksOtlp({ kind: 'not_its_protocol', reason: 'Parse Error' })).toBe(false);
  });
});
