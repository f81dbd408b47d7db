import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeveralAttempts } from '../../src/correlate/states/several-attempts.ts';
import { SortedList } from '../../src/correlate/compact/sorted-list.ts';

// Both beside a plain array, which is obviously right.

describe('a sorted list', () => {
  it('finds what a plain array would find, over many pieces', () => {
    const list = new SortedList<number>((a, b) => a - b);
    const plain = new Set<number>();
    const numberAt = (index: number): number => (index * 7_919) % 10_007;
    for (let index = 0; index < 5_000; index += 1) {
      list.add(numberAt(index));
      plain.add(numberAt(index));
      if (index % 3 !== 0) continue;
      list.remove(numberAt(index / 3));
      plain.delete(numberAt(index / 3));
    }
    expect(list.first).toBe(Math.min(...plain));
    const sorted = [...plain].toSorted((a, b) => a - b);
    for (let number = -1; number < 10_007; number += 13) {
      expect(list.lastUpTo(number)).toBe(sorted.findLast((other) => other <= number));
    }
  });

  it('is empty again when everything was removed, and ignores what it does not hold', () => {
    const list = new SortedList<number>((a, b) => a - b);
    list.add(3);
    list.remove(2);
    list.remove(4);
    expect(list.lastUpTo(9)).toBe(3);
    list.remove(3);
    expect(list.lastUpTo(9)).toBeUndefined();
    expect(list.first).toBeUndefined();
  });
});

interface TestAttempt {
  readonly number: number;
  readonly closed: boolean;
  ns: bigint | undefined;
  readonly isAfterJob: boolean;
}

const step = fc.record({
  does: fc.constantFrom('open', 'close', 'run'),
  number: fc.nat(30),
  ns: fc.option(fc.bigInt({ min: 0n, max: 50n }), { nil: undefined }),
});

describe('the attempts of one task', () => {
  it('are found by number and by when they ran, as in a list of them', () => {
    const runningNs = ({ ns }: TestAttempt): bigint | undefined => ns;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), fc.bigInt({ min: 0n, max: 60n }), (steps, atNs) => {
        const several = new SeveralAttempts<TestAttempt, TestAttempt>();
        const plain = new Map<number, TestAttempt>();
        for (const { does, number, ns } of steps) {
          const known = plain.get(number);
          if (does === 'open' && known === undefined) {
            plain.set(number, { number, closed: false, ns, isAfterJob: false });
            several.addOpen(plain.get(number) as TestAttempt);
            several.noteRun(plain.get(number) as TestAttempt, runningNs);
          } else if (does === 'close' && known?.closed === false) {
            plain.set(number, { ...known, closed: true, isAfterJob: number % 3 === 0 });
            several.close(plain.get(number) as TestAttempt);
          } else if (does === 'run' && known?.closed === false) {
            known.ns = ns;
            several.noteRun(known, runningNs);
          }
          if (number % 2 === 0) expect(several.runningAt(atNs, runningNs)).toBe(runningIn([...plain.values()], atNs));
        }
        const all = [...plain.values()];
        expect([...several.values()]).toEqual(all);
        expect(several.size).toBe(all.length);
        expect(several.open).toBe(all.filter(({ closed }) => !closed).length);
        expect(several.lastClosed).toBe(all.filter(({ closed }) => closed).toSorted((a, b) => b.number - a.number)[0]);
        const counted = all.filter(({ closed, isAfterJob }) => closed && !isAfterJob);
        expect(several.lastCounted).toBe(counted.toSorted((a, b) => b.number - a.number)[0]);
        for (let number = 0; number <= 30; number += 1) expect(several.find(number)).toBe(plain.get(number));
      }),
    );
  });
});

function runningIn(attempts: readonly TestAttempt[], atNs: bigint): TestAttempt | undefined {
  const byRun = attempts
    .filter(({ ns }) => ns !== undefined && ns <= atNs)
    .toSorted((a, b) => Number((a.ns ?? 0n) - (b.ns ?? 0n)) || a.number - b.number);
  return byRun.at(-1) ?? attempts.toSorted((a, b) => a.number - b.number)[0];
}
