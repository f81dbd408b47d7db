import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILD_TIMEOUT_MS, buildCli, startCli } from '../cli/built-cli.ts';
import { readProjectFile } from '../repository/source-tree.ts';
import { commandOf, lastOf, parseDockerfile, type Stage } from '../support/dockerfile.ts';

const image = parseDockerfile(readProjectFile('Dockerfile')).at(-1) as Stage;

describe(
  'the health check of the image',
  () => {
    let cli: string;
    let folder: string;
    beforeAll(async () => {
      cli = await buildCli();
      folder = await mkdtemp(join(tmpdir(), 'ray-otel-bridge-image-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const run = promisify(execFile);
    const [, ...healthCheck] = commandOf(lastOf(image, 'HEALTHCHECK'));
    /** Its exit code. */
    const check = async (env: Readonly<Record<string, string>>): Promise<number> =>
      run(process.execPath, healthCheck, { env }).then(
        () => 0,
        ({ code }: { code: number }) => code,
      );

    test('is content with a bridge over HTTP, whatever its address', async () => {
      const serve = startCli(cli, ['serve'], { RAY_OTEL_LISTEN: '127.0.0.1:0', OTEL_TRACES_EXPORTER: 'none' });
      const [, port = ''] = await serve.shows(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
      expect(await check({ RAY_OTEL_LISTEN: `0.0.0.0:${port}` })).toBe(0);
      expect(await check({ RAY_OTEL_LISTEN: `:${port}` })).toBe(0);
      expect(await check({ RAY_OTEL_LISTEN: `0.0.0.0:${port}`, RAY_OTEL_TLS_CERT_FILE: 'cert.pem' })).toBe(1);
    });

    test('is content with a bridge over HTTPS, whatever its certificate', async () => {
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=bridge.example.com'];
      execFileSync('openssl', ['req', '-x509', ...options, '-out', cert, '-keyout', key], { stdio: 'ignore' });
      const env = { RAY_OTEL_TLS_CERT_FILE: cert, RAY_OTEL_TLS_KEY_FILE: key };
      const serve = startCli(cli, ['serve'], { ...env, RAY_OTEL_LISTEN: '127.0.0.1:0', OTEL_TRACES_EXPORTER: 'none' });
      const [, port = ''] = await serve.shows(/listening on https:\/\/127\.0\.0\.1:(\d+)/);
      expect(await check({ ...env, RAY_OTEL_LISTEN: `0.0.0.0:${port}` })).toBe(0);
    });

    test('is not where nothing listens', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      expect(await check({ RAY_OTEL_LISTEN: `0.0.0.0:${port}` })).toBe(1);
    });
  },
  BUILD_TIMEOUT_MS,
);
