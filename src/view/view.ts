import type { Hono } from 'hono';
import type { TokenSet } from '../http/index.ts';
import type { Applied, AttemptLifecycle, Lifecycle, Retold } from '../correlate/index.ts';
import type { RayEvent } from '../event/index.ts';
import type { ReceiverTelemetry } from '../receiver/index.ts';
import type { Scheduler } from '../runtime/index.ts';
import { createApi } from './api.ts';
import type { ViewLimits } from './limits.ts';
import { ViewModel } from './model.ts';
import { buildPage } from './page.ts';
import type { Health } from './shapes.ts';
import type { StreamLimits } from './stream.ts';
import { IntakeCounts } from './watch-intake.ts';

export interface ViewOptions {
  readonly readTokens: TokenSet;
  readonly needsIngestToken: () => boolean;
  readonly listenHost: string;
  readonly traceUrl: string | undefined;
  /** What Ray needs to be told, for a shell; `{url}` stands for the address to post to. Default: nothing is shown. */
  readonly setupLines?: readonly string[];
  readonly health: () => Health;
  readonly scheduler: Scheduler;
  readonly now: () => number;
  /** A time of the journal's clock on the clock of `now`. Default: the two are one. */
  readonly heardAtMs?: (journalMs: number) => number;
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
}

/** What people see of the bridge while it runs. A fault in it stays in it. */
export interface View {
  /** An event that the correlator has applied, what it said to it, and when the event came, on the journal's clock. */
  readonly observe: (event: RayEvent, applied: Applied, receivedAtMs: number) => void;
  /** What a former process knew. */
  readonly takeUp: (retold: Retold) => void;
  /** `atMs`: when it was finished, on the journal's clock. */
  readonly finished: (lifecycle: Lifecycle, atMs: number) => void;
  /** An attempt that is finished and gets no span of its own. */
  readonly folded: (lifecycle: AttemptLifecycle) => void;
  /** The routes, to be mounted before those of the receiver. */
  readonly mount: (app: Hono) => void;
  /** The receiver tells the given telemetry what it told it before, and the view what came in. */
  readonly watchIntake: (telemetry: ReceiverTelemetry) => ReceiverTelemetry;
  stats(): ViewStats;
  /** Ends all streams. */
  close(): void;
}

export function createView(options: ViewOptions): View {
  const { now, telemetry, heardAtMs = (ms) => ms } = options;
  const model = new ViewModel(options.limits);
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
    // As `guarded`, without a closure for each event.
    observe: (event, applied, receivedAtMs) => {
      try {
        model.observe(event, heardAtMs(receivedAtMs), applied);
      } catch (error) {
        telemetry.internalError('view', error);
      }
    },
    takeUp: (retold) => guarded(() => model.takeUp(retold, heardAtMs)),
    finished: (lifecycle, atMs) => guarded(() => model.finished(lifecycle, heardAtMs(atMs))),
    folded: (lifecycle) => guarded(() => model.finished(lifecycle, now(), 'folded')),
    mount(app) {
      api.mount(app);
      app.get('/', (context) => api.guard(context, true) ?? context.body(page.html, 200, page.headers));
    },
    watchIntake: (heard) => intake.watch(heard, now),
    stats() {
      const { clients, cut } = api.stream.stats();
      return {
        openAttempts: model.attempts.open,
        rows: model.attempts.rows,
        nodeSeries: model.attempts.nodeSeries,
        jobsLeftOut: model.leftOut.jobs,
        streams: clients,
        streamsCut: cut,
      };
    },
    close: () => api.stream.close(),
  };
}
