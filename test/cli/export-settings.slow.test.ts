import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../export/certificates.ts';
import { portOf } from '../export/support.ts';
import { BUILD_TIMEOUT_MS, buildCli, runCli, startCli } from './built-cli.ts';

let cli: string;
beforeAll(async () => {
  cli = await buildCli();
}, BUILD_TIMEOUT_MS);

const recording = fileURLToPath(new URL('../fixtures/recordings/job-submit-ray-2.60.0.ndjson', import.meta.url));
const authority = makeAuthority('authority');
const certificate = authority?.issue('server', 'DNS:localhost,DNS:collector.test');

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(server: ReturnType<typeof createHttpServer>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return portOf(server);
}

/** A proxy that speaks TLS and resolves collector.test. */
async function startSecureProxy(asked: string[]): Promise<number> {
  const proxy = createHttpsServer({ ...certificate }, (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
    const { port, pathname } = new URL(request.url ?? '');
    const onward = httpRequest({ host: '127.0.0.1', port, path: pathname, method: 'POST', headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  proxy.on('connect', (request, socket: Socket) => {
    asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`);
    const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
    for (const [one, other] of [
      [onward, socket],
      [socket, onward],
    ] as const)
      one.on('error', () => other.destroy());
  });
  return await listening(proxy);
}

const serve = ['serve', '--listen', '127.0.0.1:0'];

describe('serve', () => {
  test('serve refuses headers that cannot be sent when it starts, with all other wrong settings and without their values', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key-bin=TOPSECRET,x-name=M%C3%BCller,transfer-encoding=chunked',
    };
    const { code, stdout, stderr } = await runCli(cli, [...serve, '--settle', 'soon'], env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('entry 1 has a name that ends in -bin');
    expect(stderr).toContain('entry 2 has a value that gRPC cannot send');
    expect(stderr).toContain('entry 3 names transfer-encoding');
    expect(stderr).toContain('--settle');
    expect(stderr).not.toMatch(/TOPSECRET|ller|chunked/);
  });

  test('serve refuses an invalid proxy when it starts, without its password', async () => {
    const { code, stderr } = await runCli(cli, serve, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318',
      HTTP_PROXY: 'socks5://user:TOPSECRET@proxy.test:1080',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('HTTP_PROXY is not the http:// URL of a proxy');
    expect(stderr).not.toContain('TOPSECRET');
  });

  test('serve prints which proxy it uses when it starts', async () => {
    const program = startCli(cli, serve, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.test',
      https_proxy: 'http://user:TOPSECRET@proxy.test:3128',
    });
    const [line] = await program.shows(/sending traces with .*\n/);
    expect(line).toBe(
      'sending traces with OTLP (http/protobuf) to https://collector.test/v1/traces, through the proxy http://proxy.test:3128 (https_proxy)\n',
    );
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.stdout() + program.stderr()).not.toContain('TOPSECRET');
  });

  test('serve logs the warnings of Node.js as JSON lines', async () => {
    // grpc-js uses the address as the server name in the handshake, and Node.js warns about that.
    const port = await listening(createHttpServer());
    const program = startCli(cli, [...serve, '--drain-timeout', '10s'], {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${port}`,
    });
    const [, url = ''] = await program.shows(/listening on (\S+)\n/);
    expect(await runCli(cli, ['replay', recording, '--to', url, '--speed', 'max'])).toMatchObject({ code: 0 });
    while (!program.stderr().includes('export_misconfigured')) await new Promise((resolve) => setTimeout(resolve, 50));
    const lines = program.stderr().trim().split('\n');
    const read = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    expect(read).toContainEqual(expect.objectContaining({ event: 'process_warning', name: 'DeprecationWarning', code: 'DEP0123' }));
  });

  test.runIf(authority !== undefined).each(['http', 'https'])(
    'delivers to an %s:// backend through a proxy that is reached by TLS (needs openssl)',
    async (scheme) => {
      const asked: string[] = [];
      const paths: string[] = [];
      const listener: Parameters<typeof createHttpServer>[1] = (request, response) => {
        paths.push(request.url ?? '');
        request.resume().on('end', () => response.end());
      };
      const port = await listening(scheme === 'https' ? createHttpsServer({ ...certificate }, listener) : createHttpServer(listener));
      const program = startCli(cli, [...serve, '--drain-timeout', '30s'], {
        NODE_EXTRA_CA_CERTS: authority?.certFile ?? '',
        OTEL_EXPORTER_OTLP_ENDPOINT: `${scheme}://collector.test:${port}`,
        [`${scheme}_proxy`]: `https://user:TOPSECRET@localhost:${await startSecureProxy(asked)}`,
      });
      const [, url = ''] = await program.shows(/listening on (\S+)\n/);
      expect(await runCli(cli, ['replay', recording, '--to', url, '--speed', 'max'])).toMatchObject({ code: 0 });
      const metrics = async (): Promise<string> => await (await fetch(`${url}/metrics`)).text();
      while (!/spans_exported_total\{exporter="otlp"\} [1-9]/.test(await metrics()))
        await new Promise((resolve) => setTimeout(resolve, 50));
      const credentials = `Basic ${Buffer.from('user:TOPSECRET').toString('base64')}`;
      expect(new Set(asked)).toEqual(
        new Set([
          scheme === 'https'
            ? `CONNECT collector.test:${port} ${credentials}`
            : `POST http://collector.test:${port}/v1/traces ${credentials}`,
        ]),
      );
      expect(new Set(paths)).toEqual(new Set(['/v1/traces']));
      program.signal('SIGTERM');
      expect(await program.exited).toBe(0);
      expect(program.stdout() + program.stderr()).not.toContain('TOPSECRET');
    },
  );
});
