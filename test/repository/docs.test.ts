import { RAY_EVENT_TYPES } from '../../src/event/index.ts';
import { spawnSync } from 'node:child_process';
import { transformWithEsbuild } from 'vite';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../src/command/index.ts';
import { SETTINGS } from '../../src/config.ts';
import { OTEL_VARIABLES } from '../../src/known-variables.ts';
import * as library from '../../src/index.ts';
import { codeBlocks, linkTargets } from './document-rules.ts';
import { projectFiles, projectPathExists, readProjectFile, readTexts, resolveFrom } from './source-tree.ts';

const embedder = readProjectFile('docs/guides/embed.md');
const readme = readProjectFile('README.md');
const testedWith = 'docs/reference/tested-with.md';

/** Words in backticks of the first column of a page's tables. */
function firstColumn(page: string): readonly string[] {
  return page
    .split('\n')
    .flatMap((line) => [...(/^\| (.*?) \|/.exec(line)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? ''));
}

/** Pages that a reader reaches from `start` by following links. */
function reachablePages(start: string): ReadonlySet<string> {
  const reached = new Set([start]);
  for (const path of reached) {
    const targets = linkTargets(readProjectFile(path)).map((target) => resolveFrom(path, target));
    for (const target of targets) if (target.endsWith('.md') && projectPathExists(target)) reached.add(target);
  }
  return reached;
}

const SHELL = /^(?:[A-Z_]+=|export |(?:npm|npx|node|docker|kubectl|kustomize|ray|ray-otel-bridge|curl|python3?|pip|cd|git|printf|echo) )/;

const callOfProgram = /(?:ray-otel-bridge|dist\/cli\.js) ([a-z]+)((?: +[^\s#|&;]+)*)/g;

/** Calls of the program with a command or a flag that it does not have. */
function unknownCalls(block: string): readonly RegExpExecArray[] {
  return [...block.matchAll(callOfProgram)].filter(([, name = '', rest = '']) => {
    const command = COMMANDS.find((candidate) => candidate.name === name);
    const flags = [...rest.matchAll(/ (--[a-z-]+)/g)].map(([, flag = '']) => flag);
    const known = ['--help', ...Object.values(command?.options ?? {}).map(({ flag }) => flag)];
    return command === undefined || flags.some((flag) => !known.includes(flag));
  });
}

const pages = readTexts([
  'README.md',
  ...projectFiles('docs').filter((path) => path.endsWith('.md')),
  ...projectFiles('examples').filter((path) => path.endsWith('README.md')),
]);

/** Blocks of one language on all pages, and the page of each. */
function blocksOf(language: string): readonly { readonly path: string; readonly text: string }[] {
  return [...pages].flatMap(([path, page]) =>
    codeBlocks(page).flatMap((block) => (block.language === language ? [{ path, text: block.text }] : [])),
  );
}

describe('the README', () => {
  it('has at most 220 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(220);
  });

  it('has the commands that start and test a checkout', () => {
    expect(readme).toMatch(/^ {4}npm ci && npm start\b/m);
    expect(readme).toMatch(/^ {4}npm ci && npm test\b/m);
  });
});

describe('the pages for readers', () => {
  it('are all reached from the README by links', () => {
    const reached = reachablePages('README.md');
    expect(pages.size).toBeGreaterThan(50);
    expect([...pages.keys()].filter((path) => !reached.has(path))).toEqual([]);
  });

  it('keep what was run and what was only validated in one table', () => {
    const elsewhere = [...pages].filter(([path, text]) => path !== testedWith && /^#+ what was run/im.test(text));
    expect(elsewhere.map(([path]) => path)).toEqual([]);
    for (const example of ['Jaeger', 'Tempo', 'Honeycomb', 'Kubernetes', 'Docker Compose', 'Tail sampling'])
      expect(readProjectFile(testedWith)).toContain(example);
  });

  it('name scripts of package.json, and commands and flags of the program, that exist', () => {
    const { scripts } = JSON.parse(readProjectFile('package.json')) as { scripts: Record<string, string> };
    const problems = [...pages, ['CONTRIBUTING.md', readProjectFile('CONTRIBUTING.md')] as const].flatMap(([path, text]) =>
      [
        ...[...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].filter(([, name = '']) => !(name in scripts)),
        ...codeBlocks(text).flatMap(({ text: block }) => unknownCalls(block)),
      ].map((match) => `${path}: ${match[0]}`),
    );
    expect(problems).toEqual([]);
  });

  it('name settings of the bridge that exist', () => {
    const variables = new Set(Object.values(SETTINGS).map(({ env }) => env));
    const unknown = [...pages].flatMap(([path, text]) =>
      [...text.matchAll(/\bRAY_OTEL_[A-Z_]*[A-Z]\b/g)].filter(([name]) => !variables.has(name)).map(([name]) => `${path}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('list every OpenTelemetry variable that the bridge obeys, and no other', () => {
    const listed = firstColumn(readProjectFile('docs/reference/otel-variables.md')).filter((word) => word.startsWith('OTEL_'));
    const general = OTEL_VARIABLES.filter((name) => !name.startsWith('OTEL_EXPORTER_OTLP_TRACES_'));
    expect(listed.toSorted()).toEqual(general.toSorted());
  });

  it('have blocks of YAML and JSON that can be parsed', () => {
    expect(blocksOf('yaml').length).toBeGreaterThan(0);
    for (const { text, path } of blocksOf('yaml')) expect(() => parse(text) as unknown, path).not.toThrow();
    for (const { text, path } of blocksOf('json')) expect(() => JSON.parse(text) as unknown, path).not.toThrow();
  });

  it('have blocks of TypeScript that can be parsed', async () => {
    const blocks = blocksOf('ts');
    expect(blocks.length).toBeGreaterThan(0);
    for (const { text, path } of blocks) await transformWithEsbuild(text, `${path}.ts`, { format: 'esm', target: 'esnext' });
  });

  it.skipIf(spawnSync('python3', ['--version']).status !== 0)(
    'have blocks of Python that can be parsed (needs python3 on the PATH)',
    () => {
      const blocks = blocksOf('python');
      expect(blocks.length).toBeGreaterThan(0);
      const program = 'import ast, json, sys\nfor block in json.load(sys.stdin): ast.parse(block["text"], block["path"])';
      const { status, stderr } = spawnSync('python3', ['-c', program], { input: JSON.stringify(blocks), encoding: 'utf8' });
      expect(status, stderr).toBe(0);
    },
  );

  it('have commands that a shell can parse', () => {
    // Indented lines can also be queries of a backend.
    const commands = blocksOf('sh').filter(({ text }) => SHELL.test(text));
    expect(commands.length).toBeGreaterThan(100);
    const { stderr } = spawnSync(
      'bash',
      ['-c', 'while IFS= read -r -d "" block; do bash -n <<<"$block" 2>&1 || printf "in: %s\n" "$block"; done >&2'],
      {
        input: commands.map(({ text }) => `${text}\0`).join(''),
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
  });

  it('name every export of the library, and no other', () => {
    expect(firstColumn(embedder).toSorted()).toEqual(Object.keys(library).toSorted());
    const imported = /import \{ ([^}]+) \} from 'ray-otel-bridge'/.exec(embedder)?.[1]?.split(', ') ?? [];
    expect(imported.length).toBeGreaterThan(1);
    for (const name of imported) expect(Object.keys(library)).toContain(name);
  });

  it('name every type of event, and every release', () => {
    const page = firstColumn(readProjectFile('docs/reference/ray-versions.md'));
    expect(page.toSorted()).toEqual([...RAY_EVENT_TYPES].toSorted());
  });
});
