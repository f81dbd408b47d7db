import { execFile } from 'node:child_process';
import { cp, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-tree.ts';

// A lint that is set up wrongly passes everything: the project's configuration must find faults that were made for it.

async function lint(source: string): Promise<{ code: number; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'ray-otel-bridge-lint-'));
  await cp(join(repositoryRoot, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  await cp(join(repositoryRoot, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  await symlink(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'fault.ts'), source);
  const oxlint = join(repositoryRoot, 'node_modules/.bin/oxlint');
  return new Promise((resolve) => {
    execFile(oxlint, ['--type-aware', '--deny-warnings', '--format', 'unix', 'fault.ts'], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

describe('the lint', () => {
  it('accepts what is right', async () => {
    expect(await lint('export async function wait(): Promise<void> {\n  await Promise.resolve();\n}\n')).toMatchObject({ code: 0 });
  });

  it.each([
    ['no-floating-promises', 'export function start(): void {\n  Promise.resolve(1);\n}\n'],
    ['no-misused-promises', 'export const run = [1].filter(async () => true);\n'],
    ['no-explicit-any', 'export function f(value: any): void {\n  void value;\n}\n'],
    ['no-unsafe-return', 'export function f(text: string): number {\n  return JSON.parse(text);\n}\n'],
    ['ban-ts-comment', '// @ts-ignore\nexport const a: number = 1;\n'],
    ['only-throw-error', "export function f(): never {\n  throw 'text';\n}\n"],
    ['switch-exhaustiveness-check', "export function f(kind: 'a' | 'b'): void {\n  switch (kind) {\n    case 'a':\n      break;\n  }\n}\n"],
    ['no-console', "console.log('text');\nexport {};\n"],
  ])('finds %s', async (rule, source) => {
    const { code, output } = await lint(source);
    expect(output).toContain(`(${rule})`);
    expect(code).not.toBe(0);
  });
});
