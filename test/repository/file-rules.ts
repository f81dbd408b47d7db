import { posix } from 'node:path';
import type { FileTexts } from './source-tree.ts';

// Written in pieces, so that this file keeps its own rules.
const machinePaths = new RegExp(String.raw`(?<![\w.~/-])/(?:${['work', 'root', 'tmp/team', 'home/[a-z]+', 'Users/[A-Za-z]+'].join('|')})/`);
const registryHosts = new RegExp(
  ['registry', 'npmjs', 'org'].join(String.raw`\.`) + String.raw`|https?://[^\s"'<>]*(?:artifactory|/simple/|goproxy)`,
);
const unfinished = new RegExp(String.raw`\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\b`);

const conventionalNames = new Set([
  'README.md',
  'CHANGELOG.md',
  'CODE_OF_CONDUCT.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'LICENSE',
  'NOTICE',
  'Dockerfile',
]);
const kebabCase = /^\.?[a-z0-9]+(?:[-.][a-z0-9]+)*$/;
/** What Python can import. */
const pythonModule = /^[a-z0-9_]+\.py$/;

/** Every breach as one sentence; empty when the rules hold. */
export function fileBreaches(files: FileTexts): string[] {
  return [...files].flatMap(([path, text]) => [
    ...nameBreaches(path),
    ...(isRecorded(path) ? [] : textBreaches(path, text)),
    ...found(path, text, machinePaths, 'names a path of one machine'),
  ]);
}

/** Recorded streams and goldens are kept as they came. */
function isRecorded(path: string): boolean {
  return path.startsWith('test/fixtures/') || path.startsWith('test/golden/');
}

function nameBreaches(path: string): string[] {
  const name = posix.basename(path);
  if (conventionalNames.has(name) || kebabCase.test(name) || pythonModule.test(name)) return [];
  return [`${path} is not named in kebab-case`];
}

function textBreaches(path: string, text: string): string[] {
  return [...found(path, text, registryHosts, 'names a package registry'), ...found(path, text, unfinished, 'marks something unfinished')];
}

function found(path: string, text: string, pattern: RegExp, what: string): string[] {
  const match = pattern.exec(text);
  if (match === null) return [];
  const line = text.slice(0, match.index).split('\n').length;
  return [`${path}:${line} ${what}: ${match[0]}`];
}
