import type { Correlator, FinishedJob, Finished } from '../correlate/index.ts';
import type { ExportStats } from '../export/index.ts';
import type { ForwardStats } from '../forward/index.ts';
import type { JournalStats, OutboxStats } from '../journal/index.ts';
import type { JobSummary, Readings, Telemetry } from '../telemetry/index.ts';
import { MAX_OPEN_RECORDS } from './pressure.ts';
import type { Health, View } from '../view/index.ts';

const NS_PER_MS = 1_000_000n;

/** The log fields of a finished job. `traceUrl` links to its trace. */
export function describeJob(job: FinishedJob, traceId: string, traceUrl: string | undefined): JobSummary {
  return {
    session: job.session,
    jobId: job.jobId,
    name: job.name,
    durationMs: Number((job.endNs - job.startNs) / NS_PER_MS),
    traceId,
    ...(traceUrl === undefined ? {} : { traceUrl }),
    ...(job.endInferred === undefined ? {} : { endInferred: job.endInferred }),
    tasksFinished: job.tasks.finished,
    tasksFailed: job.tasks.failed,
    tasksCancelled: job.tasks.cancelled,
    tasksUnfinished: job.tasks.unfinished,
    outcome: job.verdict.outcome,
    outcomeReason: job.verdict.reason,
    attempts: job.attemptCount,
    actors: job.actorCount,
  };
}

/** Counts in the metrics what the correlator finished. Of what is rolled up, only attempts are counted. */
export function countFinished(
  telemetry: Pick<Telemetry, 'inFlightReported' | 'lifecycleFinished' | 'attemptEnded'>,
  lifecycle: Finished,
  how: 'sent' | 'rolled_up',
): void {
  if (lifecycle.kind === 'in_flight') return telemetry.inFlightReported(lifecycle.parent.kind);
  if (how === 'sent') telemetry.lifecycleFinished(lifecycle.kind);
  if (lifecycle.kind === 'attempt' && lifecycle.placeholder !== true) telemetry.attemptEnded(lifecycle.outcome);
}

/**
 * Describes misconfigured exporters. `didWork` selects those whose backend has accepted spans
 * before, or those whose backend never has.
 */
export function describeProblems({ workers }: ExportStats, didWork: boolean): readonly string[] {
  return workers.flatMap(({ exporter, hasAccepted, problem }) =>
    problem === undefined || hasAccepted !== didWork
      ? []
      : [`the exporter ${exporter} is misconfigured, and its spans are kept: ${problem.reason}; ${problem.fix}`],
  );
}

/** Describes an outbox that takes no more spans. */
export function describeOutbox(outbox: OutboxStats | undefined): readonly string[] {
  if (outbox?.full === undefined) return [];
  return [`the outbox is full, so events wait in the journal: ${outbox.full}; fix the backend, or raise --max-outbox-bytes`];
}

/** The state of the bridge, for the live page. */
export function healthOf(
  state: Health['state'],
  reason: string | undefined,
  { journal, correlator, exported, outbox, nowMs }: Pick<ReadingSources, 'journal' | 'correlator' | 'exported' | 'outbox' | 'nowMs'>,
): Health {
  return {
    state,
    ...(reason === undefined ? {} : { reason }),
    backlogEvents: journal.entries,
    backlogAgeMs: journal.oldestAgeMs,
    journalBytes: journal.bytes,
    journalLimitBytes: journal.limitBytes,
    queuedSpans: exported.queuedSpans,
    outboxBytes: outbox?.bytes ?? 0,
    outboxLimitBytes: outbox?.limitBytes ?? 0,
    exportLagMs: Math.max(0, nowMs - (exported.oldestQueuedAtMs ?? nowMs)),
    exportedSpans: exported.exported,
    refusedSpans: exported.refused,
    exportRetries: exported.retries,
    openAttempts: correlator.openAttempts,
    lateEvents: correlator.late,
    foldedAttempts: correlator.rolledUpAttempts,
    inferredEnds: { ...correlator.inferredEnds },
  };
}

export interface ReadingSources {
  readonly journal: JournalStats;
  readonly correlator: ReturnType<Correlator['stats']>;
  readonly exported: ExportStats;
  /** Undefined without a journal on disk. */
  readonly outbox: OutboxStats | undefined;
  readonly seenEventIds: number;
  readonly quarantineQueued: number;
  readonly forwarding: readonly ForwardStats[];
  readonly maxOpenAttempts: number;
  readonly maxOpenBytes: number;
  /** Scheme, host and port of each backend, or the path of a file. */
  readonly endpoints: readonly string[];
  readonly nowMs: number;
  /** Undefined when the view is off. */
  readonly view: ReturnType<View['stats']> | undefined;
}

/** Current values of all stages, for `/metrics`. */
export function readingsOf(sources: ReadingSources): Readings {
  const {
    journal,
    correlator,
    exported,
    outbox,
    forwarding,
    seenEventIds,
    quarantineQueued,
    maxOpenAttempts,
    maxOpenBytes,
    endpoints,
    nowMs,
    view,
  } = sources;
  const ageSeconds = (sinceMs = nowMs): number => Math.max(0, nowMs - sinceMs) / 1000;
  return new Map<Parameters<Readings['get']>[0], number | ReadonlyMap<string, number>>([
    ['journalEntries', journal.entries],
    ['journalBytes', journal.bytes],
    ['journalLimitBytes', journal.limitBytes],
    ['journalOldestAgeSeconds', journal.oldestAgeMs / 1000],
    ['forwardWaitingBytes', new Map(forwarding.map(({ target, waitingBytes }) => [target, waitingBytes]))],
    ['seenEventIds', seenEventIds],
    ['openSessions', correlator.sessions],
    ['sessionsForgotten', correlator.sessionsForgotten],
    ['openRecords', correlator.openRecords],
    ['openRecordsLimit', MAX_OPEN_RECORDS],
    ['openBytes', correlator.openBytes],
    ['openBytesLimit', maxOpenBytes],
    ['agingRecords', correlator.agingRecords],
    ['recordsForgotten', correlator.recordsForgotten],
    ['openJobs', correlator.openJobs],
    ['openAttempts', correlator.openAttempts],
    ['openAttemptsLimit', maxOpenAttempts],
    ['tombstones', correlator.tombstones],
    ['threads', correlator.threads],
    ['eventsLate', correlator.late],
    ['attemptsFolded', correlator.rolledUpAttempts],
    ['attemptsHeldBack', correlator.heldBackAttempts],
    ['statesLeftOut', correlator.leftOutStates],
    ['endsInferred', new Map(Object.entries(correlator.inferredEnds))],
    ['spansQueued', exported.queuedSpans],
    ['spansQueuedBytes', exported.queuedBytes],
    ['outboxSpans', outbox?.spans ?? 0],
    ['outboxBytes', outbox?.bytes ?? 0],
    ['outboxLimitBytes', outbox?.limitBytes ?? 0],
    ['exportLagSeconds', ageSeconds(exported.oldestQueuedAtMs)],
    ['spansDiscarded', exported.discarded],
    ['exporterEndpoints', new Map(endpoints.map((endpoint) => [endpoint, 1]))],
    ['exporterMisconfigured', new Map(exported.workers.map(({ exporter, problem }) => [exporter, problem === undefined ? 0 : 1]))],
    ['quarantineQueued', quarantineQueued],
    ['viewAttempts', view?.openAttempts ?? 0],
    ['viewRows', view?.rows ?? 0],
    ['viewNodeSeries', view?.nodeSeries ?? 0],
    ['viewJobsLeftOut', view?.jobsLeftOut ?? 0],
    ['viewStreams', view?.streams ?? 0],
    ['viewStreamsCut', view?.streamsCut ?? 0],
    ['jobBlockedSeconds', view?.blockedSeconds ?? new Map()],
  ]);
}
