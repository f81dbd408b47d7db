import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DueQueue } from '../../src/correlate/due-queue.ts';

it('gives what is due by its time, and what is due together in the order of its arrival', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.nat(20), (times, nowMs) => {
      const queue = new DueQueue<number>();
      for (const [index, dueMs] of times.entries()) queue.push(dueMs, index);
      const popped: number[] = [];
      for (let next = queue.popDue(nowMs); next !== undefined; next = queue.popDue(nowMs)) popped.push(next.item);
      const expected = [...times.entries()].filter(([, dueMs]) => dueMs <= nowMs).sort(([, a], [, b]) => a - b);
      expect(popped).toEqual(expected.map(([index]) => index));
      expect(queue.size).toBe(times.length - popped.length);
    }),
  );
});
