import { type DestinationStream, destination as pinoDestination, pino } from 'pino';
import { printable, printableExcerpt, type Reloaded } from '../runtime/index.ts';
import type { ExportEvent } from '../export/index.ts';
import type { ForwardEvent } from '../forward/index.ts';
import type { JournalEvent } from '../journal/index.ts';
import { createMetrics, type Readings } from './metrics.ts';
import type { QuarantineEvent } from '../quarantine/index.ts';
import type { ReceiverTelemetry } from '../receiver/index.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface TelemetryOptions {
  /** Default `info`. */
  readonly logLevel?: LogLevel;
  /** Destination of the JSON lines. Default stderr. */
  readonly destination?: DestinationStream;
  /** Milliseconds since the epoch, to limit repeated log lines. Default `Date.now`. */
  readonly now?: () => number;
}

/** A job that ended, for the log. */
export interface JobSummary {
  readonly session: string;
  readonly jobId: string;
  readonly name: string;
  readonly durationMs: number;
  readonly traceId: string;
  readonly traceUrl?: string;
  readonly endInferred?: string;
  readonly tasksFinished: number;
  readonly tasksFailed: number;
  readonly tasksCancelled: number;
  readonly tasksUnfinished: number;
  readonly outcome: string;
  readonly outcomeReason: string;
  readonly attempts: number;
  readonly actors: number;
}

/** The unfinished work of a bridge that stopped. */
export interface StoppedBridge {
  /** Finished spans that were not delivered. */
  readonly undelivered: number;
  /** Accepted events that the pump did not read from the journal. */
  readonly unreadEvents: number;
  /** Attempts and jobs that had not ended and have no span. */
  readonly openAttempts: number;
  readonly openJobs: number;
  /**
   * True when the journal keeps every accepted event, so that the next start continues with them.
   */
  readonly isKept: boolean;
}

export interface RebuildProgress {
  /** Restored records of the checkpoint. */
  readonly records: number;
  /** Replayed events after the checkpoint, and their total. */
  readonly events: number;
  readonly ofEvents: number;
}

/**
 * Logs and metrics of the bridge. Each method is one named event, with its counter and its log
 * line.
 */
export interface Telemetry extends ReceiverTelemetry {
  readonly exportEvent: (event: ExportEvent) => void;
  readonly quarantineEvent: (event: QuarantineEvent) => void;
  readonly journalEvent: (event: JournalEvent) => void;
  readonly forwardEvent: (event: ForwardEvent) => void;
  /** Progress of the restore from the journal. */
  rebuilding(progress: RebuildProgress): void;
  rebuilt(done: RebuildProgress & { readonly durationMs: number; readonly openAttempts: number }): void;
  /** A token or certificate file changed, or cannot be used. */
  readonly fileReloaded: (reloaded: Reloaded) => void;
  /** A warning from Node.js, for example about a deprecated API. */
  readonly processWarning: (warning: Error) => void;
  /**
   * A connection was closed before it sent a complete request. `reason` is a stable word; `detail`
   * is for people.
   */
  readonly connectionRefused: (reason: string, detail: string, from?: string) => void;
  lifecycleFinished(kind: string): void;
  /** An attempt ended, with or without a span of its own. */
  attemptEnded(outcome: string): void;
  /** An in-flight span was exported. `kind`: `job`, `task`, `actor` or `session`. */
  inFlightReported(kind: string): void;
  spansSampledOut(count: number): void;
  jobFinished(job: JobSummary): void;
  bridgeStarted(): void;
  bridgeStopped(stopped: StoppedBridge): void;
  /** Sets the source of the gauges, which is called whenever `/metrics` is requested. */
  readFrom(readings: () => Readings): void;
}

/** A repeated line is written at most once in this time, with the number of suppressed ones. */
const REPEATED_LINE_INTERVAL_MS = 60_000;
/**
 * Time without a refused post before the bridge reports recovery. At a limit, 200 and 503
 * alternate.
 */
const RECOVERED_AFTER_MS = 10_000;
/** Unknown types with a label and a log line of their own. Further ones count as `other`. */
const MAX_UNKNOWN_TYPES = 100;
/** Maximum length of an unknown type as a label. */
const MAX_LABEL_LENGTH = 80;

export function createTelemetry(options: TelemetryOptions = {}): Telemetry {
  const now = options.now ?? Date.now;
  const log = createLogger(options);
  const metrics = createMetrics();
  metrics.set('journalWritable', 1);
  const spaced = createLineSpacer(now);
  const unknownTypes = new Set<string>();
  let refusing: { readonly sinceMs: number; lastMs: number; posts: number } | undefined;
  let takeReadings: () => Readings = noReadings;

  function countUnknownType(eventType: string, count: number): void {
    const type = printable(eventType.length > MAX_LABEL_LENGTH ? `${eventType.slice(0, MAX_LABEL_LENGTH)}…` : eventType);
    const isKnown = unknownTypes.has(type);
    if (!isKnown && unknownTypes.size >= MAX_UNKNOWN_TYPES) return metrics.add('eventsUnknownType', count, 'other');
    metrics.add('eventsUnknownType', count, type);
    if (isKnown) return;
    unknownTypes.add(type);
    log.warn(
      { event: 'event_type_unknown', eventType: type },
      'Ray sends an event type that this release does not know; its events are counted and dropped',
    );
  }

  function logRejections({ firstRejected }: Parameters<Telemetry['batchAccepted']>[0]['batch']): void {
    for (const { index, rejection } of firstRejected) {
      if (rejection.code === 'event_type_unknown') continue;
      spaced(rejection.code, (repeated) =>
        log.warn(
          { event: 'event_rejected', code: rejection.code, index, reason: printableExcerpt(rejection.message), ...repeated },
          'an event was rejected; the rest of its batch was accepted',
        ),
      );
    }
  }

  function noteRecovery(): void {
    if (refusing === undefined || now() - refusing.lastMs < RECOVERED_AFTER_MS) return;
    log.info(
      { event: 'accepting_again', refusedPosts: refusing.posts, refusedForMs: refusing.lastMs - refusing.sinceMs },
      'posts are accepted again',
    );
    refusing = undefined;
  }

  function noteRefusal(code: string, message: string): void {
    if (refusing === undefined) {
      refusing = { sinceMs: now(), lastMs: now(), posts: 0 };
      log.warn(
        { event: 'refusing', code, reason: printableExcerpt(message) },
        'posts are answered 503; Ray keeps its events and sends them again',
      );
    }
    refusing.lastMs = now();
    refusing.posts += 1;
  }

  return {
    batchAnswered({ status, durationMs, bytes }) {
      metrics.observe('requestSeconds', durationMs / 1000, String(status));
      metrics.add('bytesReceived', bytes);
      log.trace({ event: 'batch_answered', status, durationMs, bytes }, 'a post was answered');
    },
    batchAccepted({ accepted, duplicates, batch }) {
      metrics.add('eventsReceived', accepted + duplicates + batch.rejectedCount);
      metrics.add('eventsAccepted', accepted);
      metrics.add('eventsDuplicate', duplicates);
      for (const [code, count] of batch.rejectedByCode) metrics.add('eventsRejected', count, code);
      for (const [type, count] of batch.unknownTypes) countUnknownType(type, count);
      metrics.add('timesIgnored', batch.ignoredTimes);
      logRejections(batch);
      noteRecovery();
      log.debug({ event: 'batch_accepted', accepted, duplicates, rejected: batch.rejectedCount }, 'a batch was accepted');
    },
    batchRefused(code, message, from) {
      metrics.add('requestsRefused', 1, code);
      if (TEMPORARY_REFUSALS.has(code)) return noteRefusal(code, message);
      spaced(code, (repeated) =>
        log.warn(
          { event: 'batch_refused', code, reason: printableExcerpt(message), from, ...repeated },
          'a post was refused; Ray repeats it until it succeeds',
        ),
      );
    },
    readRefused(code, message, from) {
      metrics.add('readsRefused', 1, code);
      spaced(`read:${code}`, (repeated) =>
        log.warn(
          { event: 'read_refused', code, reason: printableExcerpt(message), from, ...repeated },
          'a request for the metrics was refused',
        ),
      );
    },
    fileReloaded({ setting, outcome }) {
      metrics.add(outcome.ok ? 'reloads' : 'reloadFailures', 1, setting);
      if (outcome.ok) return log.info({ event: 'file_reloaded', file: setting, holds: outcome.value }, 'a changed file was loaded');
      spaced(`reload:${setting}`, (repeated) =>
        log.error(
          { event: 'file_reload_failed', file: setting, reason: printableExcerpt(outcome.problem), ...repeated },
          'a changed file cannot be used; its previous content stays in use',
        ),
      );
    },
    connectionRefused(reason, detail, from) {
      metrics.add('connectionsRefused', 1, reason);
      spaced(`connection:${reason}:${detail}`, (repeated) =>
        log.warn({ event: 'connection_refused', reason, detail: printableExcerpt(detail), from, ...repeated }, 'a connection was closed'),
      );
    },
    processWarning(warning) {
      const code = 'code' in warning && typeof warning.code === 'string' ? { code: printableExcerpt(warning.code) } : {};
      spaced(`warning:${warning.name}:${code.code}`, (repeated) =>
        log.warn(
          {
            event: 'process_warning',
            name: printableExcerpt(warning.name),
            ...code,
            reason: printableExcerpt(warning.message),
            ...repeated,
          },
          'warning from Node.js',
        ),
      );
    },
    internalError(stage, error) {
      metrics.add('internalErrors', 1, stage);
      spaced(`internal:${stage}`, (repeated) =>
        log.error(
          { event: 'internal_error', stage, err: withoutQuotation(error), ...repeated },
          'internal error in the bridge; please report it',
        ),
      );
    },
    metricsPage: () => metrics.page(takeReadings()),
    readFrom(readings) {
      takeReadings = readings;
    },
    exportEvent: (event) => reportExport(event, { log, metrics, spaced }),
    quarantineEvent: (event) => reportQuarantine(event, { log, metrics }),
    journalEvent: (event) => reportJournal(event, { log, metrics, spaced }),
    forwardEvent: (event) => reportForward(event, { log, metrics, spaced }),
    rebuilding: (progress) => log.info({ event: 'rebuilding', ...progress }, 'restoring the state from the journal'),
    rebuilt: (outcome) => log.info({ event: 'rebuilt', ...outcome }, 'the state was restored from the journal'),
    lifecycleFinished: (kind) => metrics.add('lifecyclesFinished', 1, kind),
    attemptEnded: (outcome) => metrics.add('attemptsEnded', 1, outcome),
    inFlightReported: (kind) => metrics.add('inFlightMarks', 1, kind),
    spansSampledOut: (count) => metrics.add('spansSampledOut', count),
    jobFinished(job) {
      metrics.add('jobsEnded', 1, job.outcome);
      log.info({ event: 'job_finished', ...job, name: printableExcerpt(job.name), session: printableExcerpt(job.session) }, 'a job ended');
    },
    bridgeStarted: () => log.info({ event: 'bridge_started' }, 'the bridge started'),
    bridgeStopped(stopped) {
      const isLossless = stopped.undelivered === 0 && stopped.unreadEvents === 0;
      const line = { event: 'bridge_stopped', ...stopped };
      if (stopped.isKept) log.info(line, 'the bridge stopped; undelivered and unfinished work stays in the journal');
      else if (isLossless) log.info(line, 'the bridge stopped; every finished span was delivered');
      else log.error(line, 'the bridge stopped before every span was delivered; raise --drain-timeout or fix the backend');
    },
  };
}

function noReadings(): Readings {
  return new Map();
}

/** Temporary refusals. Logged once when they start and once when they end. */
const TEMPORARY_REFUSALS: ReadonlySet<string> = new Set([
  'receiver_busy',
  'too_many_open_attempts',
  'too_many_open_records',
  'too_many_open_bytes',
  'stopping',
  'journal_full',
  'journal_unavailable',
  'forward_failed',
]);

interface Tools {
  readonly log: ReturnType<typeof createLogger>;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly spaced: ReturnType<typeof createLineSpacer>;
}

/** The texts of these events are already printable and free of credentials. */
function reportExport(event: ExportEvent, { log, metrics, spaced }: Tools): void {
  const { name, ...fields } = event;
  const line = { event: name, ...fields };
  const key = `${name}:${event.exporter}`;
  switch (event.name) {
    case 'batch_exported':
      metrics.add('spansExported', event.spans, event.exporter);
      metrics.observe('exportSeconds', event.durationMs / 1000, event.exporter);
      return log.debug(line, 'a batch of spans was delivered');
    case 'export_retry':
      metrics.add('exportRetries', 1, event.exporter);
      return spaced(key, (repeated) =>
        log.warn({ ...line, ...repeated }, 'the backend does not accept spans; they are kept and sent again'),
      );
    case 'export_misconfigured':
      metrics.add('exportRetries', 1, event.exporter);
      return spaced(key, (repeated) =>
        log.error({ ...line, ...repeated }, 'the exporter is misconfigured; its spans are kept until this is fixed'),
      );
    case 'export_recovered':
      return log.info(line, 'the backend accepts spans again');
    case 'export_split':
      return log.debug(line, 'a batch is split to find the spans that the backend refuses');
    case 'export_refused':
      metrics.add('spansRefused', 1, event.exporter);
      return spaced(key, (repeated) => log.error({ ...line, ...repeated }, 'the backend permanently refused a span'));
    case 'export_note':
      return spaced(key, (repeated) => log.warn({ ...line, ...repeated }, 'the gRPC library reports a problem'));
    case 'export_warning':
      return spaced(key, (repeated) => log.warn({ ...line, ...repeated }, 'the backend accepted the spans, with a warning'));
  }
}

/** `target` has no credentials. */
function reportForward(event: ForwardEvent, { log, metrics, spaced }: Tools): void {
  const { name, ...fields } = event;
  const line = { event: name, ...fields };
  switch (event.name) {
    case 'forwarded':
      return reportForwarded(event, { metrics, log, spaced });
    case 'forward_failing':
      return log.warn(
        { ...line, reason: printableExcerpt(event.reason) },
        'a consumer of --forward-to does not take posts; they are retried',
      );
    case 'forward_recovered':
      return log.info(line, 'a consumer of --forward-to takes posts again');
  }
}

function reportForwarded({ target, outcome }: Extract<ForwardEvent, { name: 'forwarded' }>, { log, metrics, spaced }: Tools): void {
  if (outcome === 'taken') return metrics.add('postsForwarded', 1, target);
  metrics.add('forwardsDropped', 1, outcome);
  spaced(`forward:${target}:${outcome}`, (repeated) =>
    log.warn({ event: 'forward_dropped', target, outcome, ...repeated }, FORWARD_DROPPED[outcome]),
  );
}

const FORWARD_DROPPED = {
  refused: 'a consumer of --forward-to refused a post; it is dropped for that consumer',
  late: 'a consumer of --forward-to did not take a post in time; it is dropped for that consumer (--forward-retry-for)',
  stopped: 'the bridge stopped before a consumer of --forward-to took a post; it is dropped for that consumer',
  full: 'too many posts wait for a consumer of --forward-to; a post is dropped for it (--max-forward-bytes)',
} as const;

function reportQuarantine(event: QuarantineEvent, { log, metrics }: Pick<Tools, 'log' | 'metrics'>): void {
  switch (event.name) {
    case 'quarantine_written':
      return metrics.add('quarantineWritten', event.entries, event.kind);
    case 'quarantine_dropped':
      return metrics.add('quarantineDropped', event.entries, event.reason);
    case 'quarantine_rotated':
      return metrics.add('quarantineFilesRemoved', event.files);
    case 'quarantine_unwritable':
      return log.error(
        { event: event.name, folder: event.folder, reason: printableExcerpt(event.reason) },
        'the quarantine cannot be written, and most rejected events and refused spans are lost; free disk space or give write permission',
      );
    case 'quarantine_writable':
      return log.info({ event: event.name, folder: event.folder }, 'the quarantine is writable again');
  }
}

function reportJournal(event: JournalEvent, { log, metrics, spaced }: Tools): void {
  switch (event.name) {
    case 'journal_written':
      metrics.add('journalBatches', event.batches);
      metrics.add('journalWrittenBytes', event.bytes);
      return metrics.add('journalSyncs', event.synced ? 1 : 0);
    case 'journal_checkpoint':
      metrics.add('journalCheckpoints');
      metrics.set('journalCheckpointBytes', event.bytes);
      return log.debug(
        { event: event.name, bytes: event.bytes, records: event.records, durationMs: Math.round(event.durationMs) },
        'a checkpoint of the state was written, and the events before it were removed',
      );
    case 'journal_damaged':
      metrics.add('journalDamages');
      metrics.add('journalEntriesLost', event.entries);
      return spaced(event.name, (repeated) =>
        log.error(
          { event: event.name, what: printableExcerpt(event.what), entries: event.entries, ...repeated },
          'a part of the journal is damaged and was skipped; check the disk',
        ),
      );
    case 'journal_read_failed':
      metrics.add('journalReadRetries');
      return spaced(event.name, (repeated) =>
        log.error(
          { event: event.name, what: printableExcerpt(event.what), reason: printableExcerpt(event.reason), ...repeated },
          'a part of the journal cannot be read; the bridge retries; check the disk, no restart is needed',
        ),
      );
    case 'journal_unwritable':
      metrics.set('journalWritable', 0);
      return log.error(
        { event: event.name, folder: event.folder, reason: printableExcerpt(event.reason) },
        'the journal cannot be written, and posts are answered 503; free disk space or fix the disk, no restart is needed',
      );
    case 'outbox_full':
      return log.warn(
        { event: event.name, reason: printableExcerpt(event.reason) },
        'the outbox is full, so events wait in the journal; fix the backend, or raise --max-outbox-bytes',
      );
    case 'outbox_has_room':
      return log.info({ event: event.name }, 'the outbox has room again, and events are processed');
    case 'journal_writable':
      metrics.set('journalWritable', 1);
      return log.info(
        { event: event.name, folder: event.folder, downMs: Math.round(event.downMs) },
        'the journal is writable again, and posts are accepted',
      );
  }
}

function createLogger({ logLevel = 'info', destination }: TelemetryOptions) {
  return pino(
    { level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination ?? pinoDestination({ fd: 2, sync: true }),
  );
}

/**
 * Limits repeated lines: writes the first line of a key at once, then one per interval with the
 * number suppressed. There are few keys: codes, stages and exporters.
 */
function createLineSpacer(now: () => number) {
  const lastOf = new Map<string, { readonly atMs: number; repeated: number }>();
  return (key: string, write: (repeated: { readonly repeated?: number }) => void): void => {
    const last = lastOf.get(key);
    if (last !== undefined && now() - last.atMs < REPEATED_LINE_INTERVAL_MS) {
      last.repeated += 1;
      return;
    }
    lastOf.set(key, { atMs: now(), repeated: 0 });
    write(last === undefined || last.repeated === 0 ? {} : { repeated: last.repeated });
  };
}

/**
 * Removes the message of a SyntaxError: V8 quotes the invalid JSON, which may be part of an event.
 */
function withoutQuotation(error: unknown): unknown {
  if (!(error instanceof SyntaxError)) return error;
  const frames = error.stack?.split('\n').filter((line) => /^ {4}at /.test(line)) ?? [];
  const safe = new SyntaxError('invalid JSON; the text is not repeated here');
  safe.stack = [`${safe.name}: ${safe.message}`, ...frames].join('\n');
  return safe;
}
