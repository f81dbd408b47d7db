import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether the library that stands between the bridge and its disk can be built. */
export const hasCompiler = process.platform === 'linux' && spawnSync('cc', ['--version']).error === undefined;

/** The programs that a proof starts. */
export interface Programs {
  /** The built bridge's cli.js. */
  readonly cli: string;
  readonly sink: string;
  /**
   * The library that stands between the bridge and its disk; undefined where there is no C compiler
   * for Linux.
   */
  readonly storageFaults: string | undefined;
  /** Folder of the recorded streams. */
  readonly recordings: string;
  /** Folder for what a run leaves; goes with `remove`. */
  readonly folder: string;
  remove(): Promise<void>;
}

/** Compiles the sources and the programs of the proofs into a new folder. */
export async function buildPrograms(): Promise<Programs> {
  const root = findRoot();
  const folder = await mkdtemp(join(tmpdir(), 'ray-otel-bridge-crash-'));
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [compiler, '-p', join(root, 'test/crash/tsconfig.json'), '--outDir', folder]);
  await run('npm', ['run', '--silent', 'build:page'], { cwd: root });
  await cp(join(root, 'src/view/page/built'), join(folder, 'src/view/page/built'), { recursive: true });
  return {
    cli: join(folder, 'src/cli.js'),
    sink: join(folder, 'test/crash/sink-program.js'),
    storageFaults: await buildStorageFaults(join(root, 'test/crash/storage-faults.c'), join(folder, 'storage-faults.so')),
    recordings: join(root, 'test/fixtures/recordings'),
    folder,
    remove: () => rm(folder, { recursive: true }),
  };
}

/** The checkout: this file is run from there, or from what was compiled in its .cache. */
function findRoot(): string {
  let folder = fileURLToPath(new URL('.', import.meta.url));
  while (!existsSync(join(folder, 'tsconfig.build.json'))) folder = join(folder, '..');
  return folder;
}

async function buildStorageFaults(source: string, target: string): Promise<string | undefined> {
  if (!hasCompiler) return undefined;
  await run('cc', ['-O1', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', target, source, '-ldl', '-lpthread']);
  return target;
}
