import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTraces } from '../support/oracle.ts';
import type { FlatSpan } from '../support/otlp-spans.ts';
import { startBridge } from './support/bridge.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { needing, pythonChecks, rayBinFolder } from './support/parts.ts';
import { eventually, type RunningProgram } from './support/processes.ts';
import { RayCluster } from './support/ray-cluster.ts';
import { startTee, type Tee } from './support/tee.ts';

// A real Ray runs drivers whose tasks make spans of their own. Theirs go to the Collector straight, Ray's events through the
// bridge; nothing but the ids joins them.

const examples = join(import.meta.dirname, '../../examples/python');

/** Ray sends a job's metadata to the bridge from 2.50 on. */
const releases: [version: string, tellsMetadata: boolean][] = [
  ['2.60.0', true],
  ['2.49.2', false],
];

describe('the package', () => {
  const { title, skip } = needing('has nothing that mypy, strict, or ruff find', ['python-checks', 'user-spans-2.60.0']);
  it.skipIf(skip)(title, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-checks-'));
    const run = async (tool: string, ...args: readonly string[]): Promise<string> =>
      await promisify(execFile)(join(pythonChecks, 'bin', tool), args, { cwd: examples }).then(
        ({ stdout }) => stdout.trim(),
        (error: unknown) => String(error instanceof Error && 'stdout' in error ? error.stdout : error),
      );
    const mypy = ['--python-executable', join(rayBinFolder('2.60.0'), 'python'), '--cache-dir', folder];
    expect(await run('mypy', ...mypy)).toMatch(/^Success: no issues found in \d+ source files$/);
    expect(await run('ruff', 'check', '--no-cache', '.')).toBe('All checks passed!');
    expect(await run('ruff', 'format', '--no-cache', '--check', '.')).toMatch(/^\d+ files already formatted$/);
    rmSync(folder, { recursive: true });
  });
});

describe.each(releases)('the package with what Ray %s brings', (version) => {
  const { title, skip } = needing('passes its own tests', [`user-spans-${version}`]);
  it.skipIf(skip)(title, async () => {
    const python = join(rayBinFolder(version), 'python');
    const env = { ...process.env, PYTHONPATH: join(examples, 'src'), PYTHONDONTWRITEBYTECODE: '1' };
    const { stderr } = await promisify(execFile)(python, ['-m', 'unittest', 'discover', '-s', join(examples, 'tests')], { env });
    expect(stderr).toMatch(/^Ran [1-9]\d+ tests[^]*\nOK\s*$/m);
  });
});

describe.each(releases)('Ray %s', (version, tellsMetadata) => {
  const { title, skip } = needing('spans of user code under those of the bridge', ['build', 'collector', `user-spans-${version}`]);
  describe.skipIf(skip)(title, () => {
    let folder = '';
    let collector: Collector;
    let bridge: RunningProgram;
    let tee: Tee;
    let printed: readonly string[] = [];
    let spans: readonly FlatSpan[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
      const site = await installPackage(version, join(folder, 'site'));
      collector = await startCollector(folder);
      const serving = await startBridge(['--orphan-timeout', '20s', '--data-dir', join(folder, 'data')], {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint,
      });
      bridge = serving.program;
      tee = await startTee(serving.url);

      const cluster = await RayCluster.start(version, {
        ...serving.rayVariables,
        RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR: `${tee.url}/v1/events`,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint,
        PYTHONPATH: site,
        E2E_FOLDER: folder,
      });
      try {
        const second = ['python', join(import.meta.dirname, 'workload/user_spans_of_another_job.py')];
        printed = [
          await cluster.runDriver('user_spans.py', {}),
          await cluster.runDriver(join(examples, 'submit_from_trace.py'), { OTEL_SERVICE_NAME: 'nightly' }, [cluster.dashboard, ...second]),
        ];
        // The last call's process would be killed before it sends: what such an end loses is not looked at here.
        await eventually('the span of the last call', 30_000, () => {
          expect(collector.spans().map(({ name }) => name)).toContain('user: Registry called by another job');
        }).catch(() => undefined);
      } finally {
        await cluster.stop();
      }

      // What is open now closes when the session was silent for --orphan-timeout.
      await eventually('the spans of both jobs', 90_000, () => {
        spans = collector.spans();
        expect(checkTraces(tee.accepted, ofBridge(spans))).toEqual([]);
      }).catch(() => undefined);
    });

    afterAll(async () => {
      await bridge?.destroy();
      await collector?.program.destroy();
      await tee?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const only = (name: string): FlatSpan => {
      const found = spans.filter((span) => span.name === name);
      if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} spans are named ${name}`);
      return found[0];
    };
    const parentOf = ({ traceId, parentSpanId }: FlatSpan): FlatSpan | undefined =>
      spans.find((span) => span.traceId === traceId && span.spanId === parentSpanId);

    it('ran both drivers, and the bridge’s own spans keep every rule', () => {
      expect(printed[0]).toContain('user spans done');
      expect(checkTraces(tee.accepted, ofBridge(spans))).toEqual([]);
    });

    it('shows every span of user code', () => {
      const made = ofUser(spans).map(({ name }) => name.slice('user: '.length));
      const inside = made.filter((name) => name.startsWith('inside '));
      const range = (text: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${text} ${n}`);
      const tries = (text: string, count: number): string[] => Array<string>(count).fill(text);
      const calls = (text: string): string[] => range(text, 8).flatMap((name, n) => tries(name, n % 2 === 0 ? 1 : 3));
      expect(made.filter((name) => !name.startsWith('inside ')).toSorted()).toEqual(
        [
          'driver',
          'outer',
          ...range('inner', 2),
          ...tries('flaky', 3),
          ...tries('thread of flaky', 3),
          'thread',
          ...range('pool', 2),
          'other service',
          ...range('generated', 2),
          'Sync created',
          ...range('Sync', 2),
          ...range('pool of Sync', 2),
          'Async created',
          ...calls('Async'),
          ...calls('to_thread of Async'),
          ...calls('executor of Async'),
          ...range('Async generated', 2),
          ...range('group io', 2),
          'default group',
          ...range('Phoenix created', 2),
          'Phoenix after the crash',
          'Registry called by its own job',
          'second driver',
          'step',
          'Registry called by another job',
        ].toSorted(),
      );
      expect(inside.length).toBeGreaterThan(40);
    });

    it('shows each under the attempt in which it was made', () => {
      const made = ofUser(spans).filter(({ attributes }) => attributes['e2e.task_id'] !== undefined);
      expect(made.length).toBeGreaterThan(50);
      const wrong = made.filter((span) => {
        const parent = parentOf(span)?.attributes;
        return parent?.['ray.task_id'] !== span.attributes['e2e.task_id'] || parent?.['ray.task.attempt'] !== truth(span, tellsMetadata);
      });
      expect(wrong.map((span) => ({ span, parent: parentOf(span) }))).toEqual([]);
    });

    it('leaves the spans inside them alone', () => {
      const inside = ofUser(spans).filter(({ name }) => name.startsWith('user: inside '));
      expect(inside.filter((span) => parentOf(span)?.name.startsWith('user: ') !== true)).toEqual([]);
    });

    it('shows those of a driver under its job', () => {
      for (const name of ['user: driver', 'user: second driver']) {
        const span = only(name);
        expect(parentOf(span)).toMatchObject({
          name: expect.stringMatching(/^job /),
          attributes: { 'ray.job_id': span.attributes['e2e.job_id'] },
        });
      }
    });

    it('shows all of the first job as one trace with one root', () => {
      const trace = spans.filter(({ traceId }) => traceId === only('user: driver').traceId);
      expect(trace.filter((span) => parentOf(span) === undefined).map(({ name }) => name)).toEqual([expect.stringMatching(/^job /)]);
      expect(ofUser(trace).length).toBeGreaterThan(90);
    });

    it('shows a job that was sent from inside a trace as a part of it (Ray 2.50 and later), with its calls of another job’s actor', () => {
      const nightly = only('nightly run');
      const second = spans.filter(({ traceId }) => traceId === only('user: second driver').traceId);
      expect(second.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['user: step', 'user: Registry called by another job', 'Registry.put', expect.stringMatching(/^job /)]),
      );
      expect(parentOf(only('user: Registry called by another job'))).toMatchObject({ name: 'Registry.put' });
      const root = second.find(({ name }) => name.startsWith('job '));
      expect(root?.parentSpanId).toBe(tellsMetadata ? nightly.spanId : '');
      expect(root?.traceId === nightly.traceId).toBe(tellsMetadata);
    });
  });
});

/** Ray 2.49 counts a restarted actor's creation as its first attempt, in its events as in the worker. */
function truth({ name, attributes }: FlatSpan, countsRestarts: boolean): unknown {
  return name === 'user: Phoenix created 1' && countsRestarts ? 1 : attributes['e2e.attempt'];
}

const isUsers = ({ name }: FlatSpan): boolean => name.startsWith('user: ') || name === 'nightly run';
const ofUser = (spans: readonly FlatSpan[]): FlatSpan[] => spans.filter((span) => span.name.startsWith('user: '));
const ofBridge = (spans: readonly FlatSpan[]): FlatSpan[] => spans.filter((span) => !isUsers(span));

/** Builds the wheel that a release has and installs it, as a user does, but into a folder of its own; resolves with that folder. */
async function installPackage(version: string, site: string): Promise<string> {
  const python = join(rayBinFolder(version), 'python');
  const run = async (...args: readonly string[]): Promise<void> => {
    await promisify(execFile)(python, ['-m', 'pip', ...args, '--quiet', '--disable-pip-version-check', '--no-deps']);
  };
  const wheels = `${site}-wheel`;
  await run('wheel', examples, '--no-build-isolation', '--wheel-dir', wheels);
  const [wheel = '', ...others] = readdirSync(wheels);
  expect(wheel).toMatch(/^ray_otel_bridge-\d+\.\d+\.\d+-py3-none-any\.whl$/);
  expect(others).toEqual([]);
  await run('install', join(wheels, wheel), '--no-index', '--target', site);
  const modules = readdirSync(join(examples, 'src/ray_otel_bridge')).filter((name) => name !== '__pycache__');
  expect(modules).toContain('py.typed');
  expect(readdirSync(join(site, 'ray_otel_bridge'))).toEqual(expect.arrayContaining(modules));
  return site;
}
