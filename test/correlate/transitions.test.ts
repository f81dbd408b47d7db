import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeftOut, MAX_LEFT_OUT_TIMES } from '../../src/correlate/compact/left-out.ts';
import { TimeList } from '../../src/correlate/compact/time-list.ts';
import { addTransitions, countOf, lastTimeOf, MAX_TRANSITIONS, nextOf } from '../../src/correlate/states/transitions.ts';
import type { ActorTransition, StateTransition } from '../../src/event/index.ts';

// What an entity with too many states keeps: the first and the last ones, and how many there were between them.

const HALF = MAX_TRANSITIONS / 2;

function enter(events: Iterable<readonly StateTransition[]>) {
  const transitions: StateTransition[] = [];
  let leftOut: LeftOut | undefined;
  for (const event of events) leftOut = addTransitions(transitions, event, leftOut);
  return { transitions, leftOut };
}

/** As an actor that restarts every 10 ns and dies in the end. */
function restarts(count: number): StateTransition[] {
  const list: StateTransition[] = [{ state: 'PENDING_CREATION', timeNs: 1n }];
  for (let life = 0; life <= count; life += 1) {
    if (life > 0) list.push({ state: 'RESTARTING', timeNs: BigInt(life * 10) });
    list.push({ state: 'ALIVE', timeNs: BigInt(life * 10 + 2) });
  }
  return [...list, { state: 'DEAD', timeNs: BigInt(count * 10 + 5) }];
}

describe('the transitions of an entity', () => {
  const all = restarts(1_500);
  const order = fc.shuffledSubarray(all, { minLength: all.length });

  it('are the first and the last ones when there are too many, in whatever order they come and however often', () => {
    fc.assert(
      fc.property(order, fc.shuffledSubarray(all), (events, repeated) => {
        const { transitions, leftOut } = enter([events.slice(0, 7), ...[...events, ...repeated].map((one) => [one])]);
        expect(transitions).toEqual([...all.slice(0, HALF), ...all.slice(-HALF)]);
        expect(leftOut?.count).toBe(all.length - MAX_TRANSITIONS);
      }),
      { numRuns: 10 },
    );
  });

  it('are all counted, those that are not kept too', () => {
    const record = enter([all]);
    expect(countOf(record, 'RESTARTING')).toBe(1_500);
    expect(countOf(record, 'ALIVE')).toBe(1_501);
    expect(countOf(record, 'DEAD')).toBe(1);
  });

  it('are found by state and time, those that are not kept too', () => {
    const record = enter([all]);
    for (const fromNs of [0n, 3n, 7_000n, 7_001n, 15_003n]) {
      expect(nextOf(record, ['ALIVE', 'DEAD'], fromNs)).toEqual(
        all.find(({ state, timeNs }) => timeNs >= fromNs && (state === 'ALIVE' || state === 'DEAD')),
      );
    }
    expect(nextOf(record, ['DEAD'], 15_006n)).toBeUndefined();
    expect(lastTimeOf(record, 'RESTARTING')).toBe(15_000n);
    expect(lastTimeOf(record, 'PENDING_CREATION')).toBe(1n);
    expect(lastTimeOf(record, 'FAILED')).toBeUndefined();
  });

  it('keep an end that lies between the first and the last ones', () => {
    const late = Array.from({ length: 3 * HALF }, (_, index) => ({ state: 'ALIVE', timeNs: BigInt(20_000 + index) }));
    const record = enter([restarts(HALF), late]);
    expect(record.transitions.some(({ state }) => state === 'DEAD')).toBe(false);
    expect(nextOf(record, ['DEAD'])).toEqual({ state: 'DEAD', timeNs: BigInt(HALF * 10 + 5) });
  });

  it('are the same when one comes twice with different values', () => {
    const dead = (over: Partial<ActorTransition>): ActorTransition => ({ state: 'DEAD', timeNs: 5n, ...over });
    const twins = [
      dead({ nodeId: 'b', deathCause: { reason: 'RAY_KILL', message: 'x' } }),
      dead({ nodeId: 'a', pid: 7 }),
      dead({ pid: 5 }),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(twins, { minLength: twins.length }), (events) => {
        const { transitions } = enter([events]);
        expect(transitions).toEqual([dead({ nodeId: 'a', pid: 5, deathCause: { reason: 'RAY_KILL', message: 'x' } })]);
      }),
    );
  });

  it.each([
    ['in order', (list: StateTransition[]) => list],
    ['the other way around', (list: StateTransition[]) => list.toReversed()],
    ['from both ends', (list: StateTransition[]) => list.map((_, index) => list.at(index % 2 === 0 ? index / 2 : -(index + 1) / 2))],
  ])('take linear time, %s', (_, arranged) => {
    const stepsFor = (count: number): number => {
      let steps = 0;
      const list = arranged(restarts(count)).map((one) => ({
        state: one?.state ?? '',
        get timeNs() {
          steps += 1;
          return one?.timeNs ?? 0n;
        },
      }));
      enter(list.map((one) => [one]));
      return steps;
    };
    expect(stepsFor(12_000) / stepsFor(3_000)).toBeLessThan(5);
  });
});

describe('what was left out', () => {
  const entries = fc.array(fc.record({ state: fc.constantFrom('ALIVE', 'DEAD', 'x', 'y'), timeNs: fc.bigInt({ min: 0n, max: 500n }) }));

  it('is the same after it was saved and read back', () => {
    fc.assert(
      fc.property(entries, entries, (before, after) => {
        const leftOut = new LeftOut();
        for (const entry of before) leftOut.add(entry);
        const restored = LeftOut.restored(leftOut.save());
        for (const entry of after) for (const one of [leftOut, restored]) one.add(entry);
        expect(restored.save()).toEqual(leftOut.save());
        expect(restored.count).toBe(leftOut.count);
        expect(restored.firstNs).toBe(leftOut.firstNs);
      }),
    );
  });

  it(`is remembered up to ${MAX_LEFT_OUT_TIMES} times, and only counted beyond them`, () => {
    const leftOut = new LeftOut();
    for (let ns = 0; ns < MAX_LEFT_OUT_TIMES + 10; ns += 1) leftOut.add({ state: 'RESTARTING', timeNs: BigInt(ns) });
    leftOut.add({ state: 'RESTARTING', timeNs: 5n });
    expect(leftOut.countOf('RESTARTING')).toBe(MAX_LEFT_OUT_TIMES + 10);
    expect(leftOut.lastOf('RESTARTING')).toBe(BigInt(MAX_LEFT_OUT_TIMES - 1));
    expect(leftOut.save().map(([, times]) => times.byteLength)).toEqual([8 * MAX_LEFT_OUT_TIMES]);
    expect(LeftOut.restored(leftOut.save()).count).toBe(MAX_LEFT_OUT_TIMES + 10);
  });
});

describe('a list of times', () => {
  it('is a set in order, whatever the order of what is added', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 3_000n }), { maxLength: 3_000 }), (times) => {
        const list = new TimeList();
        const known = new Set<bigint>();
        for (const ns of times) {
          expect(list.add(ns)).toBe(!known.has(ns));
          known.add(ns);
        }
        const sorted = [...known].sort((a, b) => (a < b ? -1 : 1));
        expect([list.size, list.first, list.last]).toEqual([sorted.length, sorted[0], sorted.at(-1)]);
        for (const ns of [0n, 1n, 1_500n, 2_999n, 3_001n]) {
          expect(list.has(ns)).toBe(known.has(ns));
          expect(list.next(ns)).toBe(sorted.find((other) => other >= ns));
        }
        expect([...new BigUint64Array(Uint8Array.from(list.save()).buffer)]).toEqual(sorted);
      }),
      { numRuns: 30 },
    );
  });
});
