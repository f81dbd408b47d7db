import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodeUse, type RanOn } from '../../src/view/node-use.ts';

function useOf(intervals: readonly RanOn[], buckets = 8, maxNodes = 4): NodeUse {
  const use = new NodeUse(buckets, maxNodes);
  for (const interval of intervals) use.add(interval);
  return use;
}

function ran(fromMs: number, toMs: number, node = 'a'): RanOn {
  return { node, fromMs, toMs };
}

describe('the use of nodes over time', () => {
  it('a series holds the mean number of running attempts in each bucket', () => {
    const { startMs, bucketMs, nodes } = useOf([ran(1000, 1020), ran(1005, 1010), ran(1030, 1040)]).series([]) ?? {};
    expect([startMs, bucketMs]).toEqual([1000, 10]);
    expect([...(nodes?.[0]?.running ?? [])]).toEqual([1.5, 1, 0, 1, 0, 0, 0, 0]);
  });

  it('each two buckets merge when an interval lies before or after them', () => {
    const use = useOf([ran(1000, 1080)]);
    expect(use.series([])?.bucketMs).toBe(10);
    use.add(ran(960, 1000));
    expect([use.series([])?.startMs, use.series([])?.bucketMs]).toEqual([960, 20]);
    expect([...(use.series([])?.nodes[0]?.running ?? [])].slice(0, 7)).toEqual([1, 1, 1, 1, 1, 1, 0]);
    use.add(ran(1e15, 1e15 + 1));
    expect(use.series([])?.nodes[0]?.running).toHaveLength(8);
  });

  it('nodes up to the limit have buckets of their own, and the others share', () => {
    const use = useOf(['a', 'b', 'c', 'd', 'e', 'f'].map((node) => ran(0, 10, node)));
    expect(use.size).toBe(5);
    expect(use.series([])?.nodes.map(({ node, running }) => [node, running[0]])).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
      ['d', 1],
      [undefined, 2],
    ]);
  });

  it('running attempts are included but not kept', () => {
    const use = useOf([ran(0, 10)]);
    expect(use.series([ran(0, 10), ran(10, 20, 'b')])?.nodes.map(({ running }) => [...running].slice(0, 2))).toEqual([
      [2, 0],
      [0, 1],
    ]);
    expect(use.series([])?.nodes.map(({ node }) => node)).toEqual(['a']);
  });

  it('invalid intervals are ignored', () => {
    const use = new NodeUse(8, 4);
    for (const [from, to] of [
      [Number.NaN, 1],
      [1, Number.NaN],
      [2, 1],
      [1, 1],
      [-5, 1],
      [0, Number.POSITIVE_INFINITY],
      [0, 1e300],
    ] as const)
      expect(use.add(ran(from, to))).toBe(false);
    expect(use.series([])).toBeUndefined();
  });

  it('the series are the same for any order, and no time is lost', () => {
    const interval = fc
      .tuple(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 1, max: 5_000 }), fc.constantFrom('a', 'b'))
      .map(([from, took, node]) => ran(from, from + took, node));
    fc.assert(
      fc.property(fc.array(interval, { minLength: 1, maxLength: 30 }), (intervals) => {
        const forward = useOf(intervals).series([]);
        const backward = useOf(intervals.toReversed()).series([]);
        expect([backward?.startMs, backward?.bucketMs]).toEqual([forward?.startMs, forward?.bucketMs]);
        for (const name of ['a', 'b']) {
          const there = forward?.nodes.find(({ node }) => node === name);
          const back = backward?.nodes.find(({ node }) => node === name);
          const totalMs = intervals.filter(({ node }) => node === name).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
          const sum = [...(there?.running ?? [])].reduce((total, mean) => total + mean * (forward?.bucketMs ?? 0), 0);
          expect(sum).toBeCloseTo(totalMs, 3);
          for (const [index, mean] of (there?.running ?? []).entries()) expect(back?.running[index]).toBeCloseTo(mean, 6);
        }
      }),
    );
  });
});
