import { describe, expect, it } from 'vitest';
import type { CorrelateOptions, Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { decodeEvent, type RayEvent, sizeOf } from '../../src/event/index.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';
import {
  actorId,
  actorStates,
  definition,
  header,
  JOB,
  machineId,
  nodeStates,
  secondNs,
  START_NS,
  states,
  taskId,
} from '../support/events.ts';

// Everything of what is open that has no fixed size is counted in bytes, so that a few attempts with labels of megabytes are no
// more than a million small ones.

const SILENT_MS = 10_000_000;

function make(options: Partial<CorrelateOptions> = {}): LifecycleCorrelator {
  return createCorrelator({ ...options });
}

const LARGE = 'x'.repeat(10_000);
const MAP = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key ${index}`, 'v'.repeat(200)]));
const NUMBERS = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`a resource with a long name ${index}`, index]));
const ENTRIES = Array.from({ length: 100 }, (_, index) => ({
  name: `phase ${index} ${'n'.repeat(80)}`,
  startNs: secondNs(index),
  endNs: secondNs(index + 1),
}));
const id = taskId(1);
const actor = actorId(1);
const profile = { ...header(), type: 'task_profile', componentType: 'driver', attempt: 0, entries: ENTRIES } as const;

const LARGE_EVENTS: readonly (readonly [string, RayEvent])[] = [
  ['labels of a task', definition(id, { labelSelector: MAP })],
  ['resources of a task', definition(id, { requiredResources: NUMBERS })],
  ['the call site of a task', definition(id, { callSite: LARGE })],
  ['the runtime environment of a task', definition(id, { runtimeEnv: { pip: Object.keys(NUMBERS) } })],
  ['the name of a task', definition(id, { name: LARGE })],
  ['the error of an attempt', states(id, {}, { error: { errorType: 'WORKER_DIED', message: LARGE } })],
  ['the name of an actor in an attempt', states(id, {}, { actorReprName: LARGE })],
  ['log files of an attempt', states(id, {}, { log: { stdoutFile: LARGE } })],
  [
    'many states of an attempt',
    { ...states(id, {}), transitions: Array.from({ length: 500 }, (_, index) => ({ state: 'RUNNING', timeNs: secondNs(index) })) },
  ],
  ['profile entries of an attempt', { ...profile, taskId: id }],
  ['profile entries of a job', { ...profile, jobId: JOB }],
  ['the entry point of a job', { ...header(), type: 'job_definition', jobId: JOB, entrypoint: LARGE }],
  ['the error of a driver', states(`${'f'.repeat(40)}${JOB}`, {}, { error: { errorType: 'E', message: LARGE } })],
  [
    'the definition of an actor',
    { ...header(), type: 'actor_definition', actorId: actor, isDetached: false, requiredResources: {}, labelSelector: MAP },
  ],
  [
    'the death of an actor',
    {
      ...header(),
      type: 'actor_lifecycle',
      actorId: actor,
      transitions: [{ state: 'RESTARTING', timeNs: START_NS, deathCause: { reason: 'x', message: LARGE } }],
    },
  ],
  ['labels of a node', { ...header(), type: 'node_definition', nodeId: machineId(1), labels: MAP }],
  [
    'resources of a node',
    { ...header(), type: 'node_lifecycle', nodeId: machineId(1), transitions: [{ state: 'ALIVE', timeNs: START_NS, resources: NUMBERS }] },
  ],
];

describe('what is open is counted in bytes', () => {
  it.each(LARGE_EVENTS)('%s', (_, event) => {
    const correlator = make();
    expect(correlator.openBytes()).toBe(0);
    correlator.apply(event, 0);
    const bytes = correlator.openBytes();
    expect(bytes).toBeGreaterThan(6_000);
    expect(bytes).toBeLessThan(60_000);
    expect(throughCheckpoint(correlator, make()).openBytes()).toBe(bytes);
    // The same event once more takes no more memory.
    for (let round = 0; round < 5; round += 1) correlator.apply({ ...event, eventId: 'again' }, 0);
    expect(correlator.openBytes()).toBeLessThan(bytes + 100);
    correlator.advance(SILENT_MS);
    expect(correlator.openBytes()).toBe(0);
  });

  it.each(SMALL_RECORDINGS)('and given back when everything is closed: %s', (name) => {
    const events = recordedEvents(name).flatMap((raw) => {
      const decoded = decodeEvent(raw);
      return decoded.ok ? [decoded.event] : [];
    });
    let correlator = make();
    for (const [index, event] of events.entries()) {
      correlator.apply(event, index);
      correlator.advance(index);
      if (index % 97 === 0) {
        const { openBytes } = correlator.stats();
        correlator = throughCheckpoint(correlator, make());
        expect(correlator.openBytes()).toBe(openBytes);
      }
    }
    expect(correlator.openBytes()).toBeGreaterThan(0);
    correlator.advance(SILENT_MS);
    expect(correlator.stats()).toMatchObject({ openBytes: 0, openAttempts: 0 });
  });

  it('once for a definition that attempts share', () => {
    const correlator = make();
    correlator.apply(definition(taskId(0), { labelSelector: MAP }), 0);
    const one = correlator.openBytes();
    for (let number = 1; number < 100; number += 1) correlator.apply(definition(taskId(number), { labelSelector: { ...MAP } }), 0);
    expect(correlator.openBytes()).toBe(one);
    correlator.apply(states(taskId(5), { RUNNING: 1, FAILED: 2 }), 0);
    correlator.advance(10_000);
    expect(correlator.openBytes()).toBe(one);
  });
});

describe('what is closed gives way in bytes', () => {
  const labels = (number: number): Record<string, string> => ({ large: `${number}${'y'.repeat(100_000)}` });

  it('of dead nodes', () => {
    const correlator = make();
    for (let number = 0; number < 1_000; number += 1) {
      correlator.apply({ ...header(), type: 'node_definition', nodeId: machineId(number), labels: labels(number) }, number);
      correlator.apply(nodeStates(machineId(number), { DEAD: 1 }), number);
      correlator.advance(number + 6_000);
    }
    expect(correlator.openBytes()).toBe(0);
    expect(correlator.stats().agingRecords).toBeLessThan(700);
    expect(correlator.stats().agingRecords).toBeGreaterThan(600);
  });

  it('of definitions that are kept for when an actor restarts', () => {
    const creation = (number: number): string => 'f'.repeat(16) + actorId(number);
    const finishedActors = (size: number, name: string): LifecycleCorrelator => {
      const correlator = make();
      for (let number = 0; number < size; number += 1) {
        correlator.apply(definition(creation(number), { name: name + number, taskType: 'ACTOR_CREATION_TASK' }), 0);
        correlator.apply(states(creation(number), { RUNNING: 1, FINISHED: 2 }), 0);
        correlator.apply(actorStates(actorId(number), { ALIVE: 2, DEAD: 3 }), 0);
      }
      correlator.advance(20_000);
      return correlator;
    };
    expect(finishedActors(100, 'n'.repeat(5_000)).stats()).toMatchObject({ openBytes: 0, tombstones: 100 });
    const many = finishedActors(30_000, 'n'.repeat(3_000)).stats();
    expect(many).toMatchObject({ openBytes: 0, openAttempts: 0 });
    expect(many.tombstones).toBeLessThan(23_000);
    expect(many.tombstones).toBeGreaterThan(18_000);
  });
});

describe('more than may be held', () => {
  it('is cut: long texts and large maps, but no state', () => {
    const correlator = make({ maxHeldBytes: 100_000 });
    for (let number = 0; number < 200; number += 1) {
      const labelSelector = Object.fromEntries(Object.entries(MAP).map(([key, value]) => [key, value + String(number)]));
      correlator.apply(definition(taskId(number), { labelSelector, name: `work ${number}` }), 0);
      correlator.apply(states(taskId(number), { RUNNING: 1 }), 0);
    }
    // Twice the limit by whole ones, then less than 6 KB each instead of 14 KB.
    expect(correlator.openBytes()).toBeLessThan(200_000 + 200 * 6_000);
    correlator.apply(states(taskId(199), { FAILED: 2 }, { error: { errorType: 'E', message: LARGE } }), 0);
    const attempt = correlator.advance(10_000).find((one): one is Extract<Finished, { kind: 'attempt' }> => one.kind === 'attempt');
    expect(attempt).toMatchObject({ name: 'work 199', outcome: 'failed', error: { errorType: 'E' } });
    expect(attempt?.states.map(({ state }) => state)).toEqual(['RUNNING', 'FAILED']);
    expect(attempt?.error?.message).toHaveLength(513);
    expect(sizeOf(attempt?.definition)).toBeLessThan(6_000);
  });
});
