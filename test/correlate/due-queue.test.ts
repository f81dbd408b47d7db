import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DueQueue } from '../../src/correlate/due/due-queue.ts';

it('gives what is due by its time, and what is due together in an order that does not depend on when it came', () => {
  const things = fc.uniqueArray(fc.tuple(fc.nat(20), fc.nat(1000)), { selector: ([, id]) => id, maxLength: 150, size: 'max' });
  fc.assert(
    fc.property(things, fc.nat(20), (pairs, nowMs) => {
      const queue = new DueQueue<number>((a, b) => a - b);
      for (const [dueMs, id] of pairs) queue.push(dueMs, id);
      const popped: number[] = [];
      for (let next = queue.popDue(nowMs); next !== undefined; next = queue.popDue(nowMs)) popped.push(next.item);
      const expected = pairs.filter(([dueMs]) => dueMs <= nowMs).sort(([dueA, idA], [dueB, idB]) => dueA - dueB || idA - idB);
      expect(popped).toEqual(expected.map(([, id]) => id));
      expect(queue.size).toBe(pairs.length - popped.length);
    }),
  );
});

it('gives what was kept in the same order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fc.nat(20), fc.nat(1000)), { selector: ([, id]) => id, maxLength: 150, size: 'max' }), (pairs) => {
      const queue = new DueQueue<number>((a, b) => a - b);
      for (const [dueMs, id] of pairs) queue.push(dueMs, id);
      queue.keep((id, dueMs) => (id + dueMs) % 3 > 0);
      const popped: number[] = [];
      for (let next = queue.popDue(100); next !== undefined; next = queue.popDue(100)) popped.push(next.item);
      const kept = pairs.filter(([dueMs, id]) => (id + dueMs) % 3 > 0).sort(([dueA, idA], [dueB, idB]) => dueA - dueB || idA - idB);
      expect(popped).toEqual(kept.map(([, id]) => id));
    }),
  );
});
