import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createScheduler } from '../../src/runtime/index.ts';
import { Pace } from '../../src/view/pace.ts';
import { sortInSlices } from '../../src/view/sort-in-slices.ts';

interface Item {
  readonly value: number;
  readonly place: number;
}

function byValue(a: Item, b: Item): number {
  return a.value - b.value;
}

describe('sorting in time slices', () => {
  it('the result is that of a stable sort', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5_500 }), fc.integer({ min: 1, max: 3_000 }), fc.nat(), async (length, values, seed) => {
        const items = Array.from({ length }, (_, place) => ({ value: ((place + seed) * 7_919) % values, place }));
        expect(await sortInSlices(items, byValue, new Pace(createScheduler()))).toEqual(items.toSorted(byValue));
      }),
      { numRuns: 60 },
    );
  });

  it('other work runs in between', async () => {
    let takenTurns = 0;
    const scheduler = {
      takeNow: () => undefined,
      take: async () => {
        takenTurns += 1;
        return { hasEnded: () => true };
      },
    };
    const items = Array.from({ length: 20_000 }, (_, place) => ({ value: (place * 7_919) % 20_000, place }));
    await sortInSlices(items, byValue, new Pace(scheduler));
    // Twenty runs, then five rounds of merging, with a check of the clock every 500 items.
    expect(takenTurns).toBeGreaterThan(20 + 100);
  });
});
