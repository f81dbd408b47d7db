import { RAY_EVENT_TYPES } from '../../src/event/index.ts';
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
    const blocks = [...pages].flatMap(([path, text]) => codeBlocks(text).map((block) => ({ path, ...block })));
    expect(blocks.filter(({ language }) => language === 'yaml').length).toBeGreaterThan(0);
    for (const { language, text, path } of blocks) {
      if (language === 'yaml') expect(() => parse(text) as unknown, path).not.toThrow();
      if (language === 'json') expect(() => JSON.parse(text) as unknown, path).not.toThrow();
    }
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
