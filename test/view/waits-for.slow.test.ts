import { expect, it } from 'vitest';
import { describeJobInFull } from '../../src/view/describe.ts';
import { createFedModel, recordedPosts } from './view-fixture.ts';

it('every call in the recording with 20,000 tasks waits for its actor at every moment, and never for a node', () => {
  const fed = createFedModel();
  const found = new Map<string, number>();
  for (const { events, receivedAtMs } of recordedPosts('load-20k-tasks-ray-2.60.0.ndjson.gz')) {
    for (const event of events) fed.take(event, receivedAtMs);
    for (const { jobs } of fed.model.sessions.values())
      for (const job of jobs.values())
        for (const row of describeJobInFull(job, { nowMs: receivedAtMs, since: 0, traceUrl: undefined }).waiting)
          if (row.function === 'A.m') found.set(row.waitsFor, Math.max(found.get(row.waitsFor) ?? 0, row.attempts));
  }
  expect([...found.keys()].toSorted()).toEqual([
    'actor A, which is being created, which waits for a node that has room',
    'its arguments: results of other tasks',
    'its turn at actor A, which runs A.m',
  ]);
  expect(found.get('actor A, which is being created, which waits for a node that has room')).toBeGreaterThan(1_900);
  expect(found.get('its turn at actor A, which runs A.m')).toBeGreaterThan(5_000);
});
