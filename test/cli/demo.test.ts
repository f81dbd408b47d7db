import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BUNDLED_RECORDING, demoCommand } from '../../src/command/demo.ts';
import { readRecording } from '../../src/recording/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { invocation, type TestInvocation } from './invocation.ts';

const realClock = { now: systemClock.now, sleep: systemClock.sleep };
const recordings = fileURLToPath(new URL('../fixtures/recordings/', import.meta.url));

async function demoOf(...argv: readonly string[]): Promise<TestInvocation> {
  const run = invocation(argv, realClock);
  expect(await demoCommand.run(run)).toEqual({ kind: 'done' });
  return run;
}

describe('demo', () => {
  test('demo shows the calls, waits and failures of the bundled jobs', async () => {
    const { stdout } = await demoOf();
    expect(stdout.text).toMatch(/^Trace [0-9a-f]{32} {2}\d+ spans, \d+ failed, /m);
    expect(stdout.text).toMatch(/^├─ parent .*█.*\n│ {2}├─ leaf /m);
    expect(stdout.text).toMatch(/─ flaky .* ✗\n.*ValueError/);
    expect(stdout.text).toMatch(/░+█/);
    expect(stdout.text).toMatch(/WORKER_DIED/);
    expect(Math.max(...stdout.text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout.text).not.toMatch(/\u001b/);
  });

  test('demo prints the same trees every time', async () => {
    const [first, second] = [await demoOf(), await demoOf()];
    expect(first.stdout.text).toBe(second.stdout.text);
  });

  test('demo shows a recording of the user', async () => {
    const { stdout } = await demoOf(join(recordings, 'job-submit-ray-2.60.0.ndjson'));
    expect(stdout.text).toMatch(/─ preprocess /);
    expect(stdout.text).toContain('ValueError: bad data');
  });

  test('demo --nesting flat shows every task under its job', async () => {
    const { stdout } = await demoOf('--nesting', 'flat');
    expect(stdout.text).not.toMatch(/│ {2}[├└]─ leaf/);
  });

  test('demo with a file without events prints that there are no spans', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'demo-')), 'empty.json');
    await writeFile(file, '[]');
    expect((await demoOf(file)).stdout.text).toBe('No spans.\n');
  });

  test('demo --serve shows the recorded job on the live page at the clock of the recording until a signal', async () => {
    const run = invocation(['--serve']);
    const ended = demoCommand.run(run);
    const [, url = ''] = await run.stdout.shows(/Open (\S+) to watch/);
    await run.stdout.shows(/the page stays open/);
    expect(await (await fetch(url)).text()).toContain('<html');
    const answer = (await (await fetch(`${url}api/v1/jobs`)).json()) as {
      nowMs: number;
      jobs: { name: string; startMs: number; taskCount: number }[];
    };
    expect(answer.jobs).toMatchObject([{ name: 'python w_basic.py', taskCount: 37 }]);
    expect(answer.nowMs - (answer.jobs[0]?.startMs ?? 0)).toBeLessThan(60_000);
    run.interrupt();
    expect(await ended).toEqual({ kind: 'done' });
  });

  test('demo --serve on an address in use fails with that address', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const outcome = await demoCommand.run(invocation(['--serve', '--listen', `127.0.0.1:${port}`]));
    server.close();
    expect(JSON.stringify(outcome)).toContain(`127.0.0.1:${port}`);
    expect(outcome.kind).not.toBe('done');
  });

  test('demo with an absent file is a usage error', async () => {
    expect(await demoCommand.run(invocation(['gone.ndjson']))).toEqual({ kind: 'usage', problems: ['gone.ndjson: no such file'] });
  });
});

describe('the bundled recording', () => {
  test('the bundled recording is readable and contains no variable of a runtime environment', async () => {
    const bodies: string[] = [];
    for await (const item of readRecording(BUNDLED_RECORDING)) bodies.push(item.kind === 'post' ? item.body : `unexpected ${item.kind}`);
    expect(bodies.length).toBeGreaterThan(10);
    expect(bodies.filter((body) => body.startsWith('[{'))).toHaveLength(bodies.length);
    expect(bodies.join('')).not.toMatch(/env_vars\\*":\s*\{\\*"/);
  });

  test('the bundled recording is part of the package', async () => {
    const project = fileURLToPath(new URL('../../', import.meta.url));
    const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: project });
    const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
    expect(packed?.files.map(({ path }) => path)).toContain('examples/demo/events.ndjson.gz');
  });
});
