/** What a proof asks of `serve`. The flags are spelled here and nowhere else. */
export interface ServeSettings {
  readonly dataDir: string;
  readonly journal?: 'disk' | 'memory';
  readonly sync?: 'always' | 'interval';
  readonly syncIntervalMs?: number;
  readonly maxJournalBytes?: number;
  readonly settleMs: number;
  readonly orphanTimeoutMs: number;
  /** False: every attempt has its own span, however many there are. */
  readonly hasTraceBudget: boolean;
  /** With the budget: default 10,000. */
  readonly maxSpansPerTrace?: number;
  readonly inFlight?: 'off' | 'jobs' | 'running';
  readonly inFlightAfterMs?: number;
  readonly drainTimeoutMs?: number;
  readonly maxQueuedSpans?: number;
}

export function serveFlags(settings: ServeSettings, port: number): string[] {
  const { journal = 'disk', sync, syncIntervalMs, maxJournalBytes, drainTimeoutMs, maxQueuedSpans, inFlight, inFlightAfterMs } = settings;
  return [
    ['--listen', `127.0.0.1:${port}`],
    ['--data-dir', settings.dataDir],
    ['--journal', journal],
    ...(sync === undefined ? [] : [['--sync', sync]]),
    ...(syncIntervalMs === undefined ? [] : [['--sync-interval', `${syncIntervalMs}ms`]]),
    ...(maxJournalBytes === undefined ? [] : [['--max-journal-bytes', String(maxJournalBytes)]]),
    // Checkpoints are logged at this level.
    ['--log-level', 'debug'],
    ['--settle', `${settings.settleMs}ms`],
    ['--orphan-timeout', `${settings.orphanTimeoutMs}ms`],
    ...(settings.hasTraceBudget
      ? settings.maxSpansPerTrace === undefined
        ? []
        : [['--max-spans-per-trace', String(settings.maxSpansPerTrace)]]
      : [
          ['--max-spans-per-trace', '0'],
          ['--max-bytes-per-trace', '0'],
        ]),
    ...(inFlight === undefined ? [] : [['--in-flight', inFlight]]),
    ...(inFlightAfterMs === undefined ? [] : [['--in-flight-after', `${inFlightAfterMs}ms`]]),
    ...(drainTimeoutMs === undefined ? [] : [['--drain-timeout', `${drainTimeoutMs}ms`]]),
    ...(maxQueuedSpans === undefined ? [] : [['--max-queued-spans', String(maxQueuedSpans)]]),
  ].flat();
}

/** Where the journal's files are, below the data folder. */
export const journalFolder = 'journal';

/** The metrics that the proofs read, by what they mean. */
export const metricNames = {
  openAttempts: 'open_attempts',
  openJobs: 'open_jobs',
  spansQueued: 'spans_queued',
  spansExported: 'spans_exported_total',
  tombstones: 'tombstones',
  seenEventIds: 'seen_event_ids',
  journalBytes: 'journal_bytes',
  journalEntries: 'journal_entries',
  journalDamages: 'journal_damages_total',
  journalWritable: 'journal_writable',
  journalCheckpoints: 'journal_checkpoints_total',
  journalSyncs: 'journal_syncs_total',
  internalErrors: 'internal_errors_total',
} as const;
