import { expect, test } from 'vitest';
import type { ActorLifecycle } from '../../src/correlate/index.ts';
import { createSpanMapper } from '../../src/span/index.ts';

function actorSpan(states: number, statesLeftOut?: number) {
  const lifecycle: ActorLifecycle = {
    kind: 'actor',
    session: 's',
    trace: { kind: 'job', session: 's', jobId: '01000000' },
    links: [],
    jobId: '01000000',
    actorId: 'a'.repeat(32),
    name: 'Actor',
    isDetached: false,
    states: Array.from({ length: states }, (_, index) => ({ state: `S${index}`, timeNs: BigInt(index) })),
    ...(statesLeftOut === undefined ? {} : { statesLeftOut }),
    incarnations: [],
    startNs: 0n,
    endNs: BigInt(states),
  };
  const [span] = createSpanMapper({})(lifecycle);
  if (span === undefined) throw new Error('no span');
  return { count: span.events.length, dropped: span.droppedEventsCount, names: span.events.map(({ name }) => name) };
}

test.each([
  [1, undefined, 1, 0],
  [127, undefined, 127, 0],
  [128, undefined, 128, 0],
  [129, undefined, 128, 1],
  [300, undefined, 128, 172],
  [3, 40, 3, 40],
  [300, 40, 128, 212],
])('an actor with %i states, and %s left out before, has %i span events and counts %i as dropped', (states, leftOut, count, dropped) => {
  expect(actorSpan(states, leftOut)).toMatchObject({ count, dropped });
});

test('an actor with too many states has span events for the first 64 and the last 64', () => {
  const numbers = Array.from({ length: 64 }, (_, index) => index);
  expect(actorSpan(300).names).toEqual([...numbers, ...numbers.map((index) => 300 - 64 + index)].map((index) => `S${index}`));
});
