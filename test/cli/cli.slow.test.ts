import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { RAY_EVENT_TYPES } from '../../src/event/index.ts';
import { BUILD_TIMEOUT_MS, buildCli, runCli, startCli } from './built-cli.ts';
import { readOtlpJsonLines } from '../support/otlp-spans.ts';
import { scriptedServer, type ScriptedServer } from './scripted-server.ts';

const recording = fileURLToPath(new URL('../fixtures/recordings/job-submit-ray-2.60.0.ndjson', import.meta.url));
const largeRecording = fileURLToPath(new URL('../fixtures/recordings/load-20k-tasks-ray-2.60.0.ndjson.gz', import.meta.url));
let cli: string;

beforeAll(async () => {
  cli = await buildCli();
}, BUILD_TIMEOUT_MS);

function spanIdsOf({ posts }: ScriptedServer): readonly string[] {
  return readOtlpJsonLines(posts.map(({ body }) => body).join('\n')).map(({ traceId, spanId }) => traceId + spanId);
}

describe('serve', () => {
  test('serve exits with 1 when its port is in use', async () => {
    const { port } = await scriptedServer([]);
    const { code, stderr } = await runCli(cli, ['serve', '--listen', `127.0.0.1:${port}`], { OTEL_TRACES_EXPORTER: 'none' });
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port} is in use by another program`);
  });

  test('serve exits with 1 when its host is not an address of this machine', async () => {
    const { code, stderr } = await runCli(cli, ['serve', '--listen', '192.0.2.1:0'], { OTEL_TRACES_EXPORTER: 'none' });
    expect(code).toBe(1);
    expect(stderr).toContain('192.0.2.1 is not an address of this machine');
  });

  test('serve prints shell lines for Ray and its backend without credentials', async () => {
    const program = startCli(cli, ['serve', '--listen', '127.0.0.1:0'], {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:hunter2@127.0.0.1:9/',
    });
    const [, url] = await program.shows(/listening on (\S+)\n[\s\S]*RAY_enable_core_worker_ray_event_to_aggregator=1\n/);
    const exported = Object.fromEntries([...program.stdout().matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
    expect(exported).toEqual({
      RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR: `${url}/v1/events`,
      RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES: RAY_EVENT_TYPES.join(','),
      RAY_enable_ray_event: '1',
      RAY_enable_core_worker_ray_event_to_aggregator: '1',
    });
    expect(program.stdout()).toContain('Only Ray nodes on this machine reach 127.0.0.1');
    expect(program.stdout()).toMatch(/sending traces with OTLP .*127\.0\.0\.1:9/);
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.stdout() + program.stderr()).not.toContain('hunter2');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'serve accepts a replay, and on %s delivers finished spans and exits with 0',
    async (signal) => {
      const backend = await scriptedServer([{ status: 200 }]);
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: backend.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', RAY_OTEL_SETTLE: '0' };
      const program = startCli(cli, ['serve', '--listen', '127.0.0.1:0'], env);
      const [, url = ''] = await program.shows(/listening on (\S+)\n/);
      const replayed = await runCli(cli, ['replay', recording, '--to', url, '--speed', 'max']);
      expect(replayed).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^22 posts with \d+ events in .*: \d+ accepted, 0 duplicates, 0 rejected\n$/),
      });
      program.signal(signal);
      expect(await program.exited).toBe(0);
      expect(program.stdout()).toContain('stopped: all finished spans are delivered');
      expect(backend.posts.length).toBeGreaterThan(0);
      expect(backend.posts.map(({ url: path }) => path)).toEqual(backend.posts.map(() => '/v1/traces'));
    },
  );

  test('serve reports how many spans it lost because the backend was unreachable', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', RAY_OTEL_SETTLE: '0' };
    const program = startCli(cli, ['serve', '--listen', '127.0.0.1:0', '--drain-timeout', '200ms'], env);
    const [, url = ''] = await program.shows(/listening on (\S+)\n/);
    await runCli(cli, ['replay', recording, '--to', url, '--speed', 'max']);
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.stdout()).toMatch(/stopped: \d+ spans not delivered, lost, because they were in memory/);
  });

  test('serve continues with the accepted events after a kill, and sends no span twice', async () => {
    const backend = await scriptedServer([{ status: 200 }]);
    const dataDir = await mkdtemp(join(tmpdir(), 'data-'));
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: backend.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      RAY_OTEL_JOURNAL: 'disk',
      RAY_OTEL_DATA_DIR: dataDir,
      RAY_OTEL_SETTLE: '1s',
    };
    const first = startCli(cli, ['serve', '--listen', '127.0.0.1:0'], env);
    const [, url = ''] = await first.shows(/listening on (\S+)\n/);
    expect(first.stdout()).toContain(`keeping accepted events in ${dataDir}`);
    const second = await runCli(cli, ['serve', '--listen', '127.0.0.1:0'], env);
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('another process uses the journal') });
    await runCli(cli, ['replay', recording, '--to', url, '--speed', 'max']);
    first.signal('SIGKILL');
    await first.exited;
    const before = spanIdsOf(backend);
    const third = startCli(cli, ['serve', '--listen', '127.0.0.1:0'], env);
    await expect.poll(() => third.stderr(), { timeout: 20_000 }).toContain('"rebuilt"');
    await expect.poll(() => spanIdsOf(backend).length, { timeout: 20_000 }).toBeGreaterThan(before.length);
    third.signal('SIGTERM');
    expect(await third.exited).toBe(0);
    const all = spanIdsOf(backend);
    expect(new Set(all).size).toBe(all.length);
    await rm(dataDir, { recursive: true });
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('a second %s ends it at once with %d', async (signal, code) => {
    const backend = await scriptedServer(['silent']);
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: backend.url, RAY_OTEL_SETTLE: '0' };
    const program = startCli(cli, ['serve', '--listen', '127.0.0.1:0', '--drain-timeout', '1h'], env);
    const [, url = ''] = await program.shows(/listening on (\S+)\n/);
    await runCli(cli, ['replay', recording, '--to', url, '--speed', 'max']);
    program.signal(signal);
    await program.shows(/stopping: /);
    program.signal(signal);
    expect(await program.exited).toBe(code);
  });

  test('serve warns about a misspelt variable', async () => {
    const program = startCli(cli, ['serve', '--listen', '127.0.0.1:0'], { RAY_OTEL_SETLE: '5s', OTEL_TRACES_EXPORTER: 'none' });
    await program.shows(/listening on/);
    program.signal('SIGTERM');
    await program.exited;
    expect(program.stderr()).toContain('unknown variable RAY_OTEL_SETLE (did you mean RAY_OTEL_SETTLE?)');
  });
});

describe('convert', () => {
  test('convert writes OTLP JSON lines, and a reader that closes the pipe is not an error', async () => {
    const whole = await runCli(cli, ['convert', recording]);
    expect(whole.code).toBe(0);
    expect(whole.stderr).toMatch(/^\d+ events, 0 rejected, \d+ spans, \d+ traces\n/);
    const lines = whole.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { resourceSpans: unknown[] });
    expect(lines[0]?.resourceSpans.length).toBeGreaterThan(0);

    const program = startCli(cli, ['convert', ...Array.from({ length: 30 }, () => recording)]);
    program.process.stdout?.destroy();
    expect(await program.exited).toBe(0);
    expect(program.stderr()).not.toContain('EPIPE');
  });
});

test('the process never allocates events in the old generation, where garbage stays until a full collection', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'spans-'));
  const convert = ['convert', largeRecording, '--output', join(folder, 'spans.jsonl')];
  // The engine's trace counts the allocation sites that it moved to the old generation.
  const { stdout } = await promisify(execFile)(process.execPath, ['--trace-pretenuring-statistics', cli, ...convert], {
    env: {},
    maxBuffer: 100 * 2 ** 20,
  });
  await rm(folder, { recursive: true });
  expect(stdout).toContain(' tenured=0 ');
  expect(stdout).not.toMatch(/ tenured=[1-9]/);
});
