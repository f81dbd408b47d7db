import { expect, test } from 'vitest';
import { describeJob, healthOf, readingsOf, type ReadingSources } from '../../src/bridge/readings.ts';
import type { FinishedJob } from '../../src/correlate/index.ts';

// All numbers differ, so that no two can be confused.

const inferredEnds = {
  profile: 40,
  actor_alive: 41,
  actor_died: 42,
  worker_died: 43,
  node_died: 44,
  job_finished: 45,
  last_state: 46,
  silence: 47,
};

const idle = { queuedSpans: 0, exported: 0, refused: 0, requests: 0, retries: 0, failedAttempts: 0 };

const sources: ReadingSources = {
  forwarding: [{ target: 'http://other.example', waitingBytes: 31 }],
  journal: { entries: 1, bytes: 2, limitBytes: 3, releasedCursor: 4, endCursor: 5, oldestAgeMs: 6_000 },
  correlator: {
    sessions: 7,
    sessionsForgotten: 8,
    openRecords: 9,
    openBytes: 10,
    agingRecords: 11,
    recordsForgotten: 12,
    openJobs: 13,
    openAttempts: 14,
    tombstones: 15,
    threads: 16,
    late: 17,
    rolledUpAttempts: 18,
    heldBackAttempts: 181,
    leftOutStates: 19,
    inferredEnds,
  },
  exported: {
    queuedSpans: 20,
    queuedBytes: 21,
    oldestQueuedAtMs: 78_000,
    exported: 23,
    refused: 24,
    discarded: 25,
    retries: 26,
    requests: 27,
    workers: [
      { ...idle, exporter: 'a', hasAccepted: true },
      { ...idle, exporter: 'b', hasAccepted: false, problem: { reason: 'no', fix: 'do' } },
    ],
  },
  outbox: { spans: 50, bytes: 51, limitBytes: 52 },
  seenEventIds: 28,
  quarantineQueued: 29,
  maxOpenAttempts: 30,
  maxOpenBytes: 33,
  endpoints: ['http://tempo:4318', 'spans.json'],
  nowMs: 100_000,
  view: {
    openAttempts: 34,
    rows: 35,
    nodeSeries: 36,
    jobsLeftOut: 37,
    streams: 38,
    streamsCut: 39,
    blockedSeconds: new Map([['s/01000000', 40]]),
  },
};

test('each reading of the metrics is the value of its own source', () => {
  expect(Object.fromEntries(readingsOf(sources))).toEqual({
    journalEntries: 1,
    journalBytes: 2,
    journalLimitBytes: 3,
    journalOldestAgeSeconds: 6,
    openSessions: 7,
    sessionsForgotten: 8,
    openRecords: 9,
    openRecordsLimit: 1_000_000,
    openBytes: 10,
    agingRecords: 11,
    recordsForgotten: 12,
    openJobs: 13,
    openAttempts: 14,
    tombstones: 15,
    threads: 16,
    eventsLate: 17,
    attemptsFolded: 18,
    attemptsHeldBack: 181,
    statesLeftOut: 19,
    endsInferred: new Map(Object.entries(inferredEnds)),
    spansQueued: 20,
    spansQueuedBytes: 21,
    outboxSpans: 50,
    outboxBytes: 51,
    outboxLimitBytes: 52,
    exportLagSeconds: 22,
    spansDiscarded: 25,
    exporterEndpoints: new Map([
      ['http://tempo:4318', 1],
      ['spans.json', 1],
    ]),
    exporterMisconfigured: new Map([
      ['a', 0],
      ['b', 1],
    ]),
    seenEventIds: 28,
    quarantineQueued: 29,
    forwardWaitingBytes: new Map([['http://other.example', 31]]),
    openAttemptsLimit: 30,
    openBytesLimit: 33,
    viewAttempts: 34,
    viewRows: 35,
    viewNodeSeries: 36,
    viewJobsLeftOut: 37,
    viewStreams: 38,
    viewStreamsCut: 39,
    jobBlockedSeconds: new Map([['s/01000000', 40]]),
  });
});

test('the lag of the export is zero while no span waits, and never below', () => {
  for (const oldestQueuedAtMs of [undefined, 100_001]) {
    const exported = { ...sources.exported, oldestQueuedAtMs };
    expect(readingsOf({ ...sources, exported }).get('exportLagSeconds')).toBe(0);
    expect(healthOf('running', undefined, { ...sources, exported }).exportLagMs).toBe(0);
  }
});

test('the health on the live page has the same values as the metrics', () => {
  expect(healthOf('running', 'a reason', sources)).toEqual({
    state: 'running',
    reason: 'a reason',
    backlogEvents: 1,
    backlogAgeMs: 6_000,
    journalBytes: 2,
    journalLimitBytes: 3,
    queuedSpans: 20,
    outboxBytes: 51,
    outboxLimitBytes: 52,
    exportLagMs: 22_000,
    exportedSpans: 23,
    refusedSpans: 24,
    exportRetries: 26,
    openAttempts: 14,
    lateEvents: 17,
    foldedAttempts: 18,
    inferredEnds: { ...inferredEnds },
  });
});

test('the log line of a finished job has the counts of its lifecycle', () => {
  const job: FinishedJob = {
    kind: 'job',
    session: 's',
    trace: { kind: 'job', session: 's', jobId: '01000000' },
    links: [],
    jobId: '01000000',
    name: 'train',
    states: [],
    tasks: { finished: 1, failed: 2, cancelled: 3, unfinished: 4 },
    tasksSoFar: { finished: 5, failed: 6, cancelled: 7, unfinished: 8 },
    openActors: [],
    attemptCount: 9,
    actorCount: 10,
    rolledUpAttemptCount: 11,
    compactAttemptCount: 12,
    profile: [],
    isInternal: false,
    verdict: { outcome: 'failed', reason: 'tasks_failed', message: '' },
    startNs: 1_000_000_000n,
    endNs: 1_013_999_999n,
  };
  expect(describeJob(job, 'trace', undefined)).toEqual({
    session: 's',
    jobId: '01000000',
    name: 'train',
    durationMs: 13,
    traceId: 'trace',
    tasksFinished: 1,
    tasksFailed: 2,
    tasksCancelled: 3,
    tasksUnfinished: 4,
    outcome: 'failed',
    outcomeReason: 'tasks_failed',
    attempts: 9,
    actors: 10,
  });
});
