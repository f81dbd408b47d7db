import { describe, expect, it } from 'vitest';
import type { ViewModel } from '../../src/view/model.ts';
import { noCounts, STAGES } from '../../src/view/stage.ts';
import { createFedModel, recordedPosts } from './view-fixture.ts';
import { describeAttempt, describeJobInFull } from '../../src/view/describe.ts';
import { failureKey, type JobView } from '../../src/view/records.ts';
import { SessionNow } from '../../src/view/session-now.ts';

const recordings = [
  'features-ray-2.49.0.ndjson',
  'features-ray-2.51.1.ndjson',
  'features-ray-2.54.0.ndjson',
  'features-ray-2.60.0.ndjson',
  'job-submit-ray-2.60.0.ndjson',
  'mix-ray-2.50.1.ndjson',
  'mix-ray-2.58.1.ndjson',
  'mix-task-events-only-ray-2.60.0.ndjson',
  'node-death-three-jobs-ray-2.60.0.ndjson',
];

function jobsOf(model: ViewModel): readonly JobView[] {
  return [...model.sessions.values()].flatMap(({ jobs }) => [...jobs.values()]);
}

/** Compares the counters with a count of the rows. */
function expectConsistent(job: JobView): void {
  const rows = [...job.open, ...job.failures, ...job.others];
  const byStage = noCounts();
  const latest = rows.filter((row) => job.session.lastAttempts.get(row.taskId) === row);
  for (const { stage } of latest) byStage[stage] += 1;
  expect(job.tasks).toEqual(byStage);
  expect(job.retried).toBe(rows.length - latest.length);
  expect(job.attempts).toBe(rows.length);
  for (const own of job.functions.values()) {
    const counts = noCounts();
    for (const row of rows) if (row.function === own) counts[row.stage] += 1;
    expect(own.stages, own.name).toEqual(counts);
  }
  expectFailuresConsistent(job);
}

/** Compares the failure rows, and their counts by function and error, with the failed attempts. */
function expectFailuresConsistent(job: JobView): void {
  expect([...job.failures].filter(({ stage }) => stage !== 'failed')).toEqual([]);
  expect([...job.others].filter(({ stage }) => stage === 'failed')).toEqual([]);
  const counts = new Map<string, number>();
  for (const row of job.failures) counts.set(failureKey(row), (counts.get(failureKey(row)) ?? 0) + 1);
  expect(new Map([...job.failureKinds].map(([key, { count }]) => [key, count]))).toEqual(counts);
}

describe('the view of a recording', () => {
  it.each(recordings)('the counts of %s match its rows at every moment, and the correlator at the end', (name) => {
    const fed = createFedModel();
    const posts = recordedPosts(name);
    for (const { events, receivedAtMs } of posts) {
      for (const event of events) fed.take(event, receivedAtMs);
      for (const job of jobsOf(fed.model)) if (job.closedMs === undefined) expectConsistent(job);
    }
    const endMs = (posts.at(-1)?.receivedAtMs ?? 0) + 60_000;
    fed.pass(endMs);
    for (const job of jobsOf(fed.model)) if (job.closedMs === undefined) expectConsistent(job);
    fed.closeAll(endMs);
    expect(fed.attemptsFinished()).toBeGreaterThan(5);
    expect(fed.model.attempts.open).toBe(0);
    expect(fed.model.attempts.rows).toBe(fed.attemptsFinished());
    const failed = fed.jobs.reduce((sum, { tasks }) => sum + tasks.failed, 0);
    if (failed > 0) expect(jobsOf(fed.model).some(({ failureKinds }) => failureKinds.size > 0)).toBe(true);
    for (const { jobId, session, tasks, attemptCount } of fed.jobs) {
      const job = fed.model.sessions.get(session)?.jobs.get(jobId);
      expect(job?.tasks).toEqual({ ...noCounts(), ...tasks });
      expect(job?.attempts).toBe(attemptCount);
      if (job !== undefined) expectConsistent(job);
    }
  });

  it('the final state is the same for any order of the events', () => {
    const forward = createFedModel();
    const backward = createFedModel();
    const events = recordedPosts('features-ray-2.60.0.ndjson').flatMap((post) => post.events);
    for (const event of events) forward.take(event, 1000);
    for (const event of events.toReversed()) backward.take(event, 1000);
    const summary = (model: ViewModel): unknown =>
      jobsOf(model).map((job) => [
        job.id,
        job.tasks,
        job.retried,
        job.attempts,
        [...job.functions.values()].map(({ name, stages }) => [name, stages]).sort(),
      ]);
    expect(summary(forward.model)).toEqual(summary(backward.model));
    expect(jobsOf(forward.model)[0]?.tasks.finished).toBeGreaterThan(10);
  });

  it('rolled-up attempts are counted like the others', () => {
    const fed = createFedModel({}, { maxSpansPerTrace: 12 });
    for (const { events, receivedAtMs } of recordedPosts('features-ray-2.60.0.ndjson'))
      for (const event of events) fed.take(event, receivedAtMs);
    fed.closeAll(4e12);
    expect(fed.correlator.stats().rolledUpAttempts).toBeGreaterThan(10);
    for (const job of jobsOf(fed.model)) expectConsistent(job);
    expect(fed.model.attempts.open).toBe(0);
    const rows = jobsOf(fed.model).flatMap((job) =>
      [...job.failures, ...job.others].map((row) => describeAttempt(row, new SessionNow(job.session, 4e12), 'http://j/{traceId}')),
    );
    expect(rows.filter(({ isFolded }) => isFolded)).toHaveLength(fed.correlator.stats().rolledUpAttempts);
    for (const { isFolded, traceUrl } of rows) expect(traceUrl === undefined).toBe(isFolded === true);
  });

  it('ages follow the clock of Ray, however old the recording is', () => {
    const fed = createFedModel();
    const nowMs = 4e12;
    const posts = recordedPosts('features-ray-2.60.0.ndjson');
    for (const [index, { events }] of posts.entries()) for (const event of events) fed.take(event, nowMs + index);
    const job = jobsOf(fed.model).find(({ id }) => id === '01000000');
    if (job === undefined) throw new Error('no job');
    const { waiting, nowMs: clockMs } = describeJobInFull(job, { nowMs: nowMs + posts.length + 5_000, since: 0, traceUrl: undefined });
    expect(clockMs).toBeLessThan(2e12);
    const [leaf] = waiting;
    expect(clockMs - (leaf?.sinceMs ?? 0)).toBeGreaterThan(5_000);
    expect(clockMs - (leaf?.sinceMs ?? 0)).toBeLessThan(60_000);
  });

  it('the counts contain every stage of the table', () => {
    expect(Object.keys(noCounts())).toEqual([...STAGES]);
  });
});
