import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/command/index.ts';
import { FINDINGS } from '../../src/doctor/index.ts';
import { REJECTIONS } from '../../src/event/index.ts';
import { STATUS_OF_REFUSAL } from '../../src/http/index.ts';
import { STATUS_OF_VIEW_REFUSAL } from '../../src/view/index.ts';
import { codeRows, unionsOf, warningLines } from './error-codes.ts';
import { projectFiles, readProjectFile, readTexts } from './source-tree.ts';

const source = readTexts(projectFiles('src').filter((path) => path.endsWith('.ts')));
const unions = unionsOf(source);
const rows = codeRows(readProjectFile('docs/reference/error-codes.md'));

function members(union: string): readonly string[] {
  return unions.get(union) ?? [];
}

function literals(pattern: RegExp): readonly string[] {
  return [...source.values()].flatMap((text) => [...text.matchAll(pattern)].map(([, word]) => word ?? ''));
}

/** What each section must list: taken from the code, wherever it is there. */
const sections: Readonly<Record<string, readonly string[]>> = {
  'Answers to a post': Object.keys(STATUS_OF_REFUSAL),
  'Answers of the live page and its data': Object.keys(STATUS_OF_VIEW_REFUSAL),
  'Events that are set aside': Object.keys(REJECTIONS),
  Quarantine: [...members('QuarantineDrop'), 'span_refused'],
  'The journal at start': members('OpenProblem'),
  'Connections that were cut': members('ConnectionRefusal'),
  'Log lines that warn': warningLines(readProjectFile('src/telemetry/telemetry.ts')),
  'Stages of a bug': [...members('PumpStage'), ...literals(/internalError\('(\w+)'/g)],
  'Exit codes': Object.values(EXIT_CODES).map(String),
};

describe('the list of codes', () => {
  it.each(Object.entries(sections))('%s: is that of the code', (section, codes) => {
    const listed = rows.filter((row) => row.section === section).map(({ code }) => code);
    expect(codes.length).toBeGreaterThan(2);
    expect(listed.toSorted()).toEqual([...new Set(codes)].toSorted());
  });

  it('has no section beside them', () => {
    expect(new Set(rows.map(({ section }) => section))).toEqual(new Set(Object.keys(sections)));
  });

  it('has the status of each answer, and the meaning of each rejection', () => {
    const statuses = { 'Answers to a post': STATUS_OF_REFUSAL, 'Answers of the live page and its data': STATUS_OF_VIEW_REFUSAL };
    for (const [section, statusOf] of Object.entries(statuses)) {
      const listed = rows.filter((row) => row.section === section).map(({ code, cells }) => [code, Number(cells['status'])]);
      expect(Object.fromEntries(listed)).toEqual(statusOf);
    }
    const meanings = rows.filter(({ section }) => section === 'Events that are set aside');
    expect(Object.fromEntries(meanings.map(({ code, cells }) => [code, cells['what it means']]))).toEqual(REJECTIONS);
  });

  it('says of each whose it is, what it means and what to do', () => {
    const done = new Set(['0', '130', '143']);
    for (const { code, cells } of rows.filter((row) => !done.has(row.code))) {
      expect(cells['whose'], code).toMatch(/^(?:yours|the world's|ours)$/);
      expect(cells['what it means'], code).toMatch(/\w/);
      expect(cells['what to do'], code).toMatch(/\w/);
    }
  });

  it('knows every kind of code: a new one gets a section here', () => {
    const words = [...unions].filter(([name]) => /(?:Code|Problem|Refusal|Drop|Stage)$/.test(name)).map(([name]) => name);
    expect(words.toSorted()).toEqual(['ConnectionRefusal', 'OpenProblem', 'PumpStage', 'QuarantineDrop', 'RefusalCode'].toSorted());
  });

  it('leaves out no code that the source names by itself', () => {
    const known = new Set([...rows.map(({ code }) => code), ...Object.keys(FINDINGS)]);
    const inSource = literals(/\bcode: '([a-z]+(?:_[a-z]+)+)'/g);
    expect(inSource.length).toBeGreaterThan(20);
    // `file_limit` ends `record`, which says it in words.
    expect(inSource.filter((code) => !known.has(code) && code !== 'file_limit')).toEqual([]);
  });
});

describe('the reading of codes', () => {
  it('finds unions, lines that warn, and rows', () => {
    const files = new Map([
      [
        'a.ts',
        "export type ACode = 'one' | 'two_three';\nexport type Other = 'x' | number;\nexport type BCode =\n  | 'four'\n  | 'five';\n",
      ],
    ]);
    expect([...unionsOf(files)]).toEqual([
      ['ACode', ['one', 'two_three']],
      ['BCode', ['four', 'five']],
    ]);
    expect(warningLines("log.info({ event: 'a' }); log.warn({ event: 'b' }, 'x'); case 'c': return log.error(line, 'y');")).toEqual([
      'b',
      'c',
    ]);
    expect(codeRows('## S\n\n| code | whose |\n| --- | --- |\n| `a` | ours |\n\n| other |\n| --- |\n| `b` |\n')).toEqual([
      { section: 'S', code: 'a', cells: { code: '`a`', whose: 'ours' } },
    ]);
  });
});
