import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rayVariables } from '../../src/command/ray-variables.ts';
import { parseSettings } from '../../src/config.ts';
import { suspectVariables } from '../../src/known-variables.ts';
import { createExporters } from '../../src/export/index.ts';
import { projectFiles, projectPathExists, readProjectFile, repositoryRoot } from '../repository/source-tree.ts';
import { commandOf, copyOf, lastOf, parseDockerfile, type Stage, variablesOf } from '../support/dockerfile.ts';

const stages = parseDockerfile(readProjectFile('Dockerfile'));
const image = stages.at(-1) as Stage;
const imageEnv = variablesOf(image);

describe('Dockerfile', () => {
  test('ends in a stage without root, whose command gets the signals itself', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', 'dependencies', undefined]);
    expect(lastOf(image, 'USER')).toBe('1000:1000');
    expect([...commandOf(lastOf(image, 'ENTRYPOINT')), ...commandOf(lastOf(image, 'CMD'))]).toEqual(['node', '/app/dist/cli.js', 'serve']);
  });

  test('installs what the lockfile says, without scripts, and ships no tool of development', () => {
    const installs = stages.flatMap(({ name, instructions }) =>
      instructions.filter(({ rest }) => rest.includes('npm ci')).map(({ rest }) => ({ name, rest })),
    );
    expect(installs.map(({ name }) => name)).toEqual(['build', 'dependencies']);
    for (const { rest } of installs) expect(rest).toContain('--ignore-scripts');
    expect(installs[1]?.rest).toContain('--omit=dev');
    const copied = image.instructions.filter(({ name }) => name === 'COPY').map(({ rest }) => copyOf(rest));
    expect(copied.filter(({ stage }) => stage !== undefined).map(({ stage, target }) => `${stage} ${target}`)).toEqual([
      'dependencies node_modules',
      'build dist',
    ]);
  });

  test('sets variables that the bridge knows, and keeps its data on the volume', () => {
    const { NODE_ENV, ...settings } = imageEnv;
    expect(NODE_ENV).toBe('production');
    expect(suspectVariables(settings)).toEqual([]);
    expect(parseSettings([], settings)).toMatchObject({ ok: true, settings: { dataDir: lastOf(image, 'VOLUME') } });
    expect(settings['RAY_OTEL_LISTEN']).toBe(`0.0.0.0:${lastOf(image, 'EXPOSE')}`);
  });

  test('copies files that are there and that .dockerignore lets in', () => {
    const ignored = readProjectFile('.dockerignore').split('\n');
    expect(ignored).toContain('*');
    const sources = stages.flatMap(({ instructions }) =>
      instructions
        .filter(({ name }) => name === 'COPY')
        .map(({ rest }) => copyOf(rest))
        .filter(({ stage }) => stage === undefined)
        .flatMap((copy) => copy.sources),
    );
    expect(sources.length).toBeGreaterThan(8);
    for (const source of sources) {
      expect(projectPathExists(source), source).toBe(true);
      expect(ignored, source).toContain(`!${source}`);
    }
  });
});

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[];
}

const compose = parse(readProjectFile('examples/docker-compose/compose.yaml')) as {
  services: Record<string, Service> & Record<'ray' | 'bridge' | 'collector' | 'prometheus' | 'grafana', Service>;
  volumes: Record<string, unknown>;
};
const { services } = compose;

describe('everything in containers', () => {
  test('Ray posts to the bridge, the bridge sends to the Collector, and Prometheus reads both', () => {
    const variables = rayVariables('http://bridge:8080/v1/events').flatMap((line) => /^export (\w+)=(.*)$/.exec(line)?.slice(1, 3) ?? []);
    const { environment = {} } = services.ray;
    expect(Object.keys(environment)).toEqual(variables.filter((_, index) => index % 2 === 0));
    expect(environment['RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR']).toBe('http://bridge:8080/v1/events');

    const env = { ...services.bridge.environment };
    expect(suspectVariables(env)).toEqual([]);
    expect(parseSettings([], env)).toMatchObject({ ok: true });
    const created = createExporters(env);
    expect(created.ok ? created.exporters.map(({ endpoint }) => endpoint) : created.problems).toEqual(['http://collector:4318/v1/traces']);

    const { scrape_configs: scrapes } = parse(readProjectFile('examples/docker-compose/prometheus.yaml')) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    expect(scrapes.map(({ job_name: job, static_configs: [config] }) => `${job} ${config?.targets.join(' ')}`)).toEqual([
      'ray-otel-bridge bridge:8080',
      'ray-tasks collector:8889',
    ]);
  });

  test('the bridge is built from the Dockerfile, writes to its volume alone, and is given longer to end than it drains', () => {
    expect(services.bridge).toMatchObject({ build: '../..', read_only: true, cap_drop: ['ALL'], stop_grace_period: '30s' });
    expect(services.bridge.volumes).toEqual([`bridge-data:${lastOf(image, 'VOLUME')}`]);
    const parsed = parseSettings([], {});
    expect(parsed.ok && parsed.settings.drainTimeoutMs).toBeLessThan(30_000);
  });

  test('images are pinned, mounts exist, ports are open to this machine only, and each service depends on ones that there are', () => {
    for (const [name, { image: tag, volumes = [], ports = [], depends_on: before = [] }] of Object.entries(services)) {
      expect(tag).toMatch(/:v?\d+\.\d+\.\d+$/);
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      for (const other of before) expect(Object.keys(services)).toContain(other);
      for (const volume of volumes) {
        const [source = '', target] = volume.split(':');
        if (source.startsWith('.')) expect(projectPathExists(join('examples/docker-compose', source)), source).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
        expect(target?.startsWith('/')).toBe(true);
      }
    }
    const version = (JSON.parse(readProjectFile('package.json')) as { version: string }).version;
    expect(services.bridge.image).toBe(`ray-otel-bridge:${version}`);
  });

  test('the second configuration of the Collector adds Tempo and leaves out nothing', () => {
    const exportersOf = (path: string): string[] =>
      (parse(readProjectFile(path)) as { service: { pipelines: { traces: { exporters: string[] } } } }).service.pipelines.traces.exporters;
    const both = exportersOf('examples/docker-compose/also-tempo.yaml');
    expect(both).toEqual(expect.arrayContaining([...exportersOf('otel-collector.yaml'), 'otlp_grpc/tempo']));
    const mounted = (services.collector.volumes ?? []).map((volume) => volume.split(':')[1]);
    expect(services.collector.command).toEqual(mounted.map((path) => `--config=${path}`));
    const read = new Set([...readProjectFile('otel-collector.yaml').matchAll(/\$\{env:(\w+):-[^}]+\}/g)].map((match) => match[1]));
    for (const name of Object.keys(services.collector.environment ?? {})) expect(read).toContain(name);
  });

  const composeCommand = [['docker', 'compose'], ['docker-compose']].find(
    ([program = '', ...rest]) => spawnSync(program, [...rest, 'version']).status === 0,
  );
  test.skipIf(composeCommand === undefined).each(['docker-compose', 'jaeger', 'tempo', 'collector'])(
    'docker compose takes the file of %s (needs docker compose on the PATH)',
    (example) => {
      const [program = '', ...rest] = composeCommand ?? [];
      const file = join(repositoryRoot, 'examples', example, 'compose.yaml');
      const { status, stderr } = spawnSync(program, [...rest, '-f', file, 'config', '--quiet'], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
    },
  );
});

test.each([
  ['dash0', 'https://ingress.eu-west-1.aws.dash0.com/v1/traces', 'Authorization=Bearer%20'],
  ['datadog', 'http://localhost:4318/v1/traces', undefined],
  ['grafana-cloud', 'https://otlp-gateway-prod-us-east-0.grafana.net/otlp/v1/traces', 'Authorization=Basic%20'],
  ['honeycomb', 'https://api.honeycomb.io/v1/traces', 'x-honeycomb-team='],
  ['logfire', 'https://logfire-us.pydantic.dev/v1/traces', 'Authorization='],
  ['new-relic', 'https://otlp.nr-data.net/v1/traces', 'api-key='],
  ['signoz', 'https://ingest.us.signoz.cloud/v1/traces', 'signoz-ingestion-key='],
])('the variables for the hosted backend %s lead to its address, with its header', (name, endpoint, header) => {
  const env = parseEnv(readProjectFile(`examples/hosted-backends/${name}.env`)) as Record<string, string>;
  const created = createExporters(env);
  expect(created.ok ? created.exporters.map((each) => new URL(each.endpoint ?? '').href) : created.problems).toEqual([endpoint]);
  expect(env['OTEL_EXPORTER_OTLP_HEADERS']?.startsWith(`${header}YOUR_`)).toBe(header === undefined ? undefined : true);
  expect(readProjectFile(`docs/guides/backends/${name}.md`)).toContain(`--env-file=examples/hosted-backends/${name}.env`);
});

test('each hosted backend has a file of variables and a guide', () => {
  const files = projectFiles('examples/hosted-backends').filter((path) => path.endsWith('.env'));
  expect(files).toHaveLength(7);
  for (const path of files)
    expect(readProjectFile('docs/guides/backends/README.md')).toContain(`](${/(\w[\w-]*)\.env$/.exec(path)?.[1] ?? ''}.md)`);
});
