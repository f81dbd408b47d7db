import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Certificate, openAccess, readCertificate, reloadableCertificate } from '../../src/http/index.ts';
import { type Reloadable, type Reloaded, watchFiles } from '../../src/runtime/index.ts';
import { readFirstToken } from '../../src/command/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'ray-otel-access-'));
afterAll(() => rmSync(folder, { recursive: true }));

const first = 'first-token-of-24-chars.';
const second = 'second_token_of_24_chars';
const noFiles = { ingestTokens: [], ingestTokenFile: undefined, readTokens: [], readTokenFile: undefined };

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function opened(options: Partial<Parameters<typeof openAccess>[0]>) {
  const access = openAccess({ ...noFiles, ...options });
  if (!access.ok) throw new Error(access.problem.join('\n'));
  return access.value;
}

describe('token files', () => {
  it('add tokens to those of the variables, separately for senders and readers', () => {
    const access = opened({ ingestTokens: [first], ingestTokenFile: write('ingest', `${second}\n`) });
    expect([access.ingest.accepts([first]), access.ingest.accepts([second]), access.read.isRequired()]).toEqual([true, true, false]);
  });

  it('are read again when they change, so that a token can be rotated', () => {
    const path = write('rotated', `${first}\n`);
    const { ingest, files } = opened({ ingestTokenFile: path });
    const reload = (): Reloaded | undefined => files[0]?.reload();
    expect(reload()).toBeUndefined();
    writeFileSync(path, `${first}\n${second}\n`);
    expect(reload()).toEqual({ setting: 'ingest-token-file', outcome: { ok: true, value: '2 tokens' } });
    expect([ingest.accepts([first]), ingest.accepts([second])]).toEqual([true, true]);
    writeFileSync(path, second);
    reload();
    expect([ingest.accepts([first]), ingest.accepts([second])]).toEqual([false, true]);
  });

  it('are read through a link that was replaced, which is how a mounted secret changes', () => {
    const link = join(folder, 'link');
    symlinkSync(write('old', first), link);
    const { read, files } = opened({ readTokenFile: link });
    unlinkSync(link);
    symlinkSync(write('new', second), link);
    files[0]?.reload();
    expect([read.accepts([first]), read.accepts([second])]).toEqual([false, true]);
  });

  it.each(['', '# none\n', 'short'])(
    'without a valid token (%j) leave the previous tokens in use, and each poll reports the problem',
    (text) => {
      const path = write('spoilt', first);
      const { ingest, files } = opened({ ingestTokenFile: path });
      writeFileSync(path, text);
      for (let index = 0; index < 2; index += 1)
        expect(files[0]?.reload()).toMatchObject({ setting: 'ingest-token-file', outcome: { ok: false } });
      expect([ingest.isRequired(), ingest.accepts([first]), ingest.accepts([''])]).toEqual([true, true, false]);
      rmSync(path);
      expect(files[0]?.reload()).toMatchObject({ outcome: { ok: false, problem: expect.stringContaining('no such file') as string } });
      expect(ingest.accepts([first])).toBe(true);
    },
  );

  it('that are unusable at startup are all reported at once', () => {
    mkdirSync(join(folder, 'a-folder'));
    const read = openAccess({
      ...noFiles,
      ingestTokenFile: join(folder, 'a-folder'),
      readTokenFile: write('large', 'x'.repeat(2 ** 20 + 1)),
    });
    expect(read).toMatchObject({
      ok: false,
      problem: [
        expect.stringMatching(/^--ingest-token-file: .*a-folder is not a file$/),
        expect.stringMatching(/^--read-token-file: .*large is larger than 1048576 bytes/),
      ],
    });
    expect(openAccess({ ...noFiles, readTokenFile: write('empty', '') })).toMatchObject({
      problem: [expect.stringContaining('holds no token')],
    });
  });
});

describe('a path that is not a plain file', () => {
  const paths: [string, () => string | Promise<string>][] = [
    ['a named pipe', () => made('pipe', (path) => execFileSync('mkfifo', [path]))],
    [
      'a link to a named pipe',
      () =>
        made('pipe-link', (path) =>
          symlinkSync(
            made('linked-pipe', (pipe) => execFileSync('mkfifo', [pipe])),
            path,
          ),
        ),
    ],
    ['a folder', () => made('folder', (path) => mkdirSync(path))],
    ['a socket', socketPath],
    ['a device without end', () => '/dev/zero'],
    ['a device without content', () => '/dev/null'],
  ];

  it.each(paths)('is refused at startup, and also later when it replaces the file: %s', async (_what, make) => {
    const path = await make();
    for (const setting of ['ingestTokenFile', 'readTokenFile']) {
      expect(openAccess({ ...noFiles, [setting]: path })).toMatchObject({
        ok: false,
        problem: [expect.stringMatching(/ is not a file$/)],
      });
    }
    expect(readFirstToken(path)).toMatchObject({ ok: false, problem: expect.stringMatching(/ is not a file$/) as string });
    const key = write('key', '');
    expect(readCertificate({ certFile: path, keyFile: key })).toMatchObject({
      ok: false,
      problem: expect.stringMatching(/is not a file$/) as string,
    });
    expect(readCertificate({ certFile: key, keyFile: path })).toMatchObject({
      ok: false,
      problem: expect.stringMatching(/is not a file$/) as string,
    });

    const replaced = made('replaced', (file) => writeFileSync(file, first));
    const { ingest, files } = opened({ ingestTokenFile: replaced });
    unlinkSync(replaced);
    symlinkSync(path, replaced);
    expect(files[0]?.reload()).toMatchObject({ outcome: { ok: false, problem: expect.stringMatching(/ is not a file$/) as string } });
    expect(ingest.accepts([first])).toBe(true);
  });

  let pathNumber = 0;
  function made(name: string, make: (path: string) => unknown): string {
    pathNumber += 1;
    const path = join(folder, `${name}-${pathNumber}`);
    make(path);
    return path;
  }

  async function socketPath(): Promise<string> {
    const path = made('socket', () => {});
    const server = createServer().listen(path);
    await once(server, 'listening');
    servers.push(server);
    return path;
  }
  const servers: Server[] = [];
  afterAll(() => servers.forEach((server) => server.close()));
});

describe('watching files', () => {
  it('reads every file after each pause, until the signal aborts', async () => {
    const stop = new AbortController();
    const reported: Reloaded[] = [];
    let pauses = 0;
    const changing: Reloadable = { reload: () => (pauses === 2 ? { setting: 'a', outcome: { ok: true, value: 'it' } } : undefined) };
    await watchFiles([changing], {
      signal: stop.signal,
      onReload: (reloaded) => reported.push(reloaded),
      sleep: async () => {
        pauses += 1;
        if (pauses === 4) stop.abort();
      },
    });
    expect([pauses, reported.length]).toEqual([4, 1]);
  });

  it('ends at once when there is no file to watch', async () => {
    await watchFiles([], { signal: new AbortController().signal, onReload: () => {}, sleep: () => Promise.reject(new Error('no pause')) });
  });
});

/** A self-signed certificate of 2 days. */
function makeCertificate(name: string, names = 'DNS:localhost,IP:127.0.0.1'): { readonly certFile: string; readonly keyFile: string } {
  const files = { certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}-key.pem`) };
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`];
  const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...keys, ...subject, '-days', '2', '-out', files.certFile, '-keyout', files.keyFile], {
    stdio: 'ignore',
  });
  return files;
}

describe('certificate files', () => {
  const good = makeCertificate('good');
  const other = makeCertificate('other');

  function certificate(): Certificate {
    const read = readCertificate(good);
    if (!read.ok) throw new Error(read.problem);
    return read.value;
  }

  it('report the names and addresses that they are valid for', () => {
    const { isFor, names } = certificate();
    expect([isFor('localhost'), isFor('127.0.0.1'), isFor('10.0.0.1'), isFor('head')]).toEqual([true, true, false, false]);
    expect(names).toBe('DNS:localhost, IP Address:127.0.0.1');
  });

  it.each([
    ['a missing certificate', { ...good, certFile: 'gone.pem' }, '--tls-cert-file: gone.pem: no such file'],
    ['a key in its place', { ...good, certFile: good.keyFile }, 'is not a certificate in PEM'],
    ['a certificate in place of the key', { ...good, keyFile: good.certFile }, 'is not a private key in PEM'],
    ['the key of another certificate', { ...good, keyFile: other.keyFile }, 'is not the key of the certificate'],
    ['a key with a passphrase', { ...good, keyFile: write('locked', '-----BEGIN ENCRYPTED PRIVATE KEY-----') }, 'is encrypted'],
  ])('are refused when one is wrong: %s', (_name, files, problem) => {
    const read = readCertificate(files);
    expect(read.ok ? '' : read.problem).toContain(problem);
  });

  it('are used once both the certificate and the key have changed', () => {
    const files = { certFile: write('live.pem', certificate().cert), keyFile: write('live-key.pem', certificate().key) };
    const used: Certificate[] = [];
    const reloadable = reloadableCertificate(files, certificate(), (next) => used.push(next));
    expect(reloadable.reload()).toBeUndefined();
    const next = readCertificate(other);
    if (!next.ok) throw new Error(next.problem);
    writeFileSync(files.certFile, next.value.cert);
    expect(reloadable.reload()).toMatchObject({ setting: 'tls-cert-file', outcome: { ok: false } });
    expect(used).toEqual([]);
    writeFileSync(files.keyFile, next.value.key);
    expect(reloadable.reload()).toMatchObject({ setting: 'tls-cert-file', outcome: { ok: true } });
    expect(used.map(({ cert }) => cert)).toEqual([next.value.cert]);
    expect(reloadable.reload()).toBeUndefined();
  });
});
