import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { readCertificate } from '../../src/http/index.ts';
import { createBridge } from '../../src/bridge/bridge.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { connectRaw, makeTestCertificate, serveAttacked, type TestCertificate, until } from './attacked-server.ts';

const token = 'the-sender-token-0123456789';
const wrong = 'a-wrong-token-9876543210abc';
const reader = 'the-reader-token-0123456789';
const settings = { ingestTokens: [token], readTokens: [reader] };
const head = 'host: x\r\ncontent-type: application/json\r\nconnection: close\r\n';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function basic(pair: string): string {
  return Buffer.from(pair).toString('base64');
}

describe('a token', () => {
  const body = `content-length: 2\r\n\r\n[]`;
  it.each([
    ['a right one as Basic', `POST / HTTP/1.1\r\n${head}authorization: Basic ${basic(`${token}:`)}\r\n${body}`, 200],
    ['a right one as Bearer', `POST / HTTP/1.1\r\n${head}authorization: Bearer ${token}\r\n${body}`, 200],
    ['a right one in the path', `POST /t/${token}/v1/events HTTP/1.1\r\n${head}${body}`, 200],
    ['a right one in an absolute URL', `POST http://x/t/${token}/ HTTP/1.1\r\n${head}${body}`, 200],
    ['a wrong one as Basic', `POST / HTTP/1.1\r\n${head}authorization: Basic ${basic(`${wrong}:${wrong}`)}\r\n${body}`, 401],
    ['a wrong one as Bearer', `POST / HTTP/1.1\r\n${head}authorization: Bearer ${wrong}\r\n${body}`, 401],
    ['a wrong one in the path', `POST /t/${wrong} HTTP/1.1\r\n${head}${body}`, 401],
    ['a right one in the query', `POST /?token=${token} HTTP/1.1\r\n${head}${body}`, 401],
    ['a valid one in a path that does not exist', `POST /t/${token}/nothing HTTP/1.1\r\n${head}${body}`, 404],
    ['a right one by a wrong method', `PUT /t/${token} HTTP/1.1\r\n${head}${body}`, 405],
    ['a right one before a body that is no JSON', `POST /t/${token} HTTP/1.1\r\n${head}content-length: 3\r\n\r\n{"a`, 400],
    [
      'a right one before a body that is cut off',
      `POST /t/${token} HTTP/1.1\r\n${head}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n[]`,
      400,
    ],
    ['a right one in a header that is too large', `POST /t/${token} HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n${head}${body}`, 431],
    ['a valid one in a malformed request', `POST /t/${token} HTTP/9.9\r\n${head}${body}`, 400],
    ['a right one with a backslash', `POST /t/${token}\\..\\metrics HTTP/1.1\r\n${head}${body}`, 400],
  ])('never appears in a log line, metric or answer: %s', async (_name, text, status) => {
    const attacked = await serveAttacked({ settings });
    const { closed } = await connectRaw(attacked, text);
    const answer = await closed;
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).not.toMatch(/^location:/im);
    const said = answer + attacked.log() + (await attacked.metrics());
    for (const secret of [token, wrong, basic(`${token}:`), basic(`${wrong}:${wrong}`)]) expect(said).not.toContain(secret);
  });

  it('that is wrong is counted each time and logged once a minute, with the address of the sender', async () => {
    const attacked = await serveAttacked({ settings });
    for (let index = 0; index < 50; index += 1) expect(await attacked.goodPost(wrong)).toBe(401);
    expect(await attacked.metric('requests_refused_total{code="token_invalid"}')).toBe(50);
    const reported = attacked
      .log()
      .split('\n')
      .filter((line) => line.includes('"batch_refused"'));
    expect(reported).toHaveLength(1);
    expect(reported[0]).toContain('"from":"127.0.0.1"');
    expect(await attacked.goodPost(token)).toBe(200);
  });

  it('for reading does not allow posting, and the other way round', async () => {
    const attacked = await serveAttacked({ settings });
    expect(await attacked.goodPost(reader)).toBe(401);
    const read = async (authorization: string): Promise<number> =>
      (await fetch(`${attacked.server.url}/metrics`, { headers: { authorization } })).status;
    expect([await read(`Bearer ${token}`), await read(`Bearer ${reader}`)]).toEqual([401, 200]);
    expect(await attacked.metric('reads_refused_total{code="token_invalid"}')).toBe(1);
  });
});

describe('a token file', () => {
  function tokenFile(text: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'ray-otel-tokens-'));
    folders.push(folder);
    writeFileSync(join(folder, 'tokens'), text);
    return join(folder, 'tokens');
  }

  it('is read again by a running bridge, and an emptied one does not disable authentication', async () => {
    const file = tokenFile(`${token}\n`);
    const clock = { now: Date.now, random: Math.random, sleep: (_ms: number, signal: AbortSignal) => systemClock.sleep(5, signal) };
    const attacked = await serveAttacked({ settings: { ingestTokenFile: file }, clock });
    expect([await attacked.goodPost(token), await attacked.goodPost(wrong), await attacked.goodPost()]).toEqual([200, 401, 401]);
    writeFileSync(file, wrong);
    await until(() => attacked.log().includes('"file_reloaded"'));
    expect([await attacked.goodPost(token), await attacked.goodPost(wrong)]).toEqual([401, 200]);
    writeFileSync(file, '');
    await until(() => attacked.log().includes('"file_reload_failed"'));
    expect([await attacked.goodPost(), await attacked.goodPost(wrong)]).toEqual([401, 200]);
    expect(await attacked.metric('reloads_total{file="ingest-token-file"}')).toBe(1);
    expect(await attacked.metric('reload_failures_total{file="ingest-token-file"}')).toBeGreaterThan(0);
    expect(attacked.log()).not.toContain(wrong);
  });

  it('that cannot be read is an error when the bridge is created', () => {
    expect(() => createBridge({ exporters: [], env: {}, settings: { ingestTokenFile: '/nowhere/tokens' } })).toThrow('no such file');
  });
});

describe('TLS', () => {
  function certificateOf(files: TestCertificate) {
    const read = readCertificate(files);
    if (!read.ok) throw new Error(read.problem);
    return read.value;
  }

  function postTls(port: number, ca: string): Promise<number | string> {
    return new Promise((resolve) => {
      const headers = { 'content-type': 'application/json', authorization: `Basic ${basic(`${token}:`)}` };
      const sent = request({ host: 'localhost', port, method: 'POST', headers, ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
      sent.end('[]');
    });
  }

  it('works, and a changed certificate is used for new connections while old ones stay open', async () => {
    const [first, second] = [makeTestCertificate(), makeTestCertificate()];
    const attacked = await serveAttacked({ settings }, { certificate: certificateOf(first) });
    const { server } = attacked;
    expect(server.url).toMatch(/^https:/);
    expect(await postTls(server.port, first.pem)).toBe(200);
    const old = await connected(server.port, first.pem);
    server.useCertificate(certificateOf(second));
    expect(await postTls(server.port, second.pem)).toBe(200);
    expect(await postTls(server.port, first.pem)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    old.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await new Promise((resolve) => old.once('data', resolve));
    old.destroy();
  });

  it('reports senders that do not use it, once each, and disconnects them', async () => {
    const certificate = makeTestCertificate();
    const attacked = await serveAttacked({ settings }, { certificate: certificateOf(certificate) });
    const { closed } = await connectRaw(attacked, `POST /t/${token} HTTP/1.1\r\n${head}content-length: 2\r\n\r\n[]`);
    await closed;
    // A port probe is not a request, and shows that all that came before it is counted.
    (await connectRaw(attacked)).socket.end();
    expect(await postTls(attacked.server.port, certificate.pem)).toBe(200);
    expect(await attacked.metric('connections_refused_total{reason="tls_handshake"}')).toBe(1);
    expect(attacked.log()).toContain('its URL must start with https://');
    expect(attacked.log()).not.toContain(token);
  });

  it('reports a sender that does not trust the certificate, with the fix', async () => {
    const [own, other] = [makeTestCertificate(), makeTestCertificate()];
    const attacked = await serveAttacked({ settings }, { certificate: certificateOf(own) });
    // Node as a client hangs up without a word, as Ray's does from 2.50 on.
    expect(await postTls(attacked.server.port, other.pem)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    await until(() => attacked.log().includes('aborted the handshake'));
    // OpenSSL itself, as in Ray 2.49, ends the handshake with an alert.
    const client = spawn('openssl', [
      's_client',
      '-connect',
      `127.0.0.1:${attacked.server.port}`,
      '-CAfile',
      other.certFile,
      '-verify_return_error',
    ]);
    await until(() => attacked.log().includes('does not trust the certificate: on Ray nodes, SSL_CERT_FILE'));
    client.kill();
    expect(await attacked.metric('connections_refused_total{reason="tls_handshake"}')).toBe(2);
    expect(await postTls(attacked.server.port, own.pem)).toBe(200);
  });

  it('disconnects senders that never start the handshake or stop within it', async () => {
    const certificate = certificateOf(makeTestCertificate());
    const attacked = await serveAttacked({}, { certificate, limits: { handshakeTimeoutMs: 50 } });
    for (const text of ['', '\u0016\u0003\u0001']) expect(await (await connectRaw(attacked, text)).closed).toBe('');
    await until(async () => (await attacked.metric('connections_refused_total{reason="tls_handshake"}')) === 2);
    expect(attacked.log()).toContain('ERR_TLS_HANDSHAKE_TIMEOUT');
  });

  it('counts against the limit of connections, also before a handshake', async () => {
    const certificate = makeTestCertificate();
    const attacked = await serveAttacked({ settings }, { certificate: certificateOf(certificate), limits: { maxConnections: 5 } });
    const first = await connectRaw(attacked);
    for (let index = 0; index < 4; index += 1) await connectRaw(attacked);
    expect(await postTls(attacked.server.port, certificate.pem)).toBe(200);
    expect(await first.closed).toBe('');
    expect(await postTls(attacked.server.port, certificate.pem)).toBe(200);
  });

  async function connected(port: number, ca: string): Promise<TLSSocket> {
    const socket = connectTls({ port, host: 'localhost', ca });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    return socket;
  }
});
