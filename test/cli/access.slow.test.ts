import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILD_TIMEOUT_MS, buildCli, runCli, startCli } from './built-cli.ts';

const token = 'the-sender-token-0123456789';
const none = { OTEL_TRACES_EXPORTER: 'none' };
const folder = mkdtempSync(join(tmpdir(), 'ray-otel-door-'));
const [certFile, keyFile, tokenFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem'), join(folder, 'tokens')];
let cli: string;

beforeAll(async () => {
  writeFileSync(tokenFile, `${token}\n`);
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...keys, ...names, '-out', certFile, '-keyout', keyFile], { stdio: 'ignore' });
  cli = await buildCli();
}, BUILD_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true }));

async function addressShownBy(program: ReturnType<typeof startCli>): Promise<string> {
  const [, address = ''] = await program.shows(/EVENTS_EXPORT_ADDR=(\S+)\n/);
  return address;
}

describe('serve', () => {
  test('serve prints an address with a placeholder for the token and never the token, and posts with the token succeed', async () => {
    const program = startCli(cli, ['serve', '--listen', '127.0.0.1:0', '--ingest-token-file', tokenFile], none);
    const address = await addressShownBy(program);
    expect(address).toMatch(/^http:\/\/ray:TOKEN@127\.0\.0\.1:\d+\/v1\/events$/);
    expect(program.stdout()).toContain('Replace TOKEN with');
    const recording = join(folder, 'events.ndjson');
    writeFileSync(recording, '{}\n');
    expect(await runCli(cli, ['replay', recording, '--to', address.replace('TOKEN', token)])).toMatchObject({ code: 0 });
    const refused = await runCli(cli, ['replay', recording, '--to', address.replace('TOKEN', 'another-token-0123456789')]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('put a token of the bridge into the URL') as string });
    expect(refused.stderr).not.toContain('another-token');
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.stdout() + program.stderr()).not.toContain(token);
  });

  test('serve with a certificate prints an https address and the variable that makes Ray trust it', async () => {
    const program = startCli(cli, ['serve', '--listen', '127.0.0.1:0', '--tls-cert-file', certFile, '--tls-key-file', keyFile], none);
    const address = await addressShownBy(program);
    expect(address).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/v1\/events$/);
    expect(program.stdout()).toContain('SSL_CERT_FILE');
    expect(program.stdout()).not.toContain('The certificate is not valid for');
    const recording = join(folder, 'tls.ndjson');
    writeFileSync(recording, '{}\n');
    const trusting = { NODE_EXTRA_CA_CERTS: certFile };
    expect(await runCli(cli, ['replay', recording, '--to', address], trusting)).toMatchObject({ code: 0 });
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  test('serve warns when other machines reach it without a token, and only then', async () => {
    const open = startCli(cli, ['serve', '--listen', '0.0.0.0:0'], none);
    await addressShownBy(open);
    const guarded = startCli(cli, ['serve', '--listen', '0.0.0.0:0'], {
      ...none,
      RAY_OTEL_INGEST_TOKEN: token,
      RAY_OTEL_READ_TOKEN: token,
    });
    await addressShownBy(guarded);
    const unseen = startCli(cli, ['serve', '--listen', '0.0.0.0:0', '--view', 'off'], { ...none, RAY_OTEL_INGEST_TOKEN: token });
    await addressShownBy(unseen);
    const local = startCli(cli, ['serve', '--listen', '127.0.0.1:0'], none);
    await addressShownBy(local);
    for (const program of [open, guarded, unseen, local]) program.signal('SIGTERM');
    await Promise.all([open.exited, guarded.exited, unseen.exited, local.exited]);
    expect(open.stderr()).toContain('anyone who reaches 0.0.0.0 can post events: require a token with --ingest-token-file');
    expect(open.stderr()).toContain('anyone who reaches 0.0.0.0 can read the live page');
    for (const program of [guarded, unseen, local]) expect(program.stderr()).not.toContain('anyone who reaches');
    expect(guarded.stdout() + guarded.stderr()).not.toContain(token);
  });

  test('serve reports all unusable token and certificate files together', async () => {
    const argv = ['serve', '--tls-cert-file', certFile, '--tls-key-file', certFile, '--ingest-token-file', join(folder, 'gone')];
    const { code, stderr } = await runCli(cli, argv, none);
    expect(code).toBe(2);
    expect(stderr).toContain('--tls-key-file: ');
    expect(stderr).toContain('gone: no such file');
  });
});

test('record requires the token, too, and does not record a token in a path', async () => {
  const output = join(folder, 'recorded.ndjson');
  const program = startCli(cli, ['record', '--listen', '127.0.0.1:0', '--output', output, '--ingest-token-file', tokenFile]);
  const [, url = ''] = await program.shows(/listening on (\S+)\n/);
  await program.shows(/recording to/);
  const post = async (path: string): Promise<number> =>
    (await fetch(url + path, { method: 'POST', body: '[]', headers: { 'content-type': 'application/json' } })).status;
  expect([await post('/'), await post('/t/a-wrong-token-0123456789/'), await post(`/t/${token}/v1/events`)]).toEqual([401, 401, 200]);
  program.signal('SIGTERM');
  expect(await program.exited).toBe(0);
  const recorded = readFileSync(output, 'utf8');
  expect(recorded).toContain('"path":"/t/***/v1/events"');
  expect(recorded + program.stdout() + program.stderr()).not.toMatch(/-token-0123456789/);
});
