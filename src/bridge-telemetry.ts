import type { Correlator, JobLifecycle } from './correlate/index.ts';
import type { ExportStats } from './export/index.ts';
import type { JournalStats } from './journal/index.ts';
import type { Readings } from './metrics.ts';
import type { FinishedJob } from './telemetry.ts';

const NS_PER_MS = 1_000_000n;

/** What the log says of a finished job. `traceUrl` is the setting, with `{traceId}` in it. */
export function describeJob(job: JobLifecycle, traceId: string, traceUrl: string | undefined): FinishedJob {
  return {
    session: job.session,
    jobId: job.jobId,
    name: job.name,
    durationMs: Number((job.endNs - job.startNs) / NS_PER_MS),
    traceId,
    ...(traceUrl === undefined ? {} : { traceUrl: traceUrl.replaceAll('{traceId}', traceId) }),
    ...(job.endInferred === undefined ? {} : { endInferred: job.endInferred }),
    tasksFinished: job.tasks.finished,
    tasksFailed: job.tasks.failed,
    tasksUnfinished: job.tasks.unfinished,
    attempts: job.attemptCount,
    actors: job.actorCount,
  };
}

export interface ReadingSources {
  readonly journal: JournalStats;
  readonly correlator: ReturnType<Correlator['stats']>;
  readonly exported: ExportStats;
  readonly seenEventIds: number;
  readonly quarantineQueued: number;
  readonly maxOpenAttempts: number;
  readonly nowMs: number;
}

/** What the stages know at this moment, for `/metrics`. */
export function readingsOf(sources: ReadingSources): Readings {
  const { journal, correlator, exported, seenEventIds, quarantineQueued, maxOpenAttempts, nowMs } = sources;
  const ageSeconds = (sinceMs = nowMs): number => Math.max(0, nowMs - sinceMs) / 1000;
  return new Map<Parameters<Readings['get']>[0], number | ReadonlyMap<string, number>>([
    ['journalEntries', journal.entries],
    ['journalBytes', journal.bytes],
    ['journalLimitBytes', journal.limitBytes],
    ['journalOldestAgeSeconds', journal.oldestAgeMs / 1000],
    ['seenEventIds', seenEventIds],
    ['openSessions', correlator.sessions],
    ['openJobs', correlator.openJobs],
    ['openAttempts', correlator.openAttempts],
    ['openAttemptsLimit', maxOpenAttempts],
    ['tombstones', correlator.tombstones],
    ['eventsLate', correlator.late],
    ['attemptsFolded', correlator.foldedAttempts],
    ['endsInferred', new Map(Object.entries(correlator.inferredEnds))],
    ['spansQueued', exported.queuedSpans],
    ['spansQueuedBytes', exported.queuedBytes],
    ['exportLagSeconds', ageSeconds(exported.oldestQueuedAtMs)],
    ['spansDiscarded', exported.discarded],
    ['quarantineQueued', quarantineQueued],
  ]);
}
