import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Server, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createExporters, createExportPipeline, type ExportEvent } from '../../src/export/index.ts';
import { type Issued, makeAuthority } from './certificates.ts';
import { containing, createTestClock, makeSpans, NEVER_MS, patient, portOf, until } from './support.ts';

// The backend's name, collector.test, is known to the proxy only, as it is where people need one.

const authority = makeAuthority('authority');
const server = authority?.issue('collector.test', 'DNS:collector.test');

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0).toReversed()) await close();
});

async function listening(instance: Server): Promise<number> {
  const sockets = new Set<Socket>();
  instance.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    instance.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    instance.close();
  });
  return portOf(instance);
}

interface TestProxy {
  readonly port: number;
  /** `CONNECT host:port` or `POST url`, with the credentials that came with it. */
  readonly asked: string[];
}

/** A small proxy. `status` is what it answers in place of letting anything through. */
async function startProxy(status?: number, hangs = false): Promise<TestProxy> {
  const asked: string[] = [];
  const note = (line: string, credentials = ''): void => void asked.push(`${line}${credentials === '' ? '' : ` ${credentials}`}`);
  const instance = createHttpServer((request, response) => {
    note(`${request.method} ${request.url}`, request.headers['proxy-authorization']);
    if (status !== undefined) {
      response.writeHead(status).end();
      return;
    }
    const url = new URL(request.url ?? '');
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = httpRequest(
      { host: '127.0.0.1', port: url.port, path: url.pathname + url.search, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  instance.on('connect', (request, socket: Socket, head: Buffer) => {
    note(`CONNECT ${request.url}`, request.headers['proxy-authorization']);
    if (hangs) return;
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  return { port: await listening(instance), asked };
}

interface TestBackend {
  readonly port: number;
  readonly seen: string[];
}

async function startHttp(isSecure: boolean, shown: Issued | undefined): Promise<TestBackend> {
  const seen: string[] = [];
  const listener: Parameters<typeof createHttpServer>[1] = (request, response) => {
    const extra = ['authorization', 'proxy-authorization'].flatMap((name) => request.headers[name] ?? []);
    seen.push([request.url, request.headers.host, ...extra].join(' '));
    request.resume().on('end', () => response.end());
  };
  return { port: await listening(isSecure ? createHttpsServer({ ...shown }, listener) : createHttpServer(listener)), seen };
}

async function startGrpc(isSecure: boolean, shown: Issued | undefined): Promise<TestBackend> {
  const seen: string[] = [];
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
        seen.push(call.getHost());
        callback(null, Buffer.alloc(0));
      },
    },
  );
  const credentials =
    isSecure && shown !== undefined
      ? grpc.ServerCredentials.createSsl(null, [{ private_key: shown.key, cert_chain: shown.cert }])
      : grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    instance.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  closing.push(() => instance.forceShutdown());
  return { port, seen };
}

function start(env: Record<string, string>) {
  const created = createExporters({ ...(authority && { OTEL_EXPORTER_OTLP_CERTIFICATE: authority.certFile }), ...env });
  if (!created.ok) throw new Error(created.problems.join('; '));
  const events: ExportEvent[] = [];
  const clock = createTestClock();
  const pipeline = createExportPipeline({ exporters: created.exporters.map(patient), clock, onEvent: (event) => events.push(event) });
  closing.push(() => pipeline.shutdown());
  return { pipeline, events, clock, describe: created.describe };
}

const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'];
const startBackend = (protocol: string, isSecure: boolean, shown = server): Promise<TestBackend> =>
  protocol === 'grpc' ? startGrpc(isSecure, shown) : startHttp(isSecure, shown);

describe.runIf(authority !== undefined).each(PROTOCOLS)('through a proxy: %s (needs openssl)', (protocol) => {
  it.each(['HTTPS_PROXY', 'https_proxy'])('an https:// backend is reached through the tunnel of %s', async (variable) => {
    const [proxy, backend] = [await startProxy(), await startBackend(protocol, true)];
    const { pipeline, describe: lines } = start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `https://collector.test:${backend.port}`,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20key',
      [variable]: `http://us%40er:p%3Ass@127.0.0.1:${proxy.port}`,
      HTTP_PROXY: 'http://nowhere.test:1',
    });
    for (const number of [1, 2]) {
      pipeline.enqueue(makeSpans(1, number));
      await pipeline.drain(NEVER_MS);
    }
    const credentials = `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`;
    expect(proxy.asked).toEqual([`CONNECT collector.test:${backend.port} ${credentials}`]);
    expect(backend.seen).toHaveLength(2);
    expect(backend.seen.join()).toContain(`collector.test:${backend.port}`);
    expect(backend.seen.join()).not.toContain('Basic');
    expect(lines).toEqual([containing(`, through the proxy http://127.0.0.1:${proxy.port} (${variable})`)]);
    expect(lines.join()).not.toContain('ss@');
  });

  it('an http:// backend is reached through HTTP_PROXY', async () => {
    const [proxy, backend] = [await startProxy(), await startBackend(protocol, false)];
    const { pipeline } = start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://collector.test:${backend.port}`,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20key',
      HTTP_PROXY: `user:pass@127.0.0.1:${proxy.port}`,
      HTTPS_PROXY: 'http://nowhere.test:1',
    });
    for (const number of [1, 2]) {
      pipeline.enqueue(makeSpans(1, number));
      await pipeline.drain(NEVER_MS);
    }
    const credentials = `Basic ${Buffer.from('user:pass').toString('base64')}`;
    const address = `collector.test:${backend.port}`;
    expect([...new Set(proxy.asked)]).toEqual([
      protocol === 'grpc' ? `CONNECT ${address} ${credentials}` : `POST http://${address}/v1/traces ${credentials}`,
    ]);
    expect(backend.seen).toEqual(protocol === 'grpc' ? [address, address] : Array(2).fill(`/v1/traces ${address} Bearer key`));
  });

  it.each([
    ['127.0.0.1', {}],
    ['127.0.0.1', { NO_PROXY: 'nothing.test' }],
    ['localhost', {}],
  ])('a connection to a backend at %s is direct (%j)', async (host, env) => {
    const [proxy, backend] = [await startProxy(), await startBackend(protocol, false)];
    const { pipeline, describe: lines } = start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}:${backend.port}`,
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
      ...env,
    });
    pipeline.enqueue(makeSpans(1));
    await pipeline.drain(NEVER_MS);
    expect(proxy.asked).toEqual([]);
    expect(lines).toEqual([containing(', without a proxy (connections to this machine are direct)')]);
  });

  it('the certificate in the tunnel must be for the backend, not for the proxy', async () => {
    const other = authority?.issue('127.0.0.1');
    const [proxy, backend] = [await startProxy(), await startBackend(protocol, true, other)];
    const { pipeline, events, clock } = start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `https://collector.test:${backend.port}`,
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => clock.slept.length > 1);
    expect(backend.seen).toEqual([]);
    expect(events.find(({ name }) => name === 'export_misconfigured')).toMatchObject({ fix: containing('OTEL_EXPORTER_OTLP_CERTIFICATE') });
  });

  it('a backend that NO_PROXY matches is connected directly', async () => {
    const proxy = await startProxy();
    const { pipeline, clock } = start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.invalid:4318',
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
      no_proxy: '.invalid',
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => clock.slept.length > 0);
    expect(proxy.asked).toEqual([]);
  });

  it.each([
    [407, 'export_misconfigured', 'set user and password in HTTPS_PROXY'],
    [403, 'export_misconfigured', 'allow the backend at the proxy in HTTPS_PROXY'],
    [502, 'export_retry', 'the proxy cannot reach them'],
    [503, 'export_retry', 'the proxy cannot reach them'],
  ])('a proxy that answers %i to CONNECT is named', async (status, name, advice) => {
    const proxy = await startProxy(status);
    const { pipeline, events, clock } = start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.test:4318',
      HTTPS_PROXY: `http://user:topsecret@127.0.0.1:${proxy.port}`,
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => clock.slept.length > 1);
    const reason = `the proxy http://127.0.0.1:${proxy.port} answers ${status} to CONNECT`;
    expect(events.find((event) => event.name === name)).toMatchObject({
      reason,
      [name === 'export_retry' ? 'hint' : 'fix']: containing(advice),
    });
    expect(pipeline.stats()).toMatchObject({ queuedSpans: 1, refused: 0 });
    expect(JSON.stringify(events)).not.toContain('topsecret');
    expect(JSON.stringify(events)).not.toContain(Buffer.from('user:topsecret').toString('base64'));
  });

  it.each(['http', 'https'])('an unreachable proxy is named (%s)', async (scheme) => {
    const { pipeline, events, clock } = start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `${scheme}://collector.test:4318`,
      [`${scheme.toUpperCase()}_PROXY`]: 'http://127.0.0.1:1',
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => clock.slept.length > 1);
    const event = events.find(({ name }) => name === 'export_retry');
    expect(event).toMatchObject({
      reason: expect.stringMatching(/^the proxy http:\/\/127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/),
      hint: containing(`the proxy in ${scheme.toUpperCase()}_PROXY`),
    });
  });
});

it('log lines of grpc-js become events, not text between the lines of the log', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const proxy = await startProxy(407);
  const { pipeline, events, clock } = start({
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4317',
    HTTP_PROXY: `http://user:topsecret@127.0.0.1:${proxy.port}`,
  });
  pipeline.enqueue(makeSpans(1));
  await until(() => clock.slept.length > 1);
  expect(events).toContainEqual({
    exporter: 'otlp',
    name: 'export_note',
    message: `Failed to connect to collector.test:4317 through proxy 127.0.0.1:${proxy.port} with status 407`,
  });
  expect(error).not.toHaveBeenCalled();
});

describe('a proxy of plain HTTP', () => {
  it('that requires credentials is named, whatever the backend would answer', async () => {
    const proxy = await startProxy(407);
    const { pipeline, events, clock } = start({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318',
      http_proxy: `127.0.0.1:${proxy.port}`,
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => clock.slept.length > 0);
    expect(events[0]).toMatchObject({
      name: 'export_misconfigured',
      reason: `HTTP 407 (through the proxy http://127.0.0.1:${proxy.port})`,
      fix: containing('set user and password in http_proxy'),
    });
  });

  it('is named next to an answer that may come from the backend', async () => {
    const proxy = await startProxy(502);
    const { pipeline, events, clock } = start({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318',
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => clock.slept.length > 0);
    expect(events[0]).toMatchObject({ name: 'export_retry', reason: `HTTP 502 (through the proxy http://127.0.0.1:${proxy.port})` });
  });
});

it.runIf(authority !== undefined)('a proxy that never answers CONNECT keeps no connection open (needs openssl)', async () => {
  const open = new Set<Socket>();
  const silent = createHttpServer();
  silent.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  silent.on('connect', (_, socket: Socket) => socket.resume().on('end', () => socket.end()));
  const port = await listening(silent);
  const { pipeline, events } = start({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.test:4318',
    OTEL_EXPORTER_OTLP_TIMEOUT: '40',
    HTTPS_PROXY: `http://127.0.0.1:${port}`,
  });
  pipeline.enqueue(makeSpans(1));
  await until(() => events.length >= 5);
  await pipeline.shutdown();
  await until(() => open.size === 0);
  expect(events[0]).toMatchObject({ name: 'export_retry', reason: containing(`the proxy http://127.0.0.1:${port}`) });
});

it.runIf(authority !== undefined).each(['http', 'https'])(
  'an https:// proxy whose certificate is not trusted gets no credentials (%s backend, needs openssl)',
  async (scheme) => {
    const asked: (string | undefined)[] = [];
    const proxy = createHttpsServer({ ...server }, (request) => asked.push(request.headers['proxy-authorization']));
    proxy.on('connect', (request) => asked.push(request.headers['proxy-authorization']));
    const port = await listening(proxy);
    const { pipeline, events, clock } = start({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${scheme}://collector.test:4318`,
      [`${scheme.toUpperCase()}_PROXY`]: `https://user:topsecret@127.0.0.1:${port}`,
    });
    pipeline.enqueue(makeSpans(1));
    await until(() => clock.slept.length > 0);
    // The authorities for the backend are not those for the proxy.
    expect(events[0]).toMatchObject({ name: 'export_misconfigured', reason: containing(`https://127.0.0.1:${port}`) });
    expect(asked).toEqual([]);
  },
);

it.runIf(authority !== undefined)('an https:// proxy is reached by TLS, over HTTP (needs openssl)', () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.test:4318', HTTPS_PROXY: 'https://user:topsecret@proxy.test' };
  expect(createExporters(env)).toMatchObject({
    ok: true,
    describe: ['OTLP (http/protobuf) to https://collector.test:4318/v1/traces, through the proxy https://proxy.test:443 (HTTPS_PROXY)'],
  });
  expect(createExporters({ ...env, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toEqual({
    ok: false,
    problems: ['HTTPS_PROXY is an https:// URL, but gRPC supports http:// proxies only: use OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf'],
  });
});

describe('the text about proxies in the startup line', () => {
  const lineOf = (env: Record<string, string>): string => {
    const created = createExporters(env);
    return created.ok ? (created.describe[0] ?? '').replace(/^[^,]*/, '') : created.problems.join('; ');
  };

  it.each<[Record<string, string>, string]>([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318' }, ''],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', NO_PROXY: 'x' }, ''],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', HTTP_PROXY: 'p.test:3128' },
      ', through the proxy http://p.test:3128 (HTTP_PROXY)',
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', HTTP_PROXY: 'p.test' }, ', through the proxy http://p.test:80 (HTTP_PROXY)'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', HTTP_PROXY: 'upper.test:1', http_proxy: 'lower.test:1' },
      ', through the proxy http://lower.test:1 (http_proxy)',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', HTTP_PROXY: 'upper.test:1', http_proxy: ' ' },
      ', through the proxy http://upper.test:1 (HTTP_PROXY)',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', HTTP_PROXY: 'p.test:1', NO_PROXY: 'c.test:4318' },
      ', without a proxy (NO_PROXY matches c.test)',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test', HTTP_PROXY: 'p.test:1', NO_PROXY: 'c.test:80' },
      ', without a proxy (NO_PROXY matches c.test)',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.test', HTTPS_PROXY: 'p.test:1', NO_PROXY: 'c.test:443' },
      ', without a proxy (NO_PROXY matches c.test)',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', HTTPS_PROXY: 'p.test:1' },
      ', without a proxy (HTTPS_PROXY is for https:// only)',
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.test:4318', HTTP_PROXY: 'p.test:1' }, ', without a proxy (HTTP_PROXY is for http:// only)'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', ALL_PROXY: 'p.test:1' },
      ', without a proxy (ALL_PROXY is not supported: use HTTP_PROXY)',
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'c.test:4317', grpc_proxy: 'p.test:1' },
      ', without a proxy (grpc_proxy is not supported: use HTTPS_PROXY)',
    ],
    [{ HTTP_PROXY: 'p.test:1' }, ', without a proxy (connections to this machine are direct)'],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'unix:/run/otlp.sock', HTTP_PROXY: 'p.test:1' }, ''],
  ])('%j', (env, text) => {
    expect(lineOf(env)).toBe(text);
  });

  it.each(['socks5://topsecret@p.test:1', 'http://user:top%ZZsecret@p.test:1', 'http://', 'http://user:topsecret@p.test:99999'])(
    'a proxy variable that cannot be used is a problem without its value: %s',
    (value) => {
      const problem = lineOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318', HTTP_PROXY: value });
      expect(problem).toMatch(/^HTTP_PROXY is not the http:\/\/ URL of a proxy/);
      expect(problem).not.toContain('secret');
    },
  );

  it('an invalid proxy variable does not matter when no proxy is needed', () => {
    expect(lineOf({ HTTP_PROXY: 'socks5://p.test:1' })).toBe(', without a proxy (connections to this machine are direct)');
  });
});
