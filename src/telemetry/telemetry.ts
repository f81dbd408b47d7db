import { type DestinationStream, destination as pinoDestination, pino } from 'pino';
import type { Reloaded } from '../runtime/index.ts';
import type { ExportEvent } from '../export/index.ts';
import type { JournalEvent } from '../journal/index.ts';
import { createMetrics, type Readings } from './metrics.ts';
import type { QuarantineEvent } from '../quarantine/index.ts';
import type { ReceiverTelemetry } from '../receiver/index.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface TelemetryOptions {
  /** Default `info`. */
  readonly logLevel?: LogLevel;
  /** Where JSON lines go. Default stderr. */
  readonly destination?: DestinationStream;
  /** Milliseconds since the epoch; spaces repeated log lines. Default `Date.now`. */
  readonly now?: () => number;
}

/** A job that came to its end, for the log. */
export interface FinishedJob {
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

/** What stood in the bridge when it ended. */
export interface StoppedBridge {
  /** Spans that were finished and not delivered. */
  readonly undelivered: number;
  /** Accepted events that were not read from the journal. */
  readonly unreadEvents: number;
  /** Attempts and jobs that were not finished: no span was made of them. */
  readonly openAttempts: number;
  readonly openJobs: number;
  /** All that was accepted stays in the journal, and the next start goes on with it. */
  readonly isKept: boolean;
}

export interface RebuildProgress {
  /** Records of the checkpoint that were taken up. */
  readonly records: number;
  /** Events since then that were worked through again, of so many. */
  readonly events: number;
  readonly ofEvents: number;
}

/** Everything that the bridge tells about itself: each method is one named event, with its counter and its log line. */
export interface Telemetry extends ReceiverTelemetry {
  readonly exportEvent: (event: ExportEvent) => void;
  readonly quarantineEvent: (event: QuarantineEvent) => void;
  readonly journalEvent: (event: JournalEvent) => void;
  /** The state is taken up from the journal: what of it is done. */
  rebuilding(progress: RebuildProgress): void;
  rebuilt(done: RebuildProgress & { readonly durationMs: number; readonly openAttempts: number }): void;
  /** A token or certificate file changed, or cannot be used. */
  readonly fileReloaded: (reloaded: Reloaded) => void;
  /** A warning of Node.js, of a library's deprecated use for example. */
  readonly processWarning: (warning: Error) => void;
  /** A connection was cut before it brought a whole request; `reason` is a stable word, `detail` for people. */
  readonly connectionRefused: (reason: string, detail: string, from?: string) => void;
  lifecycleFinished(kind: string): void;
  /** An attempt, with a span of its own or not. */
  attemptEnded(outcome: string): void;
  /** Something was told while it is still open: `job`, `task`, `actor` or `session`. */
  markMade(kind: string): void;
  spansSampledOut(count: number): void;
  jobFinished(job: FinishedJob): void;
  bridgeStarted(): void;
  bridgeStopped(stopped: StoppedBridge): void;
  /** The readings of the gauges, taken whenever `/metrics` is asked for. */
  readFrom(readings: () => Readings): void;
}

/** A line that may repeat often is written once in this time, with the number of those that were not. */
const REPEATED_LINE_INTERVAL_MS = 60_000;
/** Posts must have gone well for this long before the bridge says that it recovered: at the limit, 200 and 503 alternate. */
const RECOVERED_AFTER_MS = 10_000;
/** Unknown types that get a label and a log line of their own; what is beyond is `other`. */
const MAX_UNKNOWN_TYPES = 100;
const MAX_LOGGED_TEXT = 300;

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
    const type = shown(eventType, 80);
    const isKnown = unknownTypes.has(type);
    if (!isKnown && unknownTypes.size >= MAX_UNKNOWN_TYPES) return metrics.add('eventsUnknownType', count, 'other');
    metrics.add('eventsUnknownType', count, type);
    if (isKnown) return;
    unknownTypes.add(type);
    log.warn(
      { event: 'event_type_unknown', eventType: type },
      'Ray sends a type of event that this release does not know; it is counted and left out',
    );
  }

  function logRejections({ firstRejected }: Parameters<Telemetry['batchAccepted']>[0]['batch']): void {
    for (const { index, rejection } of firstRejected) {
      if (rejection.code === 'event_type_unknown') continue;
      spaced(rejection.code, (repeated) =>
        log.warn(
          { event: 'event_rejected', code: rejection.code, index, reason: shown(rejection.message), ...repeated },
          'an event could not be used; the rest of its batch was taken',
        ),
      );
    }
  }

  function noteRecovery(): void {
    if (refusing === undefined || now() - refusing.lastMs < RECOVERED_AFTER_MS) return;
    log.info(
      { event: 'accepting_again', refusedPosts: refusing.posts, refusedForMs: refusing.lastMs - refusing.sinceMs },
      'events are taken in again',
    );
    refusing = undefined;
  }

  function noteRefusal(code: string, message: string): void {
    if (refusing === undefined) {
      refusing = { sinceMs: now(), lastMs: now(), posts: 0 };
      log.warn({ event: 'refusing', code, reason: shown(message) }, 'posts are answered 503: Ray keeps its events and sends them again');
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
      if (REFUSED_FOR_NOW.has(code)) return noteRefusal(code, message);
      spaced(code, (repeated) =>
        log.warn(
          { event: 'batch_refused', code, reason: shown(message), from, ...repeated },
          'a post was refused; Ray will repeat it until it is mended',
        ),
      );
    },
    readRefused(code, message, from) {
      metrics.add('readsRefused', 1, code);
      spaced(`read:${code}`, (repeated) =>
        log.warn({ event: 'read_refused', code, reason: shown(message), from, ...repeated }, 'a request for the metrics was refused'),
      );
    },
    fileReloaded({ setting, outcome }) {
      metrics.add(outcome.ok ? 'reloads' : 'reloadFailures', 1, setting);
      if (outcome.ok) return log.info({ event: 'file_reloaded', file: setting, holds: outcome.value }, 'a changed file is in use');
      spaced(`reload:${setting}`, (repeated) =>
        log.error(
          { event: 'file_reload_failed', file: setting, reason: shown(outcome.problem), ...repeated },
          'a file cannot be used; setting it held before stays in use',
        ),
      );
    },
    connectionRefused(reason, detail, from) {
      metrics.add('connectionsRefused', 1, reason);
      spaced(`connection:${reason}:${detail}`, (repeated) =>
        log.warn({ event: 'connection_refused', reason, detail: shown(detail), from, ...repeated }, 'a connection was cut'),
      );
    },
    processWarning(warning) {
      const code = 'code' in warning && typeof warning.code === 'string' ? { code: shown(warning.code) } : {};
      spaced(`warning:${warning.name}:${code.code}`, (repeated) =>
        log.warn(
          { event: 'process_warning', name: shown(warning.name), ...code, reason: shown(warning.message), ...repeated },
          'Node.js warns',
        ),
      );
    },
    internalError(stage, error) {
      metrics.add('internalErrors', 1, stage);
      spaced(`internal:${stage}`, (repeated) =>
        log.error({ event: 'internal_error', stage, err: withoutQuotation(error), ...repeated }, 'a bug of the bridge; please report it'),
      );
    },
    metricsPage: () => metrics.page(takeReadings()),
    readFrom(readings) {
      takeReadings = readings;
    },
    exportEvent: (event) => tellExport(event, { log, metrics, spaced }),
    quarantineEvent: (event) => tellQuarantine(event, { log, metrics }),
    journalEvent: (event) => tellJournal(event, { log, metrics, spaced }),
    rebuilding: (progress) => log.info({ event: 'rebuilding', ...progress }, 'the state is being rebuilt from the journal'),
    rebuilt: (outcome) => log.info({ event: 'rebuilt', ...outcome }, 'the state is rebuilt from the journal'),
    lifecycleFinished: (kind) => metrics.add('lifecyclesFinished', 1, kind),
    attemptEnded: (outcome) => metrics.add('attemptsEnded', 1, outcome),
    markMade: (kind) => metrics.add('inFlightMarks', 1, kind),
    spansSampledOut: (count) => metrics.add('spansSampledOut', count),
    jobFinished(job) {
      metrics.add('jobsEnded', 1, job.outcome);
      log.info({ event: 'job_finished', ...job, name: shown(job.name), session: shown(job.session) }, 'a job is finished');
    },
    bridgeStarted: () => log.info({ event: 'bridge_started' }, 'the bridge is started'),
    bridgeStopped(stopped) {
      const isLossless = stopped.undelivered === 0 && stopped.unreadEvents === 0;
      const line = { event: 'bridge_stopped', ...stopped };
      if (stopped.isKept) log.info(line, 'the bridge is stopped; what is not delivered or not finished is in the journal');
      else if (isLossless) log.info(line, 'the bridge is stopped; all that was finished was delivered');
      else log.error(line, 'the bridge is stopped before all was delivered; raise --drain-timeout or mend the backend');
    },
  };
}

function noReadings(): Readings {
  return new Map();
}

/** Answers that end by themselves: told once when they begin and once when they are over. */
const REFUSED_FOR_NOW: ReadonlySet<string> = new Set([
  'receiver_busy',
  'too_many_open_attempts',
  'too_many_open_records',
  'too_many_open_bytes',
  'stopping',
  'journal_full',
  'journal_unavailable',
]);

interface Tools {
  readonly log: ReturnType<typeof createLogger>;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly spaced: ReturnType<typeof createLineSpacer>;
}

/** The texts of these events are printable and free of credentials as they come. */
function tellExport(event: ExportEvent, { log, metrics, spaced }: Tools): void {
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
        log.warn({ ...line, ...repeated }, 'the backend does not take spans; they are kept and tried again'),
      );
    case 'export_misconfigured':
      metrics.add('exportRetries', 1, event.exporter);
      return spaced(key, (repeated) =>
        log.error({ ...line, ...repeated }, 'the exporter is misconfigured; its spans are kept until it is set up right'),
      );
    case 'export_recovered':
      return log.info(line, 'the backend takes spans again');
    case 'export_split':
      return log.debug(line, 'a batch is divided to find the spans that the backend refuses');
    case 'export_refused':
      metrics.add('spansRefused', 1, event.exporter);
      return spaced(key, (repeated) => log.error({ ...line, ...repeated }, 'the backend will not take a span; it is set aside'));
    case 'export_note':
      return spaced(key, (repeated) => log.warn({ ...line, ...repeated }, 'the library for gRPC reports a problem'));
    case 'export_warning':
      return spaced(key, (repeated) => log.warn({ ...line, ...repeated }, 'the backend took the spans, with a remark'));
  }
}

function tellQuarantine(event: QuarantineEvent, { log, metrics }: Pick<Tools, 'log' | 'metrics'>): void {
  switch (event.name) {
    case 'quarantine_written':
      return metrics.add('quarantineWritten', event.entries, event.kind);
    case 'quarantine_dropped':
      return metrics.add('quarantineDropped', event.entries, event.reason);
    case 'quarantine_rotated':
      return metrics.add('quarantineFilesRemoved', event.files);
    case 'quarantine_unwritable':
      return log.error(
        { event: event.name, folder: event.folder, reason: shown(event.reason) },
        'the quarantine cannot be written; rejected events and refused spans are lost beyond a few; make room or give write permission',
      );
    case 'quarantine_writable':
      return log.info({ event: event.name, folder: event.folder }, 'the quarantine is written again');
  }
}

function tellJournal(event: JournalEvent, { log, metrics, spaced }: Tools): void {
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
        'the state was written down, and the events before it were given back',
      );
    case 'journal_damaged':
      metrics.add('journalDamages');
      metrics.add('journalEntriesLost', event.entries);
      return spaced(event.name, (repeated) =>
        log.error(
          { event: event.name, what: shown(event.what), entries: event.entries, ...repeated },
          'a part of the journal is damaged and left out; look at the disk',
        ),
      );
    case 'journal_read_failed':
      metrics.add('journalReadRetries');
      return spaced(event.name, (repeated) =>
        log.error(
          { event: event.name, what: shown(event.what), reason: shown(event.reason), ...repeated },
          'a part of the journal cannot be read just now: it is tried again; look at the disk, no restart is needed',
        ),
      );
    case 'journal_unwritable':
      metrics.set('journalWritable', 0);
      return log.error(
        { event: event.name, folder: event.folder, reason: shown(event.reason) },
        'the journal cannot be written: posts are answered 503 until it can; make room or mend the disk, no restart is needed',
      );
    case 'journal_writable':
      metrics.set('journalWritable', 1);
      return log.info(
        { event: event.name, folder: event.folder, downMs: Math.round(event.downMs) },
        'the journal is written again, and posts are taken',
      );
  }
}

function createLogger({ logLevel = 'info', destination }: TelemetryOptions) {
  return pino(
    { level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination ?? pinoDestination({ fd: 2, sync: true }),
  );
}

/** Writes the first line of a key at once, then one in each interval with the count of those in between. Keys are few: codes, stages and exporters. */
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

const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** A hostile string fit for a line of a log: cut, and what could steer a terminal written out. */
function shown(text: string, limit = MAX_LOGGED_TEXT): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(STEERING, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** V8 repeats a part of a text that is not JSON, and that may be of an event. */
function withoutQuotation(error: unknown): unknown {
  if (!(error instanceof SyntaxError)) return error;
  const frames = error.stack?.split('\n').filter((line) => /^ {4}at /.test(line)) ?? [];
  const safe = new SyntaxError('a text could not be read; it is not repeated here');
  safe.stack = [`${safe.name}: ${safe.message}`, ...frames].join('\n');
  return safe;
}
