import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Hono } from 'hono';
import type { Access, AnswerDirectly } from '../http/index.ts';
import { watchFiles, type Clock, systemClock, createScheduler } from '../runtime/index.ts';
import { accessOf, batchingOf, type Environment, exportersOf, memoryLimit } from './parts.ts';
import { countFinished, describeJob, describeOutbox, describeProblems, healthOf, readingsOf } from './readings.ts';
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
import { createMemoryJournal, type Journal, type JournalStats, type OutboxStats } from '../journal/index.ts';
import { defaultOpenBytes, pressureOf } from './pressure.ts';
import { createPump } from '../pump.ts';
import { restoreCheckpoint, restoredOptions, restoreView, sequenceOptionsOf } from './rebuild.ts';
import { createSwitchingMapping } from './span-settings.ts';
import { createQuarantine, quarantineFolder } from '../quarantine/index.ts';
import { createForwarder, type ForwardedPost, type ForwardStats, MAX_REQUIRED_WAIT_MS } from '../forward/index.ts';
import { createReceiver, createSeenEvents, DEFAULT_RECEIVER_LIMITS, type Pressure, type ReceiverLimits } from '../receiver/index.ts';
import { jobSpanId, traceIdOf, traceUrlOf } from '../span/index.ts';
import { createView, type View } from '../view/index.ts';

/**
 * The name under which the journal remembers how many finished entities the log has seen, so that a
 * replay logs no job twice.
 */
const JOB_LOG = '(log of finished jobs)';

/** Maximum time to write queued quarantine entries at shutdown. */
const QUARANTINE_CLOSE_MS = 1000;
/** Maximum time to send posts on at shutdown. */
const FORWARD_CLOSE_MS = 2000;

/** Interval of the log lines about the progress of a restore. */
const RESTORE_LOG_INTERVAL_MS = 5_000;
/**
 * Up to this backlog, some seconds of work, senders have priority. Above it the pump gets more of
 * the event loop.
 */
const MAX_BACKLOG_ENTRIES = 500_000;

export interface BridgeOptions {
  /**
   * Receives the spans. Default: `exporters`, or else the exporters that the `OTEL_*` variables of
   * `env` describe.
   */
  readonly exporter?: SpanExporter;
  readonly exporters?: readonly NamedExporter[];
  /**
   * Default: a journal in memory, limited to `settings.maxJournalBytes`. `openDiskJournal` opens
   * one that outlives the process. The bridge closes it when it stops.
   */
  readonly journal?: Journal;
  /** Overrides of the default settings. */
  readonly settings?: Partial<Settings>;
  /** Default: JSON lines on stderr, at `settings.logLevel`. */
  readonly telemetry?: Telemetry;
  /** The tokens for posting and reading. Default: those in `settings`. */
  readonly access?: Access;
  /** Default `process.env`. Only `OTEL_*` variables are read. */
  readonly env?: Environment;
  /** Default: the system clock. */
  readonly clock?: Clock;
  readonly receiverLimits?: Partial<ReceiverLimits>;
  readonly exportLimits?: Partial<ExportLimits>;
  /**
   * With `settings.view` = `on`: shell commands that the page shows before the first event. `{url}`
   * is replaced by the address that Ray posts to.
   */
  readonly setupLines?: readonly string[];
  /** Called once for each span that an exporter permanently refused. */
  readonly onRefused?: OnRefused;
}

export interface BridgeStats {
  readonly state: BridgeState;
  readonly journal: JournalStats;
  readonly correlator: CorrelatorStats;
  readonly exported: ExportStats;
  /** Undefined without a journal on disk. */
  readonly outbox: OutboxStats | undefined;
  readonly seenEventIds: number;
  /** Entries waiting to be written to quarantine. */
  readonly quarantineQueued: number;
  /** Bytes that wait for each consumer of `forwardTo`. */
  readonly forwarding: readonly ForwardStats[];
}

export type BridgeState = 'created' | 'running' | 'stopping' | 'stopped';

export interface StopOutcome {
  /** Finished spans that were not delivered. */
  readonly undelivered: number;
  /** Accepted events that the pump did not read from the journal. */
  readonly unreadEvents: number;
  /** True when the journal outlives the process: the next start continues with the rest. */
  readonly isKept: boolean;
}

/** Receives Ray's events over HTTP and sends spans through exporters. */
export interface Bridge {
  /**
   * Routes: `POST /`, `POST /v1/events`, `GET /healthz`, `/readyz`, `/metrics`; with
   * `settings.view` = `on` also `GET /` and `/api/v1`. Mount it in a Hono app, or serve
   * `app.fetch`.
   */
  readonly app: Hono;
  /**
   * For a server of Node's `http`: answers posts without the cost of web objects. Returns false for
   * requests that `app` answers.
   */
  readonly answerDirectly: AnswerDirectly;
  /**
   * Restores the state of the previous process from the journal, and starts the pump. `/readyz`
   * answers 200 once the state is restored. Idempotent.
   */
  start(): Promise<void>;
  /**
   * Stops accepting events, processes the accepted ones, delivers finished spans, and shuts the
   * exporters down, within `timeoutMs` (default `settings.drainTimeoutMs`). Unfinished and
   * undelivered work stays in a journal on disk; without one it is lost. Idempotent.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<StopOutcome>;
  stats(): BridgeStats;
}

/**
 * Builds the stages and connects them. Throws an error with every problem when the `OTEL_*`
 * variables or token files are unusable.
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
  // A journal in memory must not grow for the sake of faster answers, so the background always gets
  // whole slices.
  const scheduler = createScheduler({ isBackgroundBehind: () => durable === undefined || journal.stats().entries > MAX_BACKLOG_ENTRIES });
  const limits = { ...DEFAULT_RECEIVER_LIMITS, maxBodyBytes: settings.maxBodyBytes, ...options.receiverLimits };
  const seenEvents = createSeenEvents(limits.maxRememberedEvents);
  const maxOpenBytes = settings.maxOpenBytes ?? defaultOpenBytes();
  const sequenceOptions = sequenceOptionsOf(settings, env, maxOpenBytes);
  const previousOptions = restoredOptions(durable, sequenceOptions);
  const mapping = createSwitchingMapping(previousOptions.spans, (error) => telemetry.internalError('span', error));
  const correlator = createCorrelator({
    ...previousOptions.correlate,
    mapping,
  });
  const view = settings.view === 'off' ? undefined : openView();
  // The page and the metrics count at the same moment, however long the spans wait for the exporters.
  correlator.watch({
    finished(lifecycle, how, nowMs) {
      countFinished(telemetry, lifecycle, how);
      view?.watcher.finished(lifecycle, how, nowMs);
    },
    hasSpan(lifecycle) {
      telemetry.lifecycleFinished(lifecycle.kind);
      view?.watcher.hasSpan(lifecycle);
    },
    moved: (task, fromJobId) => view?.watcher.moved(task, fromJobId),
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
  const forwarder =
    settings.forwardTo.length === 0
      ? undefined
      : createForwarder({
          targets: settings.forwardTo,
          clock,
          onEvent: telemetry.forwardEvent,
          maxWaitingBytes: settings.maxForwardBytes,
          retryForMs: settings.forwardRetryForMs,
        });
  const exporters = exportersOf(options, env);
  const pipeline = createExportPipeline({
    ...batchingOf(settings, env),
    ...options.exportLimits,
    maxQueuedSpans: settings.maxQueuedSpans,
    exporters,
    clock,
    onEvent: telemetry.exportEvent,
    onRefused: (span, reason, name) => {
      quarantine?.addSpan(span, reason, name);
      options.onRefused?.(span, reason, name);
    },
    ...(durable === undefined ? {} : { outbox: durable.outbox }),
  });
  // Another release may give other spans for the events that are replayed.
  if (previousOptions.release !== sequenceOptions.release) pipeline.forgetPrevious();
  const firstCursor = journal.stats().releasedCursor;
  const pump = createPump({
    journal,
    correlator,
    pipeline,
    scheduler,
    sleep: clock.sleep,
    sequenceOptions,
    onReady: () => (isReady = true),
    onRebuilt,
    onFinished: reportFinished,
    ...(view === undefined ? {} : { onApplied: view.observe }),
    onBug: telemetry.internalError,
  });

  let state: BridgeState = 'created';
  let isReady = false;
  /** Finished entities that the log has seen. */
  let loggedOutputs = durable?.outbox.delivered(JOB_LOG) ?? 0;
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
      outboxFull: durable?.outbox.stats().full,
      openAttempts: correlator.openAttempts(),
      maxOpenAttempts: settings.maxOpenAttempts,
      openRecords: correlator.openRecords(),
      openBytes: correlator.openBytes(),
      maxOpenBytes,
    });
  }

  /**
   * An exporter that never worked makes the bridge not ready. One that worked before does not: the
   * journal keeps the events.
   */
  function notReadyReason(): string | undefined {
    return restoreReason() ?? (describeProblems(pipeline.stats(), false).join('; ') || undefined);
  }

  function restoreReason(): string | undefined {
    if (state === 'created') return 'the bridge has not started';
    if (isReady) return undefined;
    const { records, events, ofEvents } = restoreProgress();
    return `restoring the state from the journal: ${records} records of the checkpoint, ${events} of ${ofEvents} later events`;
  }

  const warnings = (): readonly string[] => [...describeProblems(pipeline.stats(), true), ...describeOutbox(durable?.outbox.stats())];

  function restoreProgress(): RebuildProgress {
    const ofEvents = (durable?.restoredUntil ?? 0) - firstCursor;
    return { records: restoredRecords, events: Math.min(pump.cursor() - firstCursor, ofEvents), ofEvents };
  }

  function onRebuilt(outputs: number): void {
    correlator.configure(sequenceOptions.correlate);
    mapping.use(sequenceOptions.spans);
    loggedOutputs = Math.min(loggedOutputs, outputs);
    if (durable === undefined) return;
    const durationMs = clock.now() - startedMs;
    telemetry.rebuilt({ ...restoreProgress(), durationMs, openAttempts: correlator.openAttempts() });
  }

  async function restoreAndPump(): Promise<void> {
    const done = new AbortController();
    const logging = logRestore(done.signal);
    if (durable !== undefined)
      await restoreCheckpoint(durable, correlator, scheduler, (count) => (restoredRecords += count), abortPump.signal);
    if (durable !== undefined && view !== undefined) await restoreView(view, scheduler);
    await pump.run(abortPump.signal);
    done.abort();
    await logging;
  }

  async function logRestore(signal: AbortSignal): Promise<void> {
    while (restoreReason() !== undefined && !signal.aborted) {
      await clock.sleep(RESTORE_LOG_INTERVAL_MS, signal);
      if (restoreReason() !== undefined && !signal.aborted) telemetry.rebuilding(restoreProgress());
    }
  }

  function reportFinished({ lifecycle, spans }: Output<ReadableSpan>, number: number): void {
    if (spans === undefined) telemetry.spansSampledOut(mapping.count(lifecycle));
    if (lifecycle.kind !== 'job' || number < loggedOutputs) return;
    loggedOutputs = number + 1;
    durable?.outbox.noteDelivered(JOB_LOG, loggedOutputs);
    const traceId = traceIdOf(lifecycle.trace);
    const spanId = jobSpanId(lifecycle.session, lifecycle.jobId);
    const hasLink = spans !== undefined && settings.traceUrl !== undefined;
    telemetry.jobFinished(describeJob(lifecycle, traceId, hasLink ? traceUrlOf(settings.traceUrl, traceId, spanId) : undefined));
  }

  function openView(): View {
    return createView({
      entities: correlator.entities,
      telemetry,
      scheduler,
      now: clock.now,
      // The journal's clock stops while no process runs.
      fromJournalMs: (journalMs) => clock.now() - Math.max(0, journal.nowMs() - journalMs),
      sleep: clock.sleep,
      readTokens: access.read,
      needsIngestToken: () => access.ingest.isRequired(),
      listenHost: settings.listen.host,
      traceUrl: settings.traceUrl,
      health: () => healthOf(state, notReadyReason() ?? pressure()?.message ?? warnings()[0], { ...stats(), nowMs: clock.now() }),
      ...(options.setupLines === undefined ? {} : { setupLines: options.setupLines }),
    });
  }

  /** Sends an accepted post on. Waits for the consumers only when they must take it. */
  function forward(post: ForwardedPost): Promise<string | undefined> | undefined {
    if (settings.forwardRequired) return forwarder?.forwardAll(post, MAX_REQUIRED_WAIT_MS);
    forwarder?.forward(post);
    return undefined;
  }

  async function start(): Promise<void> {
    if (state !== 'created') return;
    state = 'running';
    isReady = durable === undefined;
    startedMs = clock.now();
    pumping = restoreAndPump();
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
    // Ends backoffs, because the backend may work again.
    await pipeline.drain(0);
    await pumping;
    inTime.abort();
    await timeout;
    const queued = await pipeline.drain(Math.max(0, deadlineMs - clock.now()));
    const heldSpans = pump.held().reduce((sum, { spans = [] }) => sum + spans.length, 0);
    await pump.checkpoint();
    await pipeline.shutdown();
    const isKept = durable !== undefined && journal.stats().unwritable === undefined;
    await journal.close();
    await quarantine?.close(QUARANTINE_CLOSE_MS);
    await forwarder?.close(FORWARD_CLOSE_MS);
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
    outbox: durable?.outbox.stats(),
    seenEventIds: seenEvents.size(),
    quarantineQueued: quarantine?.queuedEntries() ?? 0,
    forwarding: forwarder?.stats() ?? [],
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
    ...createReceiver({
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
      ...(forwarder === undefined ? {} : { forward }),
      ...(view === undefined ? {} : { mountPages: view.mount }),
      ...(quarantine === undefined ? {} : { onRejected: quarantine.addEvent }),
    }),
    start,
    stop: ({ timeoutMs = settings.drainTimeoutMs } = {}) => (stopping ??= drainAndShutDown(timeoutMs)),
    stats,
  };
}
