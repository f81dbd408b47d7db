import { describe, expect, it } from 'vitest';
import { projectFiles, readTexts } from './source-tree.ts';
import { wordingBreaches } from './wording-rules.ts';

/** Recordings and goldens are kept as they came; licences and lock files are not ours to word; the rules quote what they ban. */
const QUOTED = /^(?:test\/fixtures\/|test\/golden\/.*\.(?:json|txt|snap)|package-lock\.json|LICENSE|test\/repository\/wording)/;
const WRITTEN = /\.(?:ts|tsx|js|mjs|css|html|md|yaml|yml|py|sh|json)$/;
/** Rooms whose wording is not settled yet. This list only shrinks. */
const NOT_YET = /^(?:(?:src|test|examples)\/|docs\/reference\/(?:cli|doctor-findings|settings)\.md$)/;

/** Rooms of the list above whose wording is settled. */
const SETTLED =
  /^(?:src\/(?:bridge|command|correlate|doctor|event|export|http|journal|options|otlp|quarantine|receiver|recording|runtime|span|telemetry|terminal|view)\/|src\/[^/]+\.ts|test\/(?:bench|bridge|cli|crash|doctor|event|export|http|journal|options|otlp|quarantine|receiver|recording|runtime|security|span|telemetry|terminal|view)\/|test\/(?:config|known-variables)\.test\.ts)/;

const paths = projectFiles().filter((path) => WRITTEN.test(path) && !QUOTED.test(path) && (SETTLED.test(path) || !NOT_YET.test(path)));

describe('the wording of the project', () => {
  it('is plain English in code, tests, docs and examples', () => {
    expect(wordingBreaches(readTexts(paths))).toEqual([]);
  });

  it.each([
    ['A larger event is none of a thousand.', 'is none'],
    ['Duplicates are told by `eventId`.', 'told'],
    ['  // The job is over.', 'is over'],
  ])('does not allow "%s"', (line, words) => {
    expect(wordingBreaches(new Map([['src/a.ts', `first\n${line}\n`]])).join('\n')).toContain(`src/a.ts:2 says "${words}"`);
  });

  it('allows a plain sentence', () => {
    expect(wordingBreaches(new Map([['src/a.ts', '/** The receiver answers 503 when the journal is full. */\n']]))).toEqual([]);
  });
});
