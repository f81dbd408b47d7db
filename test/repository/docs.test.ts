import { describe, expect, it } from 'vitest';
import { RAY_EVENT_TYPES } from '../../src/command/index.ts';
import { KNOWN_EVENT_TYPES } from '../../src/doctor/ray-release.ts';
import * as library from '../../src/index.ts';
import { projectFiles, readProjectFile } from './source-tree.ts';

const readme = readProjectFile('README.md');
const embedder = readProjectFile('docs/embedder.md');

/** Words in backticks of the first column of a page's tables. */
function firstColumn(page: string): readonly string[] {
  return page
    .split('\n')
    .flatMap((line) => [...(/^\| (.*?) \|/.exec(line)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? ''));
}

describe('the pages for readers', () => {
  it('are all named at the begin of the README', () => {
    const pages = projectFiles('docs');
    expect(pages.length).toBeGreaterThan(4);
    const index = readme.slice(0, readme.indexOf('## Quick start'));
    expect(pages.filter((page) => !index.includes(`](${page})`))).toEqual([]);
  });

  it('name every export of the library, and no other', () => {
    expect(firstColumn(embedder).toSorted()).toEqual(Object.keys(library).toSorted());
    const imported = /import \{ ([^}]+) \} from 'ray-otel-bridge'/.exec(embedder)?.[1]?.split(', ') ?? [];
    expect(imported.length).toBeGreaterThan(1);
    for (const name of imported) expect(Object.keys(library)).toContain(name);
  });

  it('name every type of event, and every release', () => {
    const page = firstColumn(readProjectFile('docs/ray-versions.md'));
    expect(page.toSorted()).toEqual([...KNOWN_EVENT_TYPES].toSorted());
    expect(page.toSorted()).toEqual([...RAY_EVENT_TYPES].toSorted());
  });
});
