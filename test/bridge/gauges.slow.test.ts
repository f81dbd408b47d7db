import { describe, expect, it } from 'vitest';
import type { RayEvent } from '../../src/event/index.ts';
import { createMemoryJournal } from '../../src/journal/index.ts';
import { type GaugeKey, METRICS } from '../../src/telemetry/metrics.ts';
import { recordedPosts } from '../support/recordings.ts';
import { actorId, definition, driverOf, jobStates, states } from '../support/events.ts';
import { createTestBridge, HOURS_MS, postTo, type TestBridge, until } from './bridge-fixture.ts';

// A gauge that goes up with one thing and down with another can drift: down twice for one thing, or
// never. So the gauges are compared where operators read them, while events come and after
// everything has ended.

/**
 * Gauges of what is open, queued, held or looked at: 0 when everything has ended, was delivered,
 * and is forgotten.
 */
const ZERO_AT_THE_END: readonly GaugeKey[] = [
  'journalEntries',
  'journalBytes',
  'journalOldestAgeSeconds',
  'openSessions',
  'openRecords',
  'agingRecords',
  'openJobs',
  'openAttempts',
  'openBytes',
  'tombstones',
  'threads',
  'spansQueued',
  'spansQueuedBytes',
  'exportLagSeconds',
  'exporterMisconfigured',
  'quarantineQueued',
  'viewAttempts',
  'viewStreams',
];

/**
 * Retries, detached actors, threads of a driver, jobs that fail, calls of one job on the actor of
 * another, a node that dies.
 */
const RECORDINGS = [
  'features-ray-2.49.0.ndjson',
  'features-ray-2.60.0.ndjson',
  'data-job-ray-2.60.0.ndjson.gz',
  'threads-ray-2.60.0.ndjson.gz',
  'job-outcomes-ray-2.60.0.ndjson.gz',
  'node-death-three-jobs-ray-2.60.0.ndjson',
];
const POSTS_BETWEEN_LOOKS = 4;

async function gauges({ bridge }: TestBridge): Promise<ReadonlyMap<GaugeKey, number>> {
  const page = await (await bridge.app.request('/metrics')).text();
  const found = new Map<GaugeKey, number>();
  for (const key of Object.keys(METRICS) as GaugeKey[]) {
    if (METRICS[key].type !== 'gauge') continue;
    const values = page.split('\n').filter((line) => line.startsWith(`${METRICS[key].name} `) || line.startsWith(`${METRICS[key].name}{`));
    for (const line of values) found.set(key, Math.min(found.get(key) ?? Infinity, Number(line.slice(line.lastIndexOf(' ')))));
  }
  return found;
}

async function expectNoneBelowZero(test: TestBridge): Promise<void> {
  expect([...(await gauges(test))].filter(([, value]) => !(value >= 0))).toEqual([]);
}

async function expectZeroAfterTheEnd(test: TestBridge): Promise<void> {
  const { bridge, pass } = test;
  await until(() => bridge.stats().journal.entries === 0);
  await expectNoneBelowZero(test);
  for (const hours of [1, 24, 8 * 24]) {
    pass(hours * HOURS_MS);
    await until(() => bridge.stats().exported.queuedSpans === 0);
    await expectNoneBelowZero(test);
  }
  await until(() => bridge.stats().correlator.sessions === 0);
  await until(() => bridge.stats().exported.queuedSpans === 0);
  const all = await gauges(test);
  expect(Object.fromEntries(ZERO_AT_THE_END.map((key) => [key, all.get(key)]))).toEqual(
    Object.fromEntries(ZERO_AT_THE_END.map((key) => [key, 0])),
  );
  expect(test.lines.filter(({ event }) => event === 'internal_error')).toEqual([]);
  await bridge.stop();
}

describe('no gauge is ever below zero, and the gauges of what is open are zero when everything has ended', () => {
  it.each(RECORDINGS)('%s', async (name) => {
    const test = createTestBridge({ settings: { view: 'on' } });
    await test.bridge.start();
    for (const [index, { body }] of recordedPosts(name).entries()) {
      expect((await postTo(test.bridge.app, body)).status).toBe(200);
      if (index % POSTS_BETWEEN_LOOKS === 0) await expectNoneBelowZero(test);
    }
    await expectZeroAfterTheEnd(test);
  });

  it('a call between actors of two jobs that is reported before its caller', async () => {
    const [a, b, c] = ['0a000000', '0b000000', '0c000000'];
    const [x, y] = ['1'.repeat(16) + actorId(1, a), '2'.repeat(16) + actorId(2, c)];
    const events: readonly RayEvent[] = [
      jobStates({ CREATED: 0 }, a),
      jobStates({ CREATED: 0 }, b),
      jobStates({ CREATED: 0 }, c),
      definition(y, { taskType: 'ACTOR_TASK', parentTaskId: x }),
      states(y, { RUNNING: 2 }),
      definition(x, { taskType: 'ACTOR_TASK', parentTaskId: driverOf(b) }),
      states(x, { RUNNING: 1 }),
      states(y, { FINISHED: 3 }),
      states(x, { FINISHED: 4 }),
      jobStates({ FINISHED: 5 }, a),
      jobStates({ FINISHED: 5 }, b),
      jobStates({ FINISHED: 5 }, c),
    ];
    let aheadMs = 0;
    const journal = createMemoryJournal({ now: () => Date.now() + aheadMs });
    const made = createTestBridge({ journal, settings: { view: 'on' } });
    const pass = (ms: number): void => {
      aheadMs += ms;
      made.pass(ms);
    };
    const test: TestBridge = { ...made, pass };
    await test.bridge.start();
    for (const event of events) {
      await journal.append([event], 100);
      await until(() => test.bridge.stats().journal.entries === 0);
      await expectNoneBelowZero(test);
    }
    await expectZeroAfterTheEnd(test);
  });
});
