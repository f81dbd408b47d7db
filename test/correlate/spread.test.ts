import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_BUCKETS, Spread } from '../../src/correlate/budget/spread.ts';

const durations = fc.array(fc.bigInt({ min: 0n, max: 10_000_000_000_000n }), { minLength: 1, maxLength: 300 });

function spreadOf(values: readonly bigint[]): Spread {
  const spread = new Spread();
  for (const ns of values) spread.add(ns);
  return spread;
}

describe('the spread of rolled up durations', () => {
  it('has an exact sum, shortest and longest value, and quantiles within 1 %', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const sorted = values.toSorted((a, b) => (a < b ? -1 : 1));
        const facts = spreadOf(values).facts;
        expect(facts).toMatchObject({ sumNs: values.reduce((sum, ns) => sum + ns, 0n), minNs: sorted[0], maxNs: sorted.at(-1) });
        for (const [share, ns] of [
          [0.5, facts?.p50Ns],
          [0.95, facts?.p95Ns],
          [0.99, facts?.p99Ns],
        ] as const) {
          const exact = Number(sorted[Math.ceil(share * sorted.length) - 1]);
          expect(Math.abs(Number(ns) - exact)).toBeLessThanOrEqual(0.0101 * exact + 2);
        }
      }),
    );
  });

  it('is the same in any order, merged in parts, and through a checkpoint', () => {
    fc.assert(
      fc.property(durations, durations, (one, other) => {
        const whole = spreadOf([...one, ...other]).facts;
        const merged = Spread.restored(spreadOf(other).save());
        merged.absorb(spreadOf(one));
        expect(merged.facts).toEqual(whole);
      }),
    );
  });

  it('has a bounded number of buckets, and joins the shortest durations beyond it', () => {
    const spread = new Spread();
    for (let bucket = 0; bucket < 3 * MAX_BUCKETS; bucket += 1) spread.add(BigInt(Math.round(1.02 ** (bucket / 2))));
    expect(spread.buckets).toBe(MAX_BUCKETS);
    const facts = spread.facts;
    expect(Number(facts?.p99Ns) / 1.02 ** (0.99 * 1.5 * MAX_BUCKETS)).toBeCloseTo(1, 1);
  });

  it('has no facts about nothing', () => {
    expect(new Spread().facts).toBeUndefined();
  });
});
