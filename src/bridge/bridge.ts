import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Hono } from 'hono';
import type { Access } from '../http/index.ts';
import { watchFiles, type Clock, systemClock, createScheduler } from '../runtime/index.ts';
import { accessOf, type Environment, exportersOf, memoryLimit, spanEnvironmentOf } from './parts.ts';
import { countFinished, describeJob, describeProblems, healthOf, readingsOf, reportFolded } from './readings.ts';
import { createTelemetry, type RebuildProgress, type Telemetry } from '../telemetry/index.ts';
import { defaultSettings, type Settings } from '../config.ts';
import { type CorrelatorStats, createCorrelator, type Output } from '../correlate/index.ts';
import {
  createExportPipeline,
  endpointOrigin,
  type ExportLimits,
  type ExportStats,
  type NamedExporter,
  type OnRefused,
} from '../export/index.ts';
import { createMemoryJournal, type Journal, type JournalStats, type SpanKey } from '../journal/index.ts';
import { spanKey, spanKeys } from '../otlp/index.ts';
import { defaultOpenBytes, pressureOf } from './pressure.ts';
import { createPump } from '../pump.ts';
import { correlateOptionsOf, restoredOptions, retellTo, takeUpCheckpoint } from './rebuild.ts';
import { createQuarantine, quarantineFolder } from '../quarantine/index.ts';
import { createReceiver, createSeenEvents, DEFAULT_RECEIVER_LIMITS, type Pressure, type ReceiverLimits } from '../receiver/index.ts';
import { createMapping, jobSpanId, traceIdOf, traceUrlOf } from '../span/index.ts';
import { createView, type View } from '../view/index.ts';

/** Stands beside the names of exporters where the journal remembers what was delivered: the log has the line of a finished job. */
const JOB_LOG = '(log of finished jobs)';

/** What is queued for the quarantine may take this long at the end. */
const QUARANTINE_CLOSE_MS = 1000;

/** Between two lines of the log that tell how far the state is rebuilt. */
const REBUILDING_INTERVAL_MS = 5_000;
/** Up to here senders come first: some seconds of work. Beyond, the pump gets more of the event loop. */
const MAX_BEHIND_ENTRIES = 500_000;

export interface BridgeOptions {
  /** Where spans go: any SpanExporter. Without this and `exporters`, the exporters that the `OTEL_*` variables of `env` name. */
  readonly exporter?: SpanExporter;
  readonly exporters?: readonly NamedExporter[];
  /** Default: in memory, of `settings.maxJournalBytes`. `openDiskJournal` opens one that outlives the process; the bridge closes it when it stops. */
  readonly journal?: Journal;
  /** What is left out takes its default. */
  readonly settings?: Partial<Settings>;
  /** Default: JSON lines on stderr, at `settings.logLevel`. */
  readonly telemetry?: Telemetry;
  /** Who may post and read. Default: by the tokens that `settings` name. */
  readonly access?: Access;
  /** Default `process.env`. Only `OTEL_*` variables are read. */
  readonly env?: Environment;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  readonly receiverLimits?: Partial<ReceiverLimits>;
  readonly exportLimits?: Partial<ExportLimits>;
  /** With `settings.view` = `on`: what the page shows while nothing has come, as lines for a shell; `{url}` stands for the address to post to. */
  readonly setupLines?: readonly string[];
  /** Called once for each span and exporter that would not take it. */
  readonly onRefused?: OnRefused;
}

export interface BridgeStats {
  readonly state: BridgeState;
  readonly journal: JournalStats;
  readonly correlator: CorrelatorStats;
  readonly exported: ExportStats;
  readonly seenEventIds: number;
  /** Entries that wait to be written to quarantine. */
  readonly quarantineQueued: number;
}

export type BridgeState = 'created' | 'running' | 'stopping' | 'stopped';

export interface StopOutcome {
  /** Spans that were finished and not delivered. */
  readonly undelivered: number;
  /** Accepted events that were not read from the journal. */
  readonly unreadEvents: number;
  /** The journal outlives the process: the next start delivers and finishes what is left. */
  readonly isKept: boolean;
}

/** Ray's events in by HTTP, spans out through an exporter. */
export interface Bridge {
  /** `POST /`, `POST /v1/events`, `GET /healthz`, `/readyz`, `/metrics`, and with `settings.view` = `on` also `GET /` and `/api/v1`; mount it, or serve `app.fetch`. */
  readonly app: Hono;
  /** Takes up what the journal holds of a former process, and starts to turn what is accepted into spans; `/readyz` tells when it has. Idempotent. */
  start(): Promise<void>;
  /**
   * Takes no more events, turns what was accepted into spans, delivers what is finished, and shuts the exporters down, all within
   * `timeoutMs` (default `settings.drainTimeoutMs`). What is not finished in Ray, or not delivered, stays in the journal if that outlives the
   * process, and gets no span otherwise. Idempotent.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<StopOutcome>;
  stats(): BridgeStats;
}

/**
 * Builds the stages and joins them. Throws when the `OTEL_*` variables or token files cannot be used, with every problem found.
 *
 * @example
 * const bridge = createBridge({ exporter });
 * app.route('/ray', bridge.app);
 * await bridge.start();
 */
export function createBridge(options: BridgeOptions = {}): Bridge {
  const settings: Settings = { ...defaultSettings(), dataDir: undefined, view: 'off', ...options.settings };
  const clock = options.clock ?? systemClock;
  const env = options.env ?? process.env;
  const telemetry = options.telemetry ?? createTelemetry({ logLevel: settings.logLevel, now: clock.now });
  const access = options.access ?? accessOf(settings);
  const journal = options.journal ?? createMemoryJournal({ ...memoryLimit(settings), now: clock.now });
  const { durable } = journal;
  // What waits in memory is not to become more for the sake of faster answers.
  const scheduler = createScheduler({ isBackgroundBehind: () => durable === undefined || journal.stats().entries > MAX_BEHIND_ENTRIES });
  const limits = { ...DEFAULT_RECEIVER_LIMITS, maxBodyBytes: settings.maxBodyBytes, ...options.receiverLimits };
  const seenEvents = createSeenEvents(limits.maxRememberedEvents);
  const { isSampled, ...spanEnvironment } = spanEnvironmentOf(env);
  const spanOptions = { ...settings, ...spanEnvironment };
  const mapping = createMapping(spanOptions, { isSampled, onError: (error) => telemetry.internalError('span', error) });
  const correlateOptions = correlateOptionsOf(settings);
  const maxOpenBytes = settings.maxOpenBytes ?? defaultOpenBytes();
  const view = settings.view === 'off' ? undefined : openView();
  const correlator = createCorrelator({
    ...restoredOptions(durable, correlateOptions),
    mapping,
    onFolded: reportFolded(telemetry, view),
    maxHeldBytes: maxOpenBytes,
  });
  const quarantine =
    settings.dataDir === undefined
      ? undefined
      : createQuarantine({
          folder: quarantineFolder(settings.dataDir),
          now: clock.now,
          sleep: clock.sleep,
          onEvent: telemetry.quarantineEvent,
        });
  const exporters = exportersOf(options, env);
  const pipeline = createExportPipeline({
    ...options.exportLimits,
    maxQueuedSpans: settings.maxQueuedSpans,
    exporters,
    clock,
    onEvent: telemetry.exportEvent,
    onRefused: (span, reason, name) => {
      quarantine?.addSpan(span, reason, name);
      options.onRefused?.(span, reason, name);
    },
    ...(durable === undefined ? {} : { onSettled: (name, spans) => durable.noteDelivered(name, spanKeys(spans)) }),
  });
  const firstCursor = journal.stats().releasedCursor;
  const pump = createPump({
    journal,
    correlator,
    pipeline,
    scheduler,
    sleep: clock.sleep,
    correlateOptions,
    onReady: () => (isReady = true),
    onRebuilt,
    ...(durable === undefined ? {} : { isSettled: (span, name) => durable.wasDelivered(name, spanKey(span)) }),
    onFinished: reportFinished,
    ...(view === undefined ? {} : { onApplied: view.observe }),
    onBug: telemetry.internalError,
  });

  let state: BridgeState = 'created';
  let isReady = false;
  let restoredRecords = 0;
  let startedMs = 0;
  let pumping: Promise<void> | undefined;
  let stopping: Promise<StopOutcome> | undefined;
  const abortPump = new AbortController();
  let watching: Promise<void> | undefined;
  const abortWatch = new AbortController();

  function pressure(): Pressure | undefined {
    return pressureOf({
      isStopping: state === 'stopping' || state === 'stopped',
      journal: journal.stats(),
      openAttempts: correlator.openAttempts(),
      maxOpenAttempts: settings.maxOpenAttempts,
      openRecords: correlator.openRecords(),
      openBytes: correlator.openBytes(),
      maxOpenBytes,
    });
  }

  /** An exporter that never worked keeps the bridge from being ready. One that worked before does not: the journal keeps what comes. */
  function notReadyReason(): string | undefined {
    return rebuildReason() ?? (describeProblems(pipeline.stats(), false).join('; ') || undefined);
  }

  function rebuildReason(): string | undefined {
    if (state === 'created') return 'the bridge is not started';
    if (isReady) return undefined;
    const { records, events, ofEvents } = rebuildProgress();
    return `the state is being rebuilt from the journal: ${records} records of the checkpoint, ${events} of ${ofEvents} events since then`;
  }

  const warnings = (): readonly string[] => describeProblems(pipeline.stats(), true);

  function rebuildProgress(): RebuildProgress {
    const ofEvents = (durable?.restoredUntil ?? 0) - firstCursor;
    return { records: restoredRecords, events: Math.min(pump.cursor() - firstCursor, ofEvents), ofEvents };
  }

  function onRebuilt(): void {
    correlator.configure(correlateOptions);
    if (durable === undefined) return;
    const durationMs = clock.now() - startedMs;
    telemetry.rebuilt({ ...rebuildProgress(), durationMs, openAttempts: correlator.openAttempts() });
  }

  async function rebuildAndPump(): Promise<void> {
    const done = new AbortController();
    const telling = tellRebuilding(done.signal);
    if (durable !== undefined)
      await takeUpCheckpoint(durable, correlator, scheduler, (count) => (restoredRecords += count), abortPump.signal);
    if (durable !== undefined && view !== undefined) await retellTo(view, correlator, scheduler);
    await pump.run(abortPump.signal);
    done.abort();
    await telling;
  }

  async function tellRebuilding(signal: AbortSignal): Promise<void> {
    while (rebuildReason() !== undefined && !signal.aborted) {
      await clock.sleep(REBUILDING_INTERVAL_MS, signal);
      if (rebuildReason() !== undefined && !signal.aborted) telemetry.rebuilding(rebuildProgress());
    }
  }

  function reportFinished({ lifecycle, spans }: Output<ReadableSpan>, atMs: number): void {
    countFinished(telemetry, lifecycle);
    view?.finished(lifecycle, atMs);
    if (spans === undefined) telemetry.spansSampledOut(mapping.count(lifecycle));
    if (lifecycle.kind !== 'job') return;
    const traceId = traceIdOf(lifecycle.trace);
    const spanId = jobSpanId(lifecycle.session, lifecycle.jobId);
    if (!isFirstLine(`${traceId}${spanId}`)) return;
    const hasLink = spans !== undefined && settings.traceUrl !== undefined;
    telemetry.jobFinished(describeJob(lifecycle, traceId, hasLink ? traceUrlOf(settings.traceUrl, traceId, spanId) : undefined));
  }

  /** Remembers which jobs were logged as it remembers which spans were delivered: a journal that is worked through again logs none twice. */
  function isFirstLine(key: SpanKey): boolean {
    if (durable?.wasDelivered(JOB_LOG, key) === true) return false;
    durable?.noteDelivered(JOB_LOG, Buffer.from(key, 'hex'));
    return true;
  }

  function openView(): View {
    return createView({
      telemetry,
      scheduler,
      now: clock.now,
      // The journal's clock stands still while no process runs.
      heardAtMs: (journalMs) => clock.now() - Math.max(0, journal.nowMs() - journalMs),
      sleep: clock.sleep,
      readTokens: access.read,
      needsIngestToken: () => access.ingest.isRequired(),
      listenHost: settings.listen.host,
      traceUrl: settings.traceUrl,
      health: () => healthOf(state, notReadyReason() ?? pressure()?.message ?? warnings()[0], { ...stats(), nowMs: clock.now() }),
      ...(options.setupLines === undefined ? {} : { setupLines: options.setupLines }),
    });
  }

  async function start(): Promise<void> {
    if (state !== 'created') return;
    state = 'running';
    isReady = durable === undefined;
    startedMs = clock.now();
    pumping = rebuildAndPump();
    watching = watchFiles([...access.files, ...pipeline.files], {
      sleep: clock.sleep,
      signal: abortWatch.signal,
      onReload: telemetry.fileReloaded,
    });
    telemetry.bridgeStarted();
  }

  async function drainAndShutDown(timeoutMs: number): Promise<StopOutcome> {
    state = 'stopping';
    view?.close();
    abortWatch.abort();
    await watching;
    const deadlineMs = clock.now() + timeoutMs;
    const inTime = new AbortController();
    const timeout = clock.sleep(timeoutMs, inTime.signal).then(() => abortPump.abort());
    pump.finish();
    // Ends the waits for a backend that may be back by now.
    await pipeline.drain(0);
    await pumping;
    inTime.abort();
    await timeout;
    const queued = await pipeline.drain(Math.max(0, deadlineMs - clock.now()));
    const heldSpans = pump.held().reduce((sum, { spans = [] }) => sum + spans.length, 0);
    if (queued.undelivered === 0) await pump.checkpoint();
    await pipeline.shutdown();
    const isKept = durable !== undefined && journal.stats().unwritable === undefined;
    await journal.close();
    await quarantine?.close(QUARANTINE_CLOSE_MS);
    state = 'stopped';
    const { openAttempts, openJobs } = correlator.stats();
    const outcome = { undelivered: queued.undelivered + heldSpans, unreadEvents: journal.stats().entries, isKept };
    telemetry.bridgeStopped({ ...outcome, openAttempts, openJobs });
    return outcome;
  }

  const stats = (): BridgeStats => ({
    state,
    journal: journal.stats(),
    correlator: correlator.stats(),
    exported: pipeline.stats(),
    seenEventIds: seenEvents.size(),
    quarantineQueued: quarantine?.queuedEntries() ?? 0,
  });
  telemetry.readFrom(() =>
    readingsOf({
      ...stats(),
      maxOpenAttempts: settings.maxOpenAttempts,
      maxOpenBytes,
      endpoints: exporters.flatMap(({ endpoint }) => (endpoint === undefined ? [] : endpointOrigin(endpoint))),
      nowMs: clock.now(),
      view: view?.stats(),
    }),
  );

  return {
    app: createReceiver({
      journal,
      telemetry: view?.watchIntake(telemetry) ?? telemetry,
      limits,
      notReadyReason,
      warnings,
      pressure,
      scheduler,
      seenEvents,
      ingestTokens: access.ingest,
      readTokens: access.read,
      listenHost: settings.listen.host,
      ...(view === undefined ? {} : { mountPages: view.mount }),
      ...(quarantine === undefined ? {} : { onRejected: quarantine.addEvent }),
    }),
    start,
    stop: ({ timeoutMs = settings.drainTimeoutMs } = {}) => (stopping ??= drainAndShutDown(timeoutMs)),
    stats,
  };
}
