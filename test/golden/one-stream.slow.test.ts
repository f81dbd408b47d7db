import { describe, expect, it } from 'vitest';
import { differencesOf } from './differences.ts';
import { postsOf } from './play-live.ts';
import { CONVERT, SLOW_WAYS } from './ways.ts';
import { SMALL_RECORDINGS } from '../support/recordings.ts';

// The ways that take longer: see test/golden/one-stream.test.ts.

describe.each(SMALL_RECORDINGS)('%s gives the same spans', (name) => {
  const posts = postsOf(name);
  const expected = CONVERT(posts);

  it.each(Object.entries(SLOW_WAYS))('%s', (_, way) => {
    expect(differencesOf(expected, way(posts))).toEqual([]);
  });
});
