import { describe, expect, it } from 'vitest';
import { projectFiles, readTexts } from './source-tree.ts';
import { wordingBreaches } from './wording-rules.ts';

/** Recordings and goldens are kept as they came; licences and lock files are not ours to word; the rules quote what they ban. */
const QUOTED = /^(?:test\/fixtures\/|test\/golden\/.*\.(?:json|txt|snap)|package-lock\.json|LICENSE|test\/repository\/wording)/;
const WRITTEN = /\.(?:ts|tsx|js|mjs|css|html|md|yaml|yml|py|sh|json)$/;

const paths = projectFiles().filter((path) => WRITTEN.test(path) && !QUOTED.test(path));

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
