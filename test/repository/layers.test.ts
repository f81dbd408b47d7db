import { describe, expect, it } from 'vitest';
import { importEdges, type Layer, layerBreaches } from './import-rules.ts';
import { projectFiles, readTexts } from './source-tree.ts';

// Imports run one way: event <- correlate <- span <- export; receiver and journal know event only; the pump and the bridge
// join the stages; the commands know what they run. A part that is not in this table fails the test.
const stages = ['event', 'correlate', 'otlp', 'span', 'export', 'journal', 'receiver'];
const layers: Readonly<Record<string, Layer>> = {
  runtime: { imports: [] },
  options: { imports: ['runtime'] },
  event: { imports: [] },
  otlp: { imports: [] },
  terminal: { imports: ['event', 'runtime'] },
  http: { imports: ['options', 'runtime'] },
  config: { imports: ['options'] },
  'known-variables': { imports: ['config', 'options'] },
  correlate: { imports: ['event'] },
  span: { imports: ['event', 'correlate', 'otlp'] },
  export: { imports: ['span', 'otlp', 'http', 'runtime'], types: ['journal'] },
  journal: { imports: ['event', 'runtime'] },
  forward: { imports: ['http', 'runtime'] },
  receiver: { imports: ['event', 'http', 'runtime'], types: ['journal'] },
  quarantine: { imports: ['event', 'export', 'otlp', 'runtime'] },
  recording: { imports: ['runtime'] },
  convert: { imports: ['event', 'correlate', 'span', 'otlp'] },
  view: { imports: ['event', 'correlate', 'span', 'http'], types: ['receiver', 'runtime'] },
  telemetry: { imports: ['runtime'], types: [...stages, 'forward', 'quarantine'] },
  pump: { imports: ['event', 'correlate', 'export', 'journal', 'runtime'] },
  bridge: { imports: [...stages, 'forward', 'http', 'runtime', 'config', 'convert', 'telemetry', 'pump', 'quarantine', 'view'] },
  doctor: { imports: ['event', 'export', 'http', 'known-variables', 'options', 'runtime', 'telemetry', 'terminal'] },
  command: {
    imports: [
      'bridge',
      'config',
      'convert',
      'doctor',
      'event',
      'export',
      'forward',
      'http',
      'journal',
      'known-variables',
      'options',
      'otlp',
      'quarantine',
      'receiver',
      'recording',
      'runtime',
      'span',
      'telemetry',
      'terminal',
      'view',
    ],
  },
  cli: { imports: ['command', 'runtime'] },
  index: { imports: [...stages, 'convert', 'telemetry', 'bridge'], types: ['config'] },
};

const sources = readTexts(projectFiles('src').filter((path) => /\.(?:tsx?|css)$/.test(path)));

describe('layers of src', () => {
  it('sees the modules it judges', () => {
    expect(sources.size).toBeGreaterThan(10);
    expect(importEdges(sources).length).toBeGreaterThan(sources.size / 2);
  });

  it('imports run one way, through the index of a folder, without cycles', () => {
    expect(layerBreaches(sources, layers)).toEqual([]);
  });
});

describe('the rules themselves', () => {
  const two: Readonly<Record<string, Layer>> = { low: { imports: [] }, high: { imports: ['low'], types: ['seam'] }, seam: { imports: [] } };
  const breaches = (files: Record<string, string>): string[] => layerBreaches(new Map(Object.entries(files)), two);

  it('accept the right direction', () => {
    expect(
      breaches({
        'src/low/index.ts': `export * from './part.ts';`,
        'src/low/part.ts': `// import '../high/index.ts'\nexport const a = 1;`,
        'src/high/index.ts': `import {\n  a,\n} from '../low/index.ts';\nimport type { S } from '../seam.ts';`,
        'src/seam.ts': 'export interface S {}',
      }),
    ).toEqual([]);
  });

  it.each([
    [
      'a lower part imports a higher one',
      { 'src/low/index.ts': `import { b } from '../high/index.ts';`, 'src/high/index.ts': '' },
      'low may not know high',
    ],
    [
      'by a dynamic import',
      { 'src/low/index.ts': `const m = await import('../high/index.ts');`, 'src/high/index.ts': '' },
      'low may not know high',
    ],
    ['by a re-export', { 'src/low/index.ts': `export * from '../high/index.ts';`, 'src/high/index.ts': '' }, 'low may not know high'],
    ['for its effect', { 'src/low/index.ts': `import '../high/index.ts';`, 'src/high/index.ts': '' }, 'low may not know high'],
    ['by a type', { 'src/low/index.ts': `import type { B } from '../high/index.ts';`, 'src/high/index.ts': '' }, 'low may not know high'],
    [
      'a seam is imported as a value',
      { 'src/high/index.ts': `import { s } from '../seam.ts';`, 'src/seam.ts': '' },
      'high may not know seam',
    ],
    [
      'a folder is entered past its index',
      { 'src/high/index.ts': `import { a } from '../low/part.ts';`, 'src/low/part.ts': '' },
      'past its index.ts',
    ],
    [
      'two files import each other',
      { 'src/low/a.ts': `import './b.ts';`, 'src/low/b.ts': `import './a.ts';` },
      'src/low/a.ts -> src/low/b.ts -> src/low/a.ts',
    ],
    ['a file is missing', { 'src/low/index.ts': `import './gone.ts';` }, 'not a file of src'],
    ['a part has no row', { 'src/stranger.ts': '' }, 'no row'],
  ])('report when %s', (_name, files: Record<string, string>, sentence) => {
    expect(breaches(files).join('\n')).toContain(sentence);
  });
});
