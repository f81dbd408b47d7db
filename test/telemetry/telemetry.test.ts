import { describe, expect, it } from 'vitest';
import type { Rejection } from '../../src/event/index.ts';
import { METRICS, type Readings } from '../../src/telemetry/metrics.ts';
import type { DecodedBatch } from '../../src/receiver/index.ts';
import { createTelemetry, type Telemetry } from '../../src/telemetry/telemetry.ts';

interface Line extends Record<string, unknown> {
  readonly level: string;
  readonly event: string;
}

function createBench(logLevel: 'info' | 'debug' = 'info') {
  const clock = { nowMs: 1_795_472_400_000 };
  const lines: Line[] = [];
  const raw: string[] = [];
  const telemetry = createTelemetry({
    logLevel,
    now: () => clock.nowMs,
    destination: {
      write(line) {
        raw.push(line);
        lines.push(JSON.parse(line) as Line);
      },
    },
  });
  return { clock, lines, raw, telemetry };
}

function batchOf(rejections: readonly Rejection[], unknownTypes: Readonly<Record<string, number>> = {}): DecodedBatch {
  const rejectedByCode = new Map<Rejection['code'], number>();
  for (const { code } of rejections) rejectedByCode.set(code, (rejectedByCode.get(code) ?? 0) + 1);
  return {
    ok: true,
    events: [],
    rejectedCount: rejections.length,
    rejectedByCode,
    firstRejected: rejections.map((rejection, index) => ({ index, rejection })),
    rejectedParts: [],
    unknownTypes: new Map(Object.entries(unknownTypes)),
    ignoredTimes: rejections.length * 2,
  };
}

async function sample(telemetry: Telemetry, name: string): Promise<string[]> {
  const { text } = await telemetry.metricsPage();
  return text.split('\n').filter((line) => line.startsWith(`ray_otel_bridge_${name}`));
}

describe('metrics', () => {
  it('add up: received = accepted + duplicate + rejected', async () => {
    const { telemetry } = createBench();
    const bad: Rejection = { code: 'event_field_invalid', message: 'bad' };
    telemetry.batchAccepted({ accepted: 5, duplicates: 2, batch: batchOf([bad, bad, { code: 'event_not_object', message: 'bad' }]) });
    telemetry.batchAccepted({ accepted: 1, duplicates: 0, batch: batchOf([]) });
    expect(await sample(telemetry, 'event')).toEqual(
      expect.arrayContaining([
        'ray_otel_bridge_events_received_total 11',
        'ray_otel_bridge_events_accepted_total 6',
        'ray_otel_bridge_events_duplicate_total 2',
        'ray_otel_bridge_events_rejected_total{code="event_field_invalid"} 2',
        'ray_otel_bridge_events_rejected_total{code="event_not_object"} 1',
        'ray_otel_bridge_event_times_ignored_total 6',
      ]),
    );
  });

  it('of unknown types have a label per type, up to a limit', async () => {
    const { telemetry, lines } = createBench();
    for (let index = 0; index < 150; index += 1)
      telemetry.batchAccepted({ accepted: 0, duplicates: 0, batch: batchOf([], { [`T${index}`]: 2 }) });
    const samples = await sample(telemetry, 'events_unknown_type_total{');
    expect(samples).toHaveLength(101);
    expect(samples.at(-1)).toBe('ray_otel_bridge_events_unknown_type_total{type="other"} 100');
    expect(lines).toHaveLength(100);
  });

  it('of answers are labelled by status', async () => {
    const { telemetry } = createBench();
    telemetry.batchAnswered({ status: 200, durationMs: 30, bytes: 10 });
    telemetry.batchAnswered({ status: 503, durationMs: 1, bytes: 0 });
    telemetry.batchRefused('journal_full', 'full');
    expect(await sample(telemetry, 'request_duration_seconds_count')).toEqual([
      'ray_otel_bridge_request_duration_seconds_count{status="200"} 1',
      'ray_otel_bridge_request_duration_seconds_count{status="503"} 1',
    ]);
    expect(await sample(telemetry, 'request_duration_seconds_bucket{le="0.025",status="200"}')).toEqual([expect.stringMatching(/ 0$/)]);
    expect(await sample(telemetry, 'request_duration_seconds_bucket{le="0.05",status="200"}')).toEqual([expect.stringMatching(/ 1$/)]);
    expect(await sample(telemetry, 'requests_refused_total{')).toEqual(['ray_otel_bridge_requests_refused_total{code="journal_full"} 1']);
  });

  it('of the export are labelled by exporter', async () => {
    const { telemetry } = createBench();
    telemetry.exportEvent({ exporter: 'otlp', name: 'batch_exported', spans: 7, bytes: 100, durationMs: 5 });
    telemetry.exportEvent({ exporter: 'otlp', name: 'export_retry', reason: 'away', attempt: 1, delayMs: 10 });
    telemetry.exportEvent({ exporter: 'file', name: 'export_refused', reason: 'bad', traceId: 't', spanId: 's' });
    expect(await sample(telemetry, 'spans_exported_total{')).toEqual(['ray_otel_bridge_spans_exported_total{exporter="otlp"} 7']);
    expect(await sample(telemetry, 'export_retries_total{')).toEqual(['ray_otel_bridge_export_retries_total{exporter="otlp"} 1']);
    expect(await sample(telemetry, 'spans_refused_total{')).toEqual(['ray_otel_bridge_spans_refused_total{exporter="file"} 1']);
  });

  it('of the journal and the quarantine count their events', async () => {
    const { telemetry } = createBench();
    expect(await sample(telemetry, 'journal_writable ')).toEqual(['ray_otel_bridge_journal_writable 1']);
    telemetry.journalEvent({ name: 'journal_written', batches: 3, bytes: 500, synced: true });
    for (const synced of [true, false]) telemetry.journalEvent({ name: 'journal_written', batches: 2, bytes: 35, synced });
    for (const bytes of [900, 800]) telemetry.journalEvent({ name: 'journal_checkpoint', bytes, records: 2, durationMs: 1 });
    for (const entries of [11, 13]) telemetry.journalEvent({ name: 'journal_damaged', what: 'a block', entries });
    telemetry.journalEvent({ name: 'journal_read_failed', what: 'a batch', reason: 'EIO' });
    telemetry.journalEvent({ name: 'journal_unwritable', folder: '/data', reason: 'ENOSPC' });
    telemetry.quarantineEvent({ name: 'quarantine_written', kind: 'event', entries: 5 });
    telemetry.quarantineEvent({ name: 'quarantine_written', kind: 'span', entries: 6 });
    telemetry.quarantineEvent({ name: 'quarantine_dropped', reason: 'queue_full', entries: 7 });
    telemetry.quarantineEvent({ name: 'quarantine_rotated', files: 2 });
    expect([...(await sample(telemetry, 'journal_')), ...(await sample(telemetry, 'quarantine_'))]).toEqual(
      expect.arrayContaining([
        'ray_otel_bridge_journal_batches_total 7',
        'ray_otel_bridge_journal_written_bytes_total 570',
        'ray_otel_bridge_journal_syncs_total 2',
        'ray_otel_bridge_journal_checkpoints_total 2',
        'ray_otel_bridge_journal_checkpoint_bytes 800',
        'ray_otel_bridge_journal_damages_total 2',
        'ray_otel_bridge_journal_entries_lost_total 24',
        'ray_otel_bridge_journal_read_retries_total 1',
        'ray_otel_bridge_journal_writable 0',
        'ray_otel_bridge_quarantine_entries_written_total{kind="event"} 5',
        'ray_otel_bridge_quarantine_entries_written_total{kind="span"} 6',
        'ray_otel_bridge_quarantine_entries_dropped_total{reason="queue_full"} 7',
        'ray_otel_bridge_quarantine_files_removed_total 2',
      ]),
    );
    telemetry.journalEvent({ name: 'journal_writable', folder: '/data', downMs: 5 });
    expect(await sample(telemetry, 'journal_writable ')).toEqual(['ray_otel_bridge_journal_writable 1']);
  });

  it('kept by other rooms are read for every page', async () => {
    const { telemetry } = createBench();
    let late = 3;
    telemetry.readFrom(
      (): Readings =>
        new Map<keyof typeof METRICS, number | ReadonlyMap<string, number>>([
          ['eventsLate', late],
          ['openAttempts', 9],
          ['endsInferred', new Map([['profile', late]])],
        ]) as Readings,
    );
    expect(await sample(telemetry, 'events_late_total ')).toEqual(['ray_otel_bridge_events_late_total 3']);
    late = 5;
    expect(await sample(telemetry, 'events_late_total ')).toEqual(['ray_otel_bridge_events_late_total 5']);
    expect(await sample(telemetry, 'open_attempts ')).toEqual(['ray_otel_bridge_open_attempts 9']);
    expect(await sample(telemetry, 'ends_inferred_total{')).toEqual(['ray_otel_bridge_ends_inferred_total{reason="profile"} 5']);
  });

  it('of two bridges are separate, and include those of the process', async () => {
    const one = createBench().telemetry;
    const two = createBench().telemetry;
    one.internalError('span', new Error('x'));
    expect(await sample(one, 'internal_errors_total{')).toHaveLength(1);
    expect(await sample(two, 'internal_errors_total{')).toHaveLength(0);
    expect((await two.metricsPage()).text).toMatch(/^process_cpu_seconds_total /m);
    expect((await two.metricsPage()).text).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });

  it('follow the conventions of Prometheus', () => {
    for (const { name, type, help } of Object.values(METRICS)) {
      expect(name).toMatch(/^ray_otel_bridge_[a-z][a-z_]*[a-z]$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('log lines', () => {
  it('report once that posts are refused, and once that they are accepted again', () => {
    const { telemetry, lines, clock } = createBench();
    const good = { accepted: 1, duplicates: 0, batch: batchOf([]) };
    telemetry.batchRefused('journal_full', 'no room');
    for (let index = 0; index < 5; index += 1) {
      clock.nowMs += 1000;
      telemetry.batchAccepted(good);
      telemetry.batchRefused('journal_full', 'no room');
    }
    clock.nowMs += 9_999;
    telemetry.batchAccepted(good);
    expect(lines).toMatchObject([{ level: 'warn', event: 'refusing', code: 'journal_full', reason: 'no room' }]);
    clock.nowMs += 1;
    telemetry.batchAccepted(good);
    telemetry.batchAccepted(good);
    expect(lines.slice(1)).toMatchObject([{ level: 'info', event: 'accepting_again', refusedPosts: 6, refusedForMs: 5000 }]);
  });

  it('that repeat are written once a minute, with the number suppressed', () => {
    const { telemetry, lines, clock } = createBench();
    const bad = { accepted: 0, duplicates: 0, batch: batchOf([{ code: 'event_field_invalid', message: 'In taskId: no.' }]) };
    for (let index = 0; index < 100; index += 1) telemetry.batchAccepted(bad);
    expect(lines).toHaveLength(1);
    clock.nowMs += 60_000;
    telemetry.batchAccepted(bad);
    expect(lines[1]).toMatchObject({ event: 'event_rejected', code: 'event_field_invalid', repeated: 99 });
  });

  it('contain untrusted text shortened and escaped', () => {
    const { telemetry, raw, lines } = createBench();
    const hostile = `\u001b[2J\u009b31m\u202e${'x'.repeat(10_000)}`;
    telemetry.batchAccepted({
      accepted: 0,
      duplicates: 0,
      batch: batchOf([{ code: 'event_field_invalid', message: hostile }], { [hostile]: 1 }),
    });
    telemetry.jobFinished({
      session: hostile,
      jobId: '01000000',
      name: hostile,
      durationMs: 1,
      traceId: 'a',
      tasksFinished: 0,
      tasksFailed: 0,
      tasksCancelled: 0,
      tasksUnfinished: 0,
      outcome: 'unknown',
      outcomeReason: 'no_end',
      attempts: 0,
      actors: 0,
    });
    expect(lines).toHaveLength(3);
    for (const line of raw) {
      expect(line.trimEnd()).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      expect(line.length).toBeLessThan(1200);
    }
  });

  it('of internal errors contain the stack', () => {
    const { telemetry, lines } = createBench();
    telemetry.internalError('correlate', new TypeError('our bug'));
    expect(lines).toMatchObject([{ level: 'error', event: 'internal_error', stage: 'correlate', err: { message: 'our bug' } }]);
    expect(JSON.stringify(lines[0])).toContain('telemetry.test.ts');
  });

  it('at shutdown report whether anything was left', () => {
    const { telemetry, lines } = createBench();
    telemetry.bridgeStopped({ undelivered: 0, unreadEvents: 0, openAttempts: 3, openJobs: 1, isKept: false });
    telemetry.bridgeStopped({ undelivered: 1, unreadEvents: 2, openAttempts: 3, openJobs: 1, isKept: true });
    telemetry.bridgeStopped({ undelivered: 1, unreadEvents: 0, openAttempts: 0, openJobs: 0, isKept: false });
    expect(lines).toMatchObject([
      { level: 'info', event: 'bridge_stopped', openAttempts: 3 },
      { level: 'info', event: 'bridge_stopped', undelivered: 1, msg: expect.stringContaining('in the journal') },
      { level: 'error', event: 'bridge_stopped', undelivered: 1 },
    ]);
  });
});
