import { describe, expect, it } from 'vitest';
import { CASES, SMALL_RECORDINGS } from '../support/recordings.ts';
import { differencesOf } from './differences.ts';
import { postsOf } from './play-live.ts';
import { CONVERT, SLOW_WAYS, WAYS } from './ways.ts';

// One stream, one result: whichever way the events of a recording reach the bridge, its spans are the same, with all that they say.

/** What differs all the same, by recording and way. */
const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  '../cases/executor-600s-ahead.ndjson': {
    // A clock that is minutes ahead is noticed by the receive times alone: here the end follows its RUNNING.
    'convert, without receive times': ['skew: endNs "1795601211200000000" -> "1795601801000000000"'],
  },
};

describe.each(SMALL_RECORDINGS)('%s gives the same spans', (name) => {
  const posts = postsOf(name);
  const expected = CONVERT(posts);

  it.each(Object.entries(WAYS))('%s', (_, way) => {
    expect(differencesOf(expected, way(posts))).toEqual([]);
  });
});

describe.each(CASES)('%s gives the same spans', (name) => {
  const posts = postsOf(name);
  const expected = CONVERT(posts);

  it.each(Object.entries({ ...WAYS, ...SLOW_WAYS }))('%s', (title, way) => {
    expect(expected.length).toBeGreaterThan(0);
    expect(differencesOf(expected, way(posts))).toEqual(DIFFERENCES[name]?.[title] ?? []);
  });
});
