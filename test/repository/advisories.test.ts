import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-tree.ts';

type Events = readonly Readonly<Record<string, string>>[];

function advisory(name: string, events: Events, more: object = {}): object {
  return {
    id: 'GHSA-test',
    affected: [{ package: { ecosystem: 'npm', name }, ranges: [{ type: 'SEMVER', events }], ...more }],
  };
}

function check(advisories: readonly object[], packages: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'advisories-'));
  for (const [index, each] of advisories.entries()) writeFileSync(join(folder, `${index}.json`), JSON.stringify(each));
  const lockfile = join(folder, 'lock');
  const locked = Object.entries(packages).map(([name, version]) => [`node_modules/${name}`, { version }]);
  writeFileSync(lockfile, JSON.stringify({ packages: { '': { version: '0.1.0' }, ...Object.fromEntries(locked) } }));
  const run = spawnSync(process.execPath, [join(repositoryRoot, '.ci/check-advisories.mjs'), folder, lockfile], { encoding: 'utf8' });
  return { status: run.status, output: run.stdout + run.stderr };
}

describe('the check of the lockfile against advisories', () => {
  it.each([
    ['1.2.3', [{ introduced: '0' }, { fixed: '1.2.4' }], true],
    ['1.2.4', [{ introduced: '0' }, { fixed: '1.2.4' }], false],
    ['1.2.4-rc.1', [{ introduced: '0' }, { fixed: '1.2.4' }], true],
    ['1.10.0', [{ introduced: '1.9.0' }, { last_affected: '1.10.0' }], true],
    ['1.10.1', [{ introduced: '1.9.0' }, { last_affected: '1.10.0' }], false],
    ['1.8.0', [{ introduced: '1.9.0' }], false],
    ['3.0.0', [{ introduced: '0' }, { fixed: '1.0.0' }, { introduced: '2.0.0' }, { fixed: '3.0.1' }], true],
    ['1.5.0', [{ introduced: '0' }, { fixed: '1.0.0' }, { introduced: '2.0.0' }, { fixed: '3.0.1' }], false],
  ] as const)('says whether %s is affected by %j', (version, events, isAffected) => {
    const { status, output } = check([advisory('hono', events)], { hono: version });
    expect(status).toBe(isAffected ? 1 : 0);
    expect(output.includes(`GHSA-test: hono ${version}`)).toBe(isAffected);
  });

  it('looks at nested packages, listed versions, and the names of scopes', () => {
    const affected = advisory('@scope/a', [], { versions: ['1.0.0'] });
    expect(check([affected], { 'vite/node_modules/@scope/a': '1.0.0' }).status).toBe(1);
  });

  it('passes over withdrawn advisories and other ecosystems, and refuses a folder without advisories', () => {
    const withdrawn = { ...advisory('hono', [{ introduced: '0' }]), withdrawn: '2026-01-01T00:00:00Z' };
    const python = { id: 'PYSEC-1', affected: [{ package: { ecosystem: 'PyPI', name: 'hono' }, versions: ['4.0.0'] }] };
    expect(check([withdrawn, python], { hono: '4.0.0' }).status).toBe(0);
    expect(check([], {}).status).toBe(2);
  });
});
