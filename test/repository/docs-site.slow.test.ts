import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { projectFiles, repositoryRoot } from './source-tree.ts';

const site = join(repositoryRoot, '.cache/site');
let pages: ReadonlyMap<string, string>;

/** Builds the site of the documentation, which fails on its own when a link between pages is dead. */
beforeAll(async () => {
  const vitepress = join(repositoryRoot, 'node_modules/vitepress/bin/vitepress.js');
  await promisify(execFile)(process.execPath, [vitepress, 'build', 'docs'], { cwd: repositoryRoot });
  const paths = readdirSync(site, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  pages = new Map(paths.filter((path) => path.endsWith('.html')).map((path) => [path, readFileSync(join(site, path), 'utf8')]));
});

function idsOf(page: string): ReadonlySet<string> {
  return new Set([...page.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => decodeURIComponent(id)));
}

/** Path and anchor of a link within the site, or undefined for one that leaves it. */
function targetOf(from: string, href: string): { readonly path: string; readonly anchor: string } | undefined {
  if (/^[a-z]+:/i.test(href)) return undefined;
  const [link = '', anchor = ''] = href.split('#');
  const absolute = link === '' ? from : link.startsWith('/') ? link.slice(1) : posix.join(posix.dirname(from), link);
  const path = absolute === '' || absolute === './' || absolute.endsWith('/') ? posix.join(absolute, 'index.html') : absolute;
  return { path, anchor: decodeURIComponent(anchor) };
}

describe('the site of the documentation', () => {
  it('has every page of docs/ and every README of an example', () => {
    const written = ['docs', 'examples'].flatMap((folder) => projectFiles(folder)).filter((path) => path.endsWith('.md'));
    const expected = [...written, 'README.md'].map((path) => path.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html'));
    expect(expected.length).toBeGreaterThan(50);
    expect(expected.filter((path) => !pages.has(path))).toEqual([]);
  });

  it('has no link to a page or an anchor that does not exist', () => {
    const links = [...pages].flatMap(([from, text]) =>
      [...text.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = '']) => ({ from, href, target: targetOf(from, href) })),
    );
    const internal = links.filter(({ target }) => target !== undefined);
    expect(internal.length).toBeGreaterThan(1000);
    const dead = internal.filter(({ target }) => {
      const page = pages.get(target?.path ?? '');
      return page === undefined || (target?.anchor !== '' && !idsOf(page).has(target?.anchor ?? ''));
    });
    expect(dead.map(({ from, href }) => `${from} links to ${href}`)).toEqual([]);
  });

  it('has a search index', () => {
    expect(readdirSync(join(site, 'assets/chunks')).some((name) => name.includes('localSearchIndex'))).toBe(true);
  });
});
