import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { linkTargets } from './document-rules.ts';
import { projectFiles, readProjectFile, readTexts, repositoryRoot, resolveFrom } from './source-tree.ts';

interface Manifest {
  readonly homepage: string;
  readonly bugs: string;
  readonly repository: { readonly url: string };
  readonly files: readonly string[];
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const manifest = JSON.parse(readProjectFile('package.json')) as Manifest;

/** What `npm publish` would send, built or not. */
function packedFiles(): readonly string[] {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    stdio: 'pipe',
  });
  const [pack] = JSON.parse(output) as readonly { readonly files: readonly { readonly path: string }[] }[];
  return pack?.files.map(({ path }) => path) ?? [];
}

describe('the package', () => {
  const packed = new Set(packedFiles());
  const unbuilt = [...packed].filter((path) => !path.startsWith('dist/'));

  it('holds what a user reads, runs and copies', () => {
    const wanted = projectFiles().filter((path) => /^(?:docs\/(?!\.vitepress)|examples\/|pictures\/)/.test(path));
    expect(wanted.length).toBeGreaterThan(60);
    const alone = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'otel-collector.yaml', 'package.json'];
    expect([...wanted, ...alone].filter((path) => !packed.has(path))).toEqual([]);
  });

  it('holds nothing else: no test, no source, no file of a tool', () => {
    const known = new Set(projectFiles());
    expect(unbuilt.filter((path) => !known.has(path) || /^(?:src|test|\.)/.test(path))).toEqual([]);
  });

  it('has what its entries name', () => {
    const targets = [...Object.values(manifest.bin), ...Object.values(manifest.exports).flatMap((each) => Object.values(each))];
    expect(targets.length).toBeGreaterThan(2);
    for (const target of targets) expect(target.replace(/^\.\//, '').split('/')[0]).toBe('dist');
    expect(manifest.files).toContain('dist');
  });

  it('names where it is developed, so that npm can show and verify its provenance', () => {
    const repository = 'https://github.com/ray-otel-bridge/ray-otel-bridge';
    expect(manifest.repository.url).toBe(`git+${repository}.git`);
    expect(manifest.homepage).toBe(`${repository}#readme`);
    expect(manifest.bugs).toBe(`${repository}/issues`);
    const others = readTexts(projectFiles().filter((path) => /\.(?:md|ya?ml|json|ts|toml|py)$/.test(path) && !path.startsWith('test/')));
    const urls = [...others.values()].flatMap((text) => [...text.matchAll(/github\.com\/[\w-]+\/ray-otel-bridge\b/g)].map(([url]) => url));
    expect(new Set(urls)).toEqual(new Set(['github.com/ray-otel-bridge/ray-otel-bridge']));
  });

  it('has every picture, and for users every page, that one of its pages leads to', () => {
    // Of a checkout, as the links say.
    const contributors = /^(?:CONTRIBUTING\.md|CODE_OF_CONDUCT\.md|Dockerfile|src\/|test\/)/;
    const lost = unbuilt
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => linkTargets(readProjectFile(path)).map((target) => resolveFrom(path, target)))
      .filter((target) => target !== '' && !contributors.test(target))
      .filter((target) => !packed.has(target) && !unbuilt.some((path) => path.startsWith(`${target}/`)));
    expect(lost).toEqual([]);
  });
});
