import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addStates, hasState, NO_STATES, unpackStates } from '../../src/correlate/compact/packed-states.ts';
import type { StateTransition } from '../../src/event/index.ts';

// What is packed is what was added, whatever the names and times.

const state = fc.oneof(
  fc.constantFrom('RUNNING', 'FINISHED', 'PENDING_ARGS_AVAIL', 'GETTING_AND_PINNING_ARGS'),
  fc.constantFrom('', '\0', 'UNKNOWN_99', 'ZUSTAND_\u{1F680}', 'running', 'x'.repeat(256)),
  fc.string({ maxLength: 256 }),
);
const transition = fc.record({ state, timeNs: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) });
const events = fc.array(fc.array(transition, { maxLength: 6 }), { maxLength: 12 });

function packed(lists: readonly (readonly StateTransition[])[]): string {
  return lists.reduce((states, list) => addStates(states, list), NO_STATES);
}

it('keeps each state and time once, in the order in which they came', () => {
  fc.assert(
    fc.property(events, (lists) => {
      const known = new Map(lists.flat().map((entry) => [`${entry.timeNs} ${entry.state}`, entry]));
      expect(unpackStates(packed([...lists, ...lists]))).toEqual([...known.values()]);
    }),
  );
});

it('packed states show whether a state was entered', () => {
  fc.assert(
    fc.property(events, (lists) => {
      expect(hasState(packed(lists), 'RUNNING')).toBe(lists.flat().some((entry) => entry.state === 'RUNNING'));
    }),
  );
});
