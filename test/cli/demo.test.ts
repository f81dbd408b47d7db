import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
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
  test('shows the bundled jobs: who called what, what waited, what failed and why', async () => {
    const { stdout } = await demoOf();
    expect(stdout.text).toMatch(/^Trace [0-9a-f]{32} {2}\d+ spans, \d+ failed, /m);
    expect(stdout.text).toMatch(/^├─ parent .*█.*\n│ {2}├─ leaf /m);
    expect(stdout.text).toMatch(/─ flaky .* ✗\n.*ValueError/);
    expect(stdout.text).toMatch(/░+█/);
    expect(stdout.text).toMatch(/WORKER_DIED/);
    expect(Math.max(...stdout.text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout.text).not.toMatch(/\u001b/);
  });

  test('gives the same trees every time', async () => {
    const [first, second] = [await demoOf(), await demoOf()];
    expect(first.stdout.text).toBe(second.stdout.text);
  });

  test('shows a recording of the user', async () => {
    const { stdout } = await demoOf(join(recordings, 'job-submit-ray-2.60.0.ndjson'));
    expect(stdout.text).toMatch(/─ preprocess /);
    expect(stdout.text).toContain('ValueError: bad data');
  });

  test('flat nesting puts every task under its job', async () => {
    const { stdout } = await demoOf('--nesting', 'flat');
    expect(stdout.text).not.toMatch(/│ {2}[├└]─ leaf/);
  });

  test('a file without events shows that there is nothing', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'demo-')), 'empty.json');
    await writeFile(file, '[]');
    expect((await demoOf(file)).stdout.text).toBe('No spans.\n');
  });

  test('a file that is not there is a mistake of the user', async () => {
    expect(await demoCommand.run(invocation(['gone.ndjson']))).toEqual({ kind: 'usage', problems: ['gone.ndjson: no such file'] });
  });
});

describe('the bundled recording', () => {
  test('can be read, and holds no variable of a runtime environment', async () => {
    const bodies: string[] = [];
    for await (const item of readRecording(BUNDLED_RECORDING)) bodies.push(item.kind === 'post' ? item.body : `unexpected ${item.kind}`);
    expect(bodies.length).toBeGreaterThan(10);
    expect(bodies.filter((body) => body.startsWith('[{'))).toHaveLength(bodies.length);
    expect(bodies.join('')).not.toMatch(/env_vars\\*":\s*\{\\*"/);
  });

  test('is part of the package', async () => {
    const project = fileURLToPath(new URL('../../', import.meta.url));
    const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: project });
    const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
    expect(packed?.files.map(({ path }) => path)).toContain('examples/demo/events.ndjson.gz');
  });
});
