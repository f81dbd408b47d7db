import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach } from 'vitest';

const project = fileURLToPath(new URL('../../', import.meta.url));

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Time for `buildCli` on a busy machine. */
export const BUILD_TIMEOUT_MS = 60_000;

/** Compiles the sources into a new package folder. Resolves with the path of its cli.js. */
export async function buildCli(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ray-otel-bridge-'));
  folders.push(folder);
  await cp(join(project, 'package.json'), join(folder, 'package.json'));
  await symlink(join(project, 'examples'), join(folder, 'examples'));
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
  const compiler = join(project, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, '-p', join(project, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')]);
  await cp(join(project, 'src/view/page/built'), join(folder, 'dist/view/page/built'), { recursive: true });
  const cli = join(folder, 'dist/cli.js');
  await access(cli);
  return cli;
}

export interface RunningCli {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves when standard output matches. Rejects when the program ends first. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  readonly exited: Promise<number | null>;
}

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts the program with only `env` as its environment, and by default with a journal in memory. Kills it after the test. */
export function startCli(cli: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = tmpdir()): RunningCli {
  const child = spawn(process.execPath, [cli, ...argv], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', RAY_OTEL_JOURNAL: 'memory', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of watchers) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
      for (const look of watchers) look();
    });
  });
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    signal: (signal) => {
      child.kill(signal);
    },
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(stdout);
          if (match === null && running.has(child)) return;
          watchers.delete(look);
          if (match === null) reject(new Error(`ended without showing ${pattern}: ${stdout}${stderr}`));
          else resolve(match);
        };
        watchers.add(look);
        look();
      }),
  };
}

/** Runs the program until it ends. */
export async function runCli(
  cli: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const started = startCli(cli, argv, env);
  started.process.stdin?.end();
  const code = await started.exited;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
}
