import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeenEvents } from '../../src/receiver/index.ts';

describe('seen events', () => {
  it('tells sessions apart', () => {
    const seen = createSeenEvents(10);
    seen.add('one', 'a');
    expect(seen.has('one', 'a')).toBe(true);
    expect(seen.has('two', 'a')).toBe(false);
  });

  it('remembers the last ones up to its limit, and never holds more than twice as many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 200 }), (limit, numbers) => {
        const seen = createSeenEvents(limit);
        const order: number[] = [];
        for (const number of numbers) {
          if (!seen.has('s', String(number))) {
            order.push(number);
            seen.add('s', String(number));
          }
          expect(seen.size()).toBeLessThanOrEqual(2 * limit);
        }
        for (const number of order.slice(-limit)) expect(seen.has('s', String(number))).toBe(true);
      }),
    );
  });

  it('forgets the oldest', () => {
    const seen = createSeenEvents(2);
    for (const id of ['a', 'b', 'c', 'd', 'e']) seen.add('s', id);
    expect(seen.has('s', 'a')).toBe(false);
    expect(seen.has('s', 'd')).toBe(true);
  });

  it('tells apart ids of any length', () => {
    const seen = createSeenEvents(10);
    const long = 'x'.repeat(100_000);
    seen.add('s', `${long}1`);
    expect(seen.has('s', `${long}1`)).toBe(true);
    expect(seen.has('s', `${long}2`)).toBe(false);
  });
});
