import { describe, expect, it } from 'vitest';
import { brokenLinks, mapBreaches } from './document-rules.ts';
import { fileBreaches } from './file-rules.ts';
import { projectFiles, projectPathExists, readProjectFile, readTexts } from './source-tree.ts';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Record<string, string>;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
}

const lockfile = JSON.parse(readProjectFile('package-lock.json')) as { packages: Record<string, LockedPackage> };
const lockedPackages = (): LockedPackage[] => Object.values(lockfile.packages);

const binary = /\.(?:gz|png|ico|woff2?)$/;
const texts = readTexts(projectFiles().filter((path) => !binary.test(path)));
const only = (pattern: RegExp): Map<string, string> => new Map([...texts].filter(([path]) => pattern.test(path)));

describe('files of the project', () => {
  it('keep the rules of names and content', () => {
    expect(texts.size).toBeGreaterThan(30);
    expect(fileBreaches(texts)).toEqual([]);
  });

  it('have relative links that lead somewhere', () => {
    const documents = only(/\.md$/);
    expect(documents.size).toBeGreaterThan(5);
    expect(brokenLinks(documents, projectPathExists)).toEqual([]);
  });

  it('are all on the map', () => {
    const topLevel = new Set(
      projectFiles('src')
        .map((path) => path.split('/')[1] ?? '')
        .filter((name) => name !== 'README.md'),
    );
    expect(mapBreaches(readProjectFile('src/README.md'), [...topLevel], projectPathExists)).toEqual([]);
  });

  it('lock packages by version and hash, not by the host they came from', () => {
    const hosts = lockedPackages().flatMap(({ resolved }) => (resolved === undefined ? [] : [new URL(resolved).host]));
    expect(lockedPackages().length).toBeGreaterThan(50);
    expect(new Set(hosts)).toEqual(new Set());
  });

  it('have no install script among those that run in production but for the ones that SECURITY.md accounts for', () => {
    const scripted = Object.entries(lockfile.packages).flatMap(([path, { hasInstallScript, dev }]) =>
      hasInstallScript === true && dev !== true ? [path.replace('node_modules/', '')] : [],
    );
    const table = readProjectFile('SECURITY.md').split('## Dependencies')[1]?.split('\n## ')[0] ?? '';
    const accounted = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
    expect(scripted.toSorted()).toEqual(accounted.toSorted());
  });

  // A registry that lacks a platform's package makes `npm install` leave it out, and `npm ci` then fails everywhere.
  it('lock the packages of every platform', () => {
    const wanted = lockedPackages().flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}));
    const locked = new Set(Object.keys(lockfile.packages));
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !locked.has(`node_modules/${name}`))).toEqual([]);
  });
});

describe('the rules themselves', () => {
  const breaches = (path: string, text: string): string => fileBreaches(new Map([[path, text]])).join('\n');

  it.each([
    ['src/event/TaskEvent.ts', '', 'not named in kebab-case'],
    ['src/event/task_event.ts', '', 'not named in kebab-case'],
    ['docs/a.md', `see /wo${'rk/main'}`, 'path of one machine'],
    ['test/fixtures/a.json', `"/ro${'ot/x'}"`, 'path of one machine'],
    ['README.md', `use https://registry.${'npmjs'}.org/ here`, 'package registry'],
    ['src/a.ts', `// TO${'DO'}: later`, 'unfinished'],
    ['src/a.ts', `// FIX${'ME'}`, 'unfinished'],
  ])('report %s', (path, text, sentence) => {
    expect(breaches(path, text)).toContain(sentence);
  });

  it('accept what is right', () => {
    expect(breaches('src/event/task-event.ts', 'export const path = "data/work/main";\n')).toBe('');
  });

  it('report links and anchors that lead nowhere', () => {
    const documents = new Map([
      ['a.md', '# One thing\n[x](gone.md) [y](b.md#two-things) [z](b.md#no-such) [w](#one-thing) [u](https://example.com) `[c](no.md)`'],
      ['b.md', '## Two things!'],
    ]);
    expect(brokenLinks(documents, (path) => documents.has(path))).toEqual([
      'a.md links to gone.md, which does not exist',
      'a.md links to b.md#no-such, but no heading makes that anchor',
    ]);
  });

  it('report a part that the map leaves out, and a name that is dead', () => {
    expect(mapBreaches('`event/` and `gone.ts`', ['event', 'span'], (path) => path === 'src/event')).toEqual([
      'src/README.md does not name span',
      'src/README.md names gone.ts, which does not exist',
    ]);
  });
});
