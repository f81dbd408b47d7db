import { describe, expect, it } from 'vitest';
import type { RayEvent } from '../../src/event/index.ts';
import type { JournalEntry } from '../../src/journal/index.ts';
import { Tail } from '../../src/journal/tail.ts';

const SIZES = [4, 1, 3, 2];
const COUNT = 10;

function entry(number: number): JournalEntry {
  const event: RayEvent = { type: 'job_lifecycle', eventId: String(number), session: 's', jobId: '01000000', transitions: [] };
  return { event, receivedAtMs: number, epochMs: number };
}

function createTail(): Tail {
  const tail = new Tail();
  let firstCursor = 0;
  for (const size of SIZES) {
    tail.push({ firstCursor, entries: Array.from({ length: size }, (_, index) => entry(firstCursor + index)), bytes: 100 * size });
    firstCursor += size;
  }
  return tail;
}

describe('the tail of a journal', () => {
  it('returns exactly as many entries as the limit allows, across batches', () => {
    const tail = createTail();
    for (let cursor = 0; cursor < COUNT; cursor += 1) {
      for (let limit = 1; limit <= COUNT + 1; limit += 1) {
        const { from, entries } = tail.slice(cursor, limit);
        expect(from).toBe(cursor);
        const numbers = entries.map(({ receivedAtMs }) => receivedAtMs);
        const length = Math.min(limit, COUNT - cursor);
        expect(numbers).toEqual(Array.from({ length }, (_, index) => cursor + index));
      }
    }
  });

  it('counts the bytes of each batch until its last entry is released', () => {
    const tail = createTail();
    expect([tail.holds(0), tail.holds(COUNT - 1), tail.holds(COUNT), tail.endCursor]).toEqual([true, true, false, COUNT]);
    for (const [cursor, bytes] of [
      [3, 1000],
      [4, 600],
      [5, 500],
      [7, 500],
      [COUNT, 0],
    ] as const) {
      tail.release(cursor);
      expect(tail.bytes).toBe(bytes);
    }
    expect(tail.isEmpty).toBe(true);
  });
});
