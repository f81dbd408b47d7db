import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeenEvents } from '../../src/receiver/index.ts';

describe('the memory of seen events', () => {
  it('distinguishes sessions', () => {
    const seen = createSeenEvents(10);
    seen.add('one', 'a');
    expect(seen.has('one', 'a')).toBe(true);
    expect(seen.has('two', 'a')).toBe(false);
  });

  it('remembers the most recent ids up to its limit, and never more than twice as many', () => {
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

  it('forgets the oldest ids first', () => {
    const seen = createSeenEvents(2);
    for (const id of ['a', 'b', 'c', 'd', 'e']) seen.add('s', id);
    expect(seen.has('s', 'a')).toBe(false);
    expect(seen.has('s', 'd')).toBe(true);
  });

  it('distinguishes ids of any length', () => {
    const seen = createSeenEvents(10);
    const long = 'x'.repeat(100_000);
    seen.add('s', `${long}1`);
    expect(seen.has('s', `${long}1`)).toBe(true);
    expect(seen.has('s', `${long}2`)).toBe(false);
  });

  it('claims an id once, and again after it was forgotten, in either generation', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.boolean()), { maxLength: 100 }), (steps) => {
        const seen = createSeenEvents(10);
        const model = new Set<number>();
        for (const [number, isForgotten] of steps) {
          const id = String(number);
          if (isForgotten) seen.forget('s', id);
          else expect(seen.claim('s', id)).toBe(!model.has(number));
          if (isForgotten) model.delete(number);
          else model.add(number);
          expect([seen.has('s', id), seen.size()]).toEqual([model.has(number), model.size]);
        }
      }),
    );
    const seen = createSeenEvents(2);
    for (const id of ['a', 'b', 'c']) expect(seen.claim('s', id)).toBe(true);
    seen.forget('s', 'a');
    expect([seen.has('s', 'a'), seen.claim('s', 'b'), seen.claim('s', 'a')]).toEqual([false, false, true]);
  });

  it('takes 25 bytes per id, where strings would take 77', () => {
    const before = process.memoryUsage().arrayBuffers;
    const seen = createSeenEvents(500_000);
    const bytesForEach = (process.memoryUsage().arrayBuffers - before) / 1_000_000;
    expect(bytesForEach).toBeLessThan(26);
    for (let index = 0; index < 1000; index += 1) seen.add('s', `id ${index}`);
    expect(seen.size()).toBe(1000);
    expect((process.memoryUsage().arrayBuffers - before) / 1_000_000).toBeLessThan(26);
  });
});
