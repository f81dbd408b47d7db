import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Files by path from the top level, with `/` between folders, and their text. */
export type FileTexts = ReadonlyMap<string, string>;

const notOurs = new Set([
  'node_modules',
  'dist',
  'built',
  'coverage',
  '.git',
  '.cache',
  '__pycache__',
  '.mypy_cache',
  '.ruff_cache',
  'ray-otel-bridge-data',
]);

/** Every file of the project under `folder`, as paths from the top level; what `.gitignore` names is left out. */
export function projectFiles(folder = ''): string[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true, recursive: false }).flatMap((entry) => {
    if (notOurs.has(entry.name) || entry.name.endsWith('.log')) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? projectFiles(path) : [path];
  });
}

export function readProjectFile(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

export function readTexts(paths: readonly string[]): FileTexts {
  return new Map(paths.map((path) => [path, readProjectFile(path)]));
}

export function projectPathExists(path: string): boolean {
  return statSync(join(repositoryRoot, path), { throwIfNoEntry: false }) !== undefined;
}

/** `target`, written in the file `from`, as a path from the top level. */
export function resolveFrom(from: string, target: string): string {
  return relative(repositoryRoot, resolve(repositoryRoot, dirname(from), target))
    .split(sep)
    .join('/');
}
