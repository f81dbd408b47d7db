import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compactString } from '../../src/correlate/compact/compact-string.ts';

it('is the same text, whatever it is', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1_100 }),
    fc.string({ maxLength: 1_100 }),
    fc.constant('\u{1F680}'.repeat(20)),
  );
  fc.assert(fc.property(text, (value) => compactString(value) === value));
  expect(compactString('x'.repeat(2_000))).toBe('x'.repeat(2_000));
});

it('keeps no longer text alive that it was a part of', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const usedBytes = (): number => {
    collect();
    return getHeapStatistics().used_heap_size;
  };
  const parts = (keep: (part: string) => string): string[] =>
    Array.from({ length: 200 }, (_, index) =>
      keep(
        Buffer.alloc(100_000, 65 + (index % 26))
          .toString('latin1')
          .slice(500, 548),
      ),
    );
  const before = usedBytes();
  const kept = parts(compactString);
  expect(usedBytes() - before).toBeLessThan(10_000_000);
  expect(kept).toHaveLength(200);
});
