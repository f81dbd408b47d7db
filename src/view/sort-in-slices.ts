import type { Pace } from './pace.ts';

/** Items that are sorted without a pause. */
const RUN_LENGTH = 1_000;

/** Sorts like `toSorted`, in time slices: the rest of the bridge runs in between. */
export async function sortInSlices<Item>(items: readonly Item[], compare: (a: Item, b: Item) => number, pace: Pace): Promise<Item[]> {
  let runs: Item[][] = [];
  for (let start = 0; start < items.length; start += RUN_LENGTH) {
    runs.push(items.slice(start, start + RUN_LENGTH).toSorted(compare));
    await pace.rest();
  }
  while (runs.length > 1) {
    const merged: Item[][] = [];
    for (let index = 0; index < runs.length; index += 2) merged.push(await merge(runs[index] ?? [], runs[index + 1] ?? [], compare, pace));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<Item>(
  left: readonly Item[],
  right: readonly Item[],
  compare: (a: Item, b: Item) => number,
  pace: Pace,
): Promise<Item[]> {
  const merged: Item[] = [];
  let at = 0;
  for (const item of right) {
    if (pace.isDue()) await pace.rest();
    for (let next = left[at]; next !== undefined && compare(next, item) <= 0; next = left[at]) {
      if (pace.isDue()) await pace.rest();
      merged.push(next);
      at += 1;
    }
    merged.push(item);
  }
  return merged.concat(left.slice(at));
}
