import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks } from './document-rules.ts';
import { projectFiles, readProjectFile, repositoryRoot } from './source-tree.ts';

// A newcomer follows the README and the pages of get-started, command by command: with the packed package in an empty folder, and in a
// copy of the project. The port is the one change to a command: many tests share this machine.

const PAGES = ['README.md', ...projectFiles('docs/get-started')];
const run = promisify(execFile);

/** How a newcomer's command is tried. Every command of the pages matches the pattern of one of them. */
const TRIED_HERE = [
  /^npx ray-otel-bridge (?:demo|serve|doctor|jobs|top|tasks)\b/,
  /^npm ci && npm start\b/,
  /^npm run build && node dist\/cli\.js demo --serve$/,
  /^node dist\/cli\.js replay /,
  /^OTEL_EXPORTER_OTLP_ENDPOINT=\S+ npx ray-otel-bridge serve$/,
];
const TRIED_ELSEWHERE = [
  // The gate: `.ci/run` installs and tests so.
  /^npm ci && npm test\b/,
  // test/e2e/real-ray.test.ts sets these variables and runs drivers.
  /^export RAY_\w+=/,
  /^python driver\.py$/,
  // test/examples/containers.test.ts and test/e2e/image.test.ts, without a Docker engine.
  /^docker (?:build|run|compose) /,
];

const commands = PAGES.flatMap((page) =>
  codeBlocks(readProjectFile(page))
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text.replace(/ {2,}#.*$/, '').trim()),
);

let folder = '';
let checkout = '';
let port = 0;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'newcomer-'));
  checkout = join(folder, 'checkout');
  for (const path of projectFiles().filter((each) => !each.startsWith('test/fixtures/'))) {
    mkdirSync(join(checkout, dirname(path)), { recursive: true });
    cpSync(join(repositoryRoot, path), join(checkout, path));
  }
  symlinkSync(join(repositoryRoot, 'node_modules'), join(checkout, 'node_modules'));
  await run('npm', ['run', '--silent', 'build'], { cwd: checkout });
  const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: checkout });
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'empty/package.json'), '{"private": true}\n');
  await run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, stdout.trim())], {
    cwd: join(folder, 'empty'),
  });
  port = await freePort();
});

afterEach(() => {
  for (const child of running) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

interface Started {
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  readonly interrupt: () => void;
}

/** Runs a command line as a shell does, in a process group of its own. */
function start(line: string, cwd: string): Started {
  const env = { ...process.env, RAY_OTEL_LISTEN: `127.0.0.1:${port}`, NO_COLOR: '1' };
  const child = spawn('bash', ['-c', line], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  return {
    output: () => output,
    exited,
    interrupt: () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    },
  };
}

/** A command with the test's port in place of 8080. */
function onTestPort(line: string): string {
  const moved = line.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`);
  return /\b(?:top|jobs|tasks)\b/.test(line) ? `${moved} --url http://127.0.0.1:${port}` : moved;
}

async function shows(started: Started, pattern: RegExp): Promise<RegExpExecArray> {
  await expect.poll(started.output, { timeout: 120_000 }).toMatch(pattern);
  return pattern.exec(started.output()) ?? expect.fail('the output has lost what it showed');
}

const inEmptyFolder = (line: string): Started => start(onTestPort(line), join(folder, 'empty'));
const inCheckout = (line: string): Started => start(onTestPort(line), checkout);
const tried = (pattern: RegExp): readonly string[] => [...new Set(commands.filter((line) => pattern.test(line)))];

describe('a newcomer', () => {
  it('finds no command in the README and get-started that no test runs', () => {
    expect(commands.length).toBeGreaterThan(15);
    const patterns = [...TRIED_HERE, ...TRIED_ELSEWHERE];
    expect(commands.filter((line) => !patterns.some((pattern) => pattern.test(line)))).toEqual([]);
    for (const pattern of patterns) expect(tried(pattern), String(pattern)).not.toEqual([]);
  });

  it('runs the program from the tarball, without installing it', async () => {
    const { stdout } = await run('bash', ['-c', 'npx --yes --package ../*.tgz ray-otel-bridge --version'], { cwd: join(folder, 'empty') });
    expect(stdout.trim()).toBe((JSON.parse(readProjectFile('package.json')) as { version: string }).version);
  });

  it.each(tried(/^npx ray-otel-bridge demo$/))('sees a recorded job as a tree: %s', async (line) => {
    const demo = inEmptyFolder(line);
    expect(await demo.exited).toBe(0);
    expect(demo.output()).toMatch(/^Trace [0-9a-f]{32} /m);
    expect(demo.output()).toContain('job python w_basic.py');
  });

  it.each(tried(/ demo --serve$/))('sees a recorded job on the live page: %s', async (line) => {
    const demo = line.startsWith('npx') ? inEmptyFolder(line) : inCheckout(line);
    const [, url = ''] = await shows(demo, /Open (\S+) to watch/);
    await expect.poll(async () => (await fetch(`${url}api/v1/jobs`)).text(), { timeout: 30_000 }).toContain('w_basic.py');
    demo.interrupt();
    expect(await demo.exited).not.toBe(1);
  });

  it.each(tried(/^(?:OTEL_EXPORTER_OTLP_ENDPOINT=\S+ )?npx ray-otel-bridge serve$/))(
    'starts the bridge, posts a job and looks at it: %s',
    async (line) => {
      const serve = inEmptyFolder(line);
      await shows(serve, /export RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR=/);
      for (const replay of tried(/^node dist\/cli\.js replay /)) expect(await inCheckout(replay).exited).toBe(0);
      for (const command of tried(/^npx ray-otel-bridge (?:jobs|tasks)\b/)) {
        const look = inEmptyFolder(command);
        expect(await look.exited, command).toBe(0);
        if (command.endsWith('jobs')) expect(look.output()).toContain('w_basic.py');
      }
      for (const command of tried(/^npx ray-otel-bridge top$/)) {
        // In a terminal, which `top` asks for.
        const top = start(`script -qec 'stty rows 30 columns 100; ${onTestPort(command)}' /dev/null`, join(folder, 'empty'));
        await shows(top, /w_basic\.py/);
        top.interrupt();
        await top.exited;
      }
      // Ray does not run here: what matters is that doctor says so, and what to do.
      for (const command of tried(/^npx ray-otel-bridge doctor$/)) {
        const doctor = inEmptyFolder(command);
        await doctor.exited;
        expect(doctor.output()).toContain('--ray-address');
      }
      serve.interrupt();
      expect(await serve.exited).not.toBe(1);
      expect(serve.output()).toContain('stopping');
    },
  );

  it('starts a checkout without a backend', async () => {
    const [line = ''] = tried(/^npm ci && npm start\b/);
    // The dependencies are those of this checkout.
    const started = inCheckout(line.replace('npm ci && ', ''));
    await shows(started, /listening on http/);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    // Unless something of this machine listens on 4318.
    await shows(started, /nothing answers at localhost:4318|sending traces by OTLP/);
    started.interrupt();
    await started.exited;
  });
});
