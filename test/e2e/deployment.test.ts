import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTraces } from '../support/oracle.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { startBridge } from './support/bridge.ts';
import { type Collector, countedSpans, startCollector } from './support/collector.ts';
import { bridgeCommand, collectorBinary, containerChecks, deploymentChecks, needing } from './support/parts.ts';
import { eventually, RunningProgram } from './support/processes.ts';
import { RayCluster } from './support/ray-cluster.ts';

// The examples of deployment, as far as a machine without Docker and Kubernetes can run them.

const project = join(import.meta.dirname, '../..');
const RECORDINGS = join(import.meta.dirname, '../fixtures/recordings');

function run(command: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: 'utf8', input });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

async function replay(recording: string, url: string): Promise<void> {
  const program = new RunningProgram(process.execPath, [
    bridgeCommand,
    'replay',
    join(RECORDINGS, recording),
    '--to',
    url,
    '--speed',
    'max',
  ]);
  expect(await program.exit(60_000), program.output).toBe(0);
}

const checks = needing('checked by their own tools', ['deployment-checks']);
describe.skipIf(checks.skip)(checks.title, () => {
  const folder = join(project, 'examples/kubernetes');
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const validate = (text: string, releases: readonly string[]): { status: number | null; stdout: string } =>
    spawnSync(
      join(deploymentChecks, 'bin/python'),
      [join(import.meta.dirname, 'deployment/validate_manifests.py'), join(deploymentChecks, 'crds'), ...releases],
      { input: text, encoding: 'utf8' },
    );

  it('the manifests of Kubernetes and KubeRay are valid', () => {
    const { status, stdout } = validate(files.map(textOf).join('\n---\n'), ['1.29', '1.37']);
    expect(status, stdout).toBe(0);
    for (const line of [
      'StatefulSet ray-otel-bridge: valid in 1.29',
      'StatefulSet ray-otel-bridge: valid in 1.37',
      'RayCluster ray: valid against its CRD',
      'ServiceMonitor ray-otel-bridge: valid against its CRD',
    ])
      expect(stdout).toContain(line);
  });

  it.each([
    ['bridge.yaml', 'runAsNonRoot', 'runAsNoRoot'],
    ['raycluster.yaml', 'workerGroupSpecs', 'workerGroupSpec'],
    ['servicemonitor.yaml', 'endpoints:', 'endpoint:'],
  ])('a slip in %s is found', (file, right, wrong) => {
    const { status, stdout } = validate(textOf(file).replaceAll(right, wrong), ['1.37']);
    expect(status).toBe(1);
    expect(stdout).toContain(wrong.replace(':', ''));
  });

  it('hadolint has nothing to say of the Dockerfile', () => {
    expect(run(join(deploymentChecks, 'bin/hadolint'), ['Dockerfile'])).toBe('');
  });
});

const containers = needing('loaded by the libraries of Compose and kustomize', ['container-checks', 'deployment-checks']);
describe.skipIf(containers.skip)(containers.title, () => {
  const composeFiles = readdirSync(join(project, 'examples'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('compose.yaml'))
    .map((path) => join(project, 'examples', path));

  it('every compose.yaml is one', () => {
    expect(composeFiles.length).toBeGreaterThan(3);
    const output = run(join(containerChecks, 'compose-config'), composeFiles);
    expect(output.trim().split('\n')).toHaveLength(composeFiles.length);
    expect(output).toMatch(/docker-compose\/compose\.yaml: .*\bbridge\b.*\bray\b/);
  });

  it.each([
    ['a key that Compose does not know', 'image:', 'imagge:'],
    ['a service that there is not', 'depends_on: [bridge]', 'depends_on: [nobody]'],
  ])('%s is found', (_what, right, wrong) => {
    const file = join(mkdtempSync(join(tmpdir(), 'ray-otel-bridge-compose-')), 'compose.yaml');
    const text = readFileSync(join(project, 'examples/docker-compose/compose.yaml'), 'utf8');
    const changed = text.replace(right, wrong);
    expect(changed).not.toBe(text);
    writeFileSync(file, changed);
    expect(spawnSync(join(containerChecks, 'compose-config'), [file]).status).toBe(1);
  });

  it('what `kubectl apply -k` would apply is valid, in its namespace and with the image that was pushed', () => {
    const built = run(join(containerChecks, 'kustomize'), ['build', 'examples/kubernetes']);
    const validator = [join(import.meta.dirname, 'deployment/validate_manifests.py'), join(deploymentChecks, 'crds'), '1.29', '1.37'];
    expect(run(join(deploymentChecks, 'bin/python'), validator, built)).toContain('StatefulSet ray-otel-bridge: valid in 1.37');
    expect(built).toMatch(/image: registry\.example\.com\/ray-otel-bridge:\d+\.\d+\.\d+\n/);
    expect(built.match(/^ {2}namespace: (\S+)$/gm)).toEqual(Array.from({ length: 6 }, () => '  namespace: observability'));
  });
});

const withCollector = needing('configurations of the Collector', ['build', 'collector']);
describe.skipIf(withCollector.skip)(withCollector.title, () => {
  let folder = '';
  const started: RunningProgram[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
  });
  afterAll(async () => {
    for (const program of started.splice(0).toReversed()) await program.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([['examples/docker-compose/also-tempo.yaml'], ['examples/collector-tail-sampling/tail-sampling.yaml']])(
    '%s is valid over that of the project',
    (second) => {
      run(collectorBinary, ['validate', '--config', 'otel-collector.yaml', '--config', second]);
    },
  );

  const TAIL_SAMPLING = join(project, 'examples/collector-tail-sampling/tail-sampling.yaml');
  /** In a hurry, without a share of the others. */
  async function startTailSampling(name: string): Promise<Collector> {
    mkdirSync(join(folder, name));
    const collector = await startCollector(join(folder, name), {
      configurations: [TAIL_SAMPLING],
      exporters: { traces: ['span_metrics'], 'traces/kept': ['file'] },
      env: { AFTER_JOB: '2s', LONGEST_JOB: '1h', SLOW_MS: '60000', OTHERS_PERCENT: '0' },
    });
    started.push(collector.program);
    return collector;
  }

  it('tail sampling keeps whole what failed, was slow, or is of the cluster, and counts all', async () => {
    const collector = await startTailSampling('made');
    const names = (): string[] =>
      collector
        .spans()
        .map(({ name }) => name)
        .toSorted();
    // The tasks come long before the job's own span, each with a request of its own.
    const first = ['failed', 'slow', 'good'].map((job) => spanOf(job, `${job} first task`, { parent: 'job', seconds: 1 }));
    for (const span of first) await post(collector.httpEndpoint, span);
    await post(
      collector.httpEndpoint,
      spanOf('good', 'span of user code', { parent: 'first task', seconds: 1, scope: 'user', jobId: false }),
    );
    await eventually('all to be counted', 30_000, async () => expect(countedSpans(await collector.metrics())).toBe(4));
    expect(names()).toEqual([]);

    await post(collector.httpEndpoint, spanOf('failed', 'failed second task', { parent: 'job', seconds: 1, failed: true }));
    await eventually('what failed, while its job still runs', 30_000, () =>
      expect(names()).toEqual(['failed first task', 'failed second task']),
    );
    await post(collector.httpEndpoint, spanOf('failed', 'failed third task', { parent: 'job', seconds: 1 }));
    await post(collector.httpEndpoint, spanOf('good', 'good job', { seconds: 59 }));
    await post(collector.httpEndpoint, spanOf('slow', 'slow job', { seconds: 61 }));
    await post(collector.httpEndpoint, spanOf('session', 'session', { seconds: 1, jobId: false }));
    const kept = ['failed first task', 'failed second task', 'failed third task', 'session', 'slow first task', 'slow job'];
    await eventually('what is kept', 30_000, () => expect(names()).toEqual(kept));

    // Each but the good one was decided when its span came; that one is when its job's span has come, and what is late goes the same way.
    await eventually('the decision to drop', 30_000, async () => {
      expect(await collector.ownMetrics()).toMatch(
        /^otelcol_processor_tail_sampling_global_count_traces_sampled\w*\{[^}]*sampled="false"[^}]*\} 1$/m,
      );
    });
    await post(collector.httpEndpoint, spanOf('good', 'good late task', { parent: 'job', seconds: 1, failed: true }));
    await post(collector.httpEndpoint, spanOf('slow', 'slow late task', { parent: 'job', seconds: 1 }));
    await eventually('what comes late', 30_000, () => expect(names()).toEqual([...kept, 'slow late task'].toSorted()));
    await eventually('all to be counted', 30_000, async () => expect(countedSpans(await collector.metrics())).toBe(11));
    expect(names()).toHaveLength(kept.length + 1);
  });

  it('tail sampling keeps the traces of a real job with failures as they are', async () => {
    const collector = await startTailSampling('recorded');
    const bridge = await startBridge(['--settle', '500ms', '--orphan-timeout', '2s', '--data-dir', join(folder, 'data')], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint,
    });
    started.push(bridge.program);
    await replay('features-ray-2.60.0.ndjson', bridge.url);
    const events = readRecordedEvents(join(RECORDINGS, 'features-ray-2.60.0.ndjson'));
    await eventually('right traces', 60_000, () => expect(checkTraces(events, collector.spans())).toEqual([]));
    expect(await bridge.program.stop()).toBe(0);
    expect(checkTraces(events, collector.spans())).toEqual([]);
  });
});

interface MadeSpan {
  readonly parent?: string;
  readonly seconds: number;
  readonly failed?: boolean;
  readonly scope?: string;
  readonly jobId?: boolean;
}

const idOf = (text: string, bytes: number): string =>
  createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, 2 * bytes);

/** One span of OTLP JSON; the root has the name of its trace as id. */
function spanOf(
  trace: string,
  name: string,
  { parent, seconds, failed = false, scope = 'ray-otel-bridge', jobId = true }: MadeSpan,
): unknown {
  const start = 1_790_000_000;
  const span = {
    traceId: idOf(trace, 16),
    spanId: idOf(parent === undefined ? 'job' : name, 8),
    parentSpanId: parent === undefined ? '' : idOf(parent, 8),
    name,
    kind: 1,
    startTimeUnixNano: `${start}000000000`,
    endTimeUnixNano: `${start + seconds}000000000`,
    attributes: jobId ? [{ key: 'ray.job_id', value: { stringValue: '01000000' } }] : [],
    status: failed ? { code: 2, message: 'failed' } : {},
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'ray' } }] };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: scope }, spans: [span] }] }] };
}

async function post(endpoint: string, body: unknown): Promise<void> {
  const response = await fetch(`${endpoint}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status, await response.text()).toBe(200);
}

const withRay = needing('the job of the containers', ['build', 'collector', 'ray-2.60.0']);
describe.skipIf(withRay.skip)(withRay.title, () => {
  it('makes, in a real Ray, the trace that its README describes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
    const collector = await startCollector(folder);
    const bridge = await startBridge(['--orphan-timeout', '10s', '--data-dir', join(folder, 'data')], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint,
    });
    const cluster = await RayCluster.start('2.60.0', bridge.rayVariables);
    try {
      const printed = await cluster.runDriver(join(project, 'examples/docker-compose/job.py'), {});
      for (const line of ['trained: 190', 'flaky: the second one does not', 'counted: 10', 'broken: this task always fails'])
        expect(printed).toContain(line);
      await eventually('the whole job', 90_000, () => {
        const spans = collector.spans();
        const job = spans.find(({ name }) => name.startsWith('job '));
        const inJob = spans.filter(({ traceId }) => traceId === job?.traceId);
        const attempts = (name: string): unknown[] =>
          inJob
            .filter((span) => span.name === name)
            .map(({ attributes }) => attributes['ray.task.attempt'])
            .toSorted();
        const train = inJob.find(({ name }) => name === 'train');
        expect(inJob.filter(({ name, parentSpanId }) => name === 'load' && parentSpanId === train?.spanId)).toHaveLength(20);
        expect(attempts('Counter.add')).toHaveLength(10);
        expect(attempts('flaky')).toEqual([0, 1]);
        const failed = inJob.filter(({ statusCode, attributes }) => statusCode === 2 && attributes['ray.task.type'] !== undefined);
        expect(failed.map(({ name }) => name).toSorted()).toEqual(['broken', 'flaky']);
        expect(failed.find(({ name }) => name === 'broken')?.statusMessage).toContain('this task always fails');
      });
    } finally {
      await cluster.destroy();
      await bridge.program.destroy();
      await collector.program.destroy();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
