import type { Hono } from 'hono';
import type { TokenSet } from '../http/index.ts';
import type { Applied, ReadModel, Watcher } from '../correlate/index.ts';
import type { RayEvent } from '../event/index.ts';
import type { ReceiverTelemetry } from '../receiver/index.ts';
import type { Scheduler } from '../runtime/index.ts';
import { createApi } from './api.ts';
import type { ViewLimits } from './limits.ts';
import { ViewModel } from './model.ts';
import { blockedSeconds } from './blocked.ts';
import { buildPage } from './page.ts';
import type { Health } from './shapes.ts';
import type { StreamLimits } from './stream.ts';
import { IntakeCounts } from './watch-intake.ts';

export interface ViewOptions {
  /** What the correlator knows. */
  readonly entities: ReadModel;
  readonly readTokens: TokenSet;
  readonly needsIngestToken: () => boolean;
  readonly listenHost: string;
  readonly traceUrl: string | undefined;
  /**
   * Shell lines that make Ray send its events; `{url}` stands for the address to post to. Default:
   * none.
   */
  readonly setupLines?: readonly string[];
  readonly health: () => Health;
  readonly scheduler: Scheduler;
  readonly now: () => number;
  /**
   * Converts a time of the journal's clock to the clock of `now`. Default: the clocks are the same.
   */
  readonly fromJournalMs?: (journalMs: number) => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly telemetry: ReceiverTelemetry;
  readonly limits?: Partial<ViewLimits>;
  readonly streamLimits?: Partial<StreamLimits>;
}

export interface ViewStats {
  readonly openAttempts: number;
  readonly rows: number;
  readonly nodeSeries: number;
  readonly jobsLeftOut: number;
  readonly streams: number;
  readonly streamsCut: number;
  /** How long jobs have been blocked, by session and job id: those blocked longest, up to a limit. */
  readonly blockedSeconds: ReadonlyMap<string, number>;
}

/** The live page and its API. Errors inside the view are logged and never reach the pipeline. */
export interface View {
  /** Adds an event that the correlator has applied. `receivedAtMs` is on the journal's clock. */
  readonly observe: (event: RayEvent, applied: Applied, receivedAtMs: number) => void;
  /** Shows what the correlator knows from an earlier process. Pauses after each step. */
  readonly restore: () => Iterable<void>;
  /** For the correlator. */
  readonly watcher: Watcher;
  /** Adds the routes. Call it before the receiver adds its own. */
  readonly mount: (app: Hono) => void;
  /** Wraps the receiver's telemetry, so that the view counts incoming events too. */
  readonly watchIntake: (telemetry: ReceiverTelemetry) => ReceiverTelemetry;
  stats(): ViewStats;
  /** Closes all streams. */
  close(): void;
}

export function createView(options: ViewOptions): View {
  const { now, telemetry, fromJournalMs = (ms) => ms } = options;
  const model = new ViewModel(options.entities, options.limits);
  const intake = new IntakeCounts();
  const sinceMs = now();
  const page = buildPage();
  const api = createApi({ setupLines: [], ...options, model, intake, sinceMs: () => sinceMs });

  function guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      telemetry.internalError('view', error);
    }
  }

  return {
    // The same as `guarded`, without a closure for each event.
    observe: (event, applied, receivedAtMs) => {
      try {
        model.observe(event, fromJournalMs(receivedAtMs), applied);
      } catch (error) {
        telemetry.internalError('view', error);
      }
    },
    *restore() {
      try {
        yield* model.restore(fromJournalMs);
      } catch (error) {
        telemetry.internalError('view', error);
      }
    },
    watcher: {
      finished: (lifecycle, how, atMs) => guarded(() => model.finished(lifecycle, fromJournalMs(atMs), how)),
      hasSpan: (lifecycle) => guarded(() => model.hasSpan(lifecycle)),
      moved: (task, fromJobId) => guarded(() => model.moved(task, fromJobId)),
    },
    mount(app) {
      api.mount(app);
      app.get('/', (context) => api.guard(context, true) ?? context.body(page.html, 200, page.headers));
    },
    watchIntake: (receiverTelemetry) => intake.watch(receiverTelemetry, now),
    stats() {
      const { clients, cut } = api.stream.stats();
      return {
        openAttempts: model.attempts.open,
        rows: model.attempts.rows,
        nodeSeries: model.attempts.nodeSeries,
        jobsLeftOut: model.leftOut.jobs,
        streams: clients,
        streamsCut: cut,
        blockedSeconds: blockedSeconds(model, now()),
      };
    },
    close: () => api.stream.close(),
  };
}
