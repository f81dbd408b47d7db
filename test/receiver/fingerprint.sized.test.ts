import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFingerprints } from '../../src/receiver/fingerprint.ts';
import { FingerprintSet } from '../../src/receiver/fingerprint-set.ts';
import { propertyRuns } from '../support/sized.ts';

const SECRET = Buffer.alloc(32, 7);

function wordsOf(session: string, eventId: string, fingerprints = createFingerprints(SECRET)): string {
  fingerprints.compute(session, eventId);
  return fingerprints.words.join(' ');
}

describe('fingerprints', () => {
  it('are equal for the same id and session in any order of calls, and different for all others', () => {
    const fingerprints = createFingerprints(SECRET);
    const seen = new Map<string, string>();
    const text = fc.oneof(
      fc.constantFrom(
        '',
        'a',
        'b',
        'ab',
        'ba',
        'a\u0000',
        '\u0000a',
        'aa',
        'long a',
        'long ',
        '\u0100',
        'Ā\u0000',
        'x'.repeat(56),
        'x'.repeat(57),
      ),
      fc.string({ maxLength: 60 }),
    );
    fc.assert(
      fc.property(text, text, (session, eventId) => {
        const words = wordsOf(session, eventId, fingerprints);
        expect(words).toBe(wordsOf(session, eventId));
        const identity = JSON.stringify([session, eventId]);
        expect(seen.get(words) ?? identity).toBe(identity);
        seen.set(words, identity);
      }),
      { numRuns: propertyRuns(300, 3_000) },
    );
  });

  it('of ids that differ in one character differ in every word', () => {
    const id = Buffer.alloc(28, 3).toString('base64');
    const changed = Array.from(id, (_, index) => `${id.slice(0, index)}!${id.slice(index + 1)}`);
    const all = [id, ...changed].map((text) => wordsOf('s', text).split(' '));
    for (const word of [0, 1, 2]) expect(new Set(all.map((words) => words[word])).size).toBe(all.length);
  });

  it('differ between processes', () => {
    expect(wordsOf('s', 'id', createFingerprints())).not.toBe(wordsOf('s', 'id', createFingerprints()));
  });

  it('of ascending ids are spread like those of random ids', () => {
    const fingerprints = createFingerprints(SECRET);
    const heads = new Uint32Array(256);
    for (let index = 0; index < 256 * 64; index += 1) {
      fingerprints.compute('s', `AAAA${String(index).padStart(36, '0')}`);
      const head = (fingerprints.words[0] ?? 0) & 255;
      heads[head] = (heads[head] ?? 0) + 1;
    }
    expect(Math.max(...heads)).toBeLessThan(64 + 64);
    expect(Math.min(...heads)).toBeGreaterThan(0);
  });

  it('stay correct with more sessions than are cached', () => {
    const fingerprints = createFingerprints(SECRET);
    const sessions = Array.from({ length: 3000 }, (_, index) => `session ${index}`);
    const first = sessions.map((session) => wordsOf(session, 'id', fingerprints));
    expect(sessions.map((session) => wordsOf(session, 'id', fingerprints))).toEqual(first);
    expect(new Set(first).size).toBe(3000);
  });
});

describe('a set of fingerprints', () => {
  it('behaves like a Set, also when all fingerprints share a home slot and are removed one by one', () => {
    const place = fc.record({ a: fc.constantFrom(0, 1, 2), b: fc.constantFrom(0, 1), c: fc.nat(3) });
    const step = fc.record({ words: place, how: fc.constantFrom('add', 'add', 'delete', 'has') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const set = new FingerprintSet(24);
        const model = new Set<string>();
        for (const { words, how } of steps) {
          const given = Int32Array.of(words.a, words.b, words.c + 1);
          const key = given.join(' ');
          if (how === 'add') expect(set.add(given)).toBe(!model.has(key));
          if (how === 'add') model.add(key);
          if (how === 'delete') set.delete(given);
          if (how === 'delete') model.delete(key);
          expect(set.has(given)).toBe(model.has(key));
          expect(set.size).toBe(model.size);
        }
        for (const key of model) expect(set.has(Int32Array.from(key.split(' ').map(Number)))).toBe(true);
      }),
      { numRuns: propertyRuns(300, 3_000) },
    );
  });

  it('holds its whole capacity, and also the fingerprint of zeros', () => {
    const set = new FingerprintSet(1000);
    for (let index = 0; index < 1000; index += 1) expect(set.add(Int32Array.of(0, 0, index))).toBe(index !== 1);
    expect(set.size).toBe(999);
    set.clear();
    expect([set.size, set.has(Int32Array.of(0, 0, 0))]).toEqual([0, false]);
  });
});
