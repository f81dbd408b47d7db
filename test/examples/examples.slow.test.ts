import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv, promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createExporters } from '../../src/export/index.ts';
import { parseSettings } from '../../src/config.ts';
import { suspectVariables } from '../../src/known-variables.ts';
import { BUILD_TIMEOUT_MS, buildCli, runCli, startCli } from '../cli/built-cli.ts';
import { type Sink, startSink } from '../export/support.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const examples = join(project, 'examples');
const recordedJob = join(project, 'test/fixtures/recordings/job-submit-ray-2.60.0.ndjson');
const backends = ['jaeger', 'tempo', 'collector'] as const;

let cli: string;
const sinks: Sink[] = [];

beforeAll(async () => {
  cli = await buildCli();
}, BUILD_TIMEOUT_MS);

afterEach(async () => {
  await Promise.all(sinks.splice(0).map((sink) => sink.close()));
});

async function openSink(): Promise<Sink> {
  const sink = await startSink();
  sinks.push(sink);
  return sink;
}

async function readYaml(...path: string[]): Promise<unknown> {
  return parse(await readFile(join(examples, ...path), 'utf8'));
}

interface Compose {
  readonly services: Record<string, { image: string; ports?: string[]; volumes?: string[]; environment?: Record<string, string> }>;
}

const readCompose = async (example: string): Promise<Compose> => (await readYaml(example, 'compose.yaml')) as Compose;

/** Posts a recorded job and resolves when the backend has its first spans. */
async function postJob(bridgeUrl: string, sink: Sink): Promise<void> {
  const replay = await runCli(cli, ['replay', recordedJob, '--to', bridgeUrl, '--speed', 'max']);
  expect(replay).toMatchObject({ code: 0 });
  await expect.poll(() => sink.stored.size, { timeout: 30_000 }).toBeGreaterThan(0);
}

test('every example has a README that shows its commands', async () => {
  const folders = (await readdir(examples, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  expect(folders.length).toBeGreaterThanOrEqual(5);
  for (const { name } of folders) expect(await readFile(join(examples, name, 'README.md'), 'utf8')).toMatch(/^ {4}\S+/m);
});

describe.each(backends)('%s', (example) => {
  const envFile = join(examples, example, 'bridge.env');

  test('the variables are known, and lead to a port that the containers publish', async () => {
    const env = parseEnv(await readFile(envFile, 'utf8')) as Record<string, string>;
    expect(parseSettings([], env)).toMatchObject({ ok: true });
    expect(suspectVariables(env)).toEqual([]);
    const created = createExporters(env);
    expect(created.ok ? created.exporters.map(({ endpoint }) => endpoint) : created.problems).toEqual(['http://localhost:4318/v1/traces']);
    const { services } = await readCompose(example);
    expect(Object.values(services).flatMap(({ ports = [] }) => ports)).toContain('127.0.0.1:4318:4318');
  });

  test('the containers have pinned images and mount files that exist', async () => {
    const { services } = await readCompose(example);
    for (const { image, volumes = [] } of Object.values(services)) {
      expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
      for (const volume of volumes.filter((each) => each.startsWith('.'))) {
        expect(await readFile(join(examples, example, volume.split(':')[0] ?? ''), 'utf8')).not.toBe('');
      }
    }
  });

  test('serve with the variables, a recorded job, spans in the backend, a clean stop', async () => {
    const sink = await openSink();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, RAY_OTEL_LISTEN: '127.0.0.1:0', RAY_OTEL_SETTLE: '100ms' };
    const serve = startCli(`--env-file=${envFile}`, [cli, 'serve'], env);
    const [, url = ''] = await serve.shows(/listening on (\S+)/);
    await postJob(url, sink);
    serve.signal('SIGTERM');
    expect(await serve.exited).toBe(0);
    expect(serve.stdout()).toContain('all finished spans are delivered');
  });
});

test('tempo: the configuration takes OTLP on the ports that are published, and its trace limit is above the budget', async () => {
  const config = (await readYaml('tempo', 'tempo.yaml')) as {
    distributor: { receivers: { otlp: { protocols: Record<'grpc' | 'http', { endpoint: string }> } } };
    overrides: { defaults: { global: { max_bytes_per_trace: number } } };
  };
  const { grpc, http } = config.distributor.receivers.otlp.protocols;
  expect([grpc.endpoint, http.endpoint]).toEqual(['0.0.0.0:4317', '0.0.0.0:4318']);
  const parsed = parseSettings([], {});
  expect(parsed.ok && parsed.settings.maxBytesPerTrace).toBeLessThan(config.overrides.defaults.global.max_bytes_per_trace);
  expect(await readYaml('tempo', 'grafana-datasource.yaml')).toMatchObject({ datasources: [{ type: 'tempo', url: 'http://tempo:3200' }] });
});

test('collector: the containers set variables that the configuration reads, and nothing is defined that no pipeline uses', async () => {
  const text = await readFile(join(project, 'otel-collector.yaml'), 'utf8');
  const readVariables = new Set([...text.matchAll(/\$\{env:(\w+):-[^}]+\}/g)].map((match) => match[1]));
  const { services } = await readCompose('collector');
  const setVariables = Object.keys(services['collector']?.environment ?? {});
  expect(setVariables.length).toBeGreaterThan(3);
  for (const name of setVariables) expect(readVariables).toContain(name);

  const config = parse(text) as Record<string, Record<string, unknown>> & {
    service: { pipelines: Record<string, Record<'receivers' | 'processors' | 'exporters', string[]>> };
  };
  const used = Object.values(config.service.pipelines).flatMap(({ receivers, processors, exporters }) => [
    ...receivers,
    ...processors,
    ...exporters,
  ]);
  const defined = ['receivers', 'processors', 'connectors', 'exporters'].flatMap((kind) => Object.keys(config[kind] ?? {}));
  expect(new Set(used)).toEqual(new Set(defined));
});

test('embedded: compiled and run as its README says, it passes a recorded job on and stops cleanly', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ray-otel-bridge-embedded-'));
  await cp(join(examples, 'embedded'), folder, { recursive: true });
  await linkDependencies(folder);
  await promisify(execFile)(process.execPath, [join(project, 'node_modules/typescript/bin/tsc')], { cwd: folder });

  const sink = await openSink();
  const app = startCli(join(folder, 'dist/app.js'), [], { PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url }, folder);
  const [, url = ''] = await app.shows(/listening on (\S+)/);
  expect(await (await fetch(url)).text()).toContain('A service with a bridge inside');
  expect((await fetch(`${url}/ray/readyz`)).status).toBe(200);
  await postJob(`${url}/ray/v1/events`, sink);
  app.signal('SIGTERM');
  expect(await app.exited).toBe(0);
  expect(app.stdout()).toContain('stopped, 0 spans undelivered');
});

/** What `npm install` would put there: the built package, and the other dependencies from this checkout. */
async function linkDependencies(folder: string): Promise<void> {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    const target = name === 'ray-otel-bridge' ? dirname(dirname(cli)) : join(project, 'node_modules', name);
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(target, link);
  }
}
