/* oxlint-disable oxc/no-async-endpoint-handlers -- Hono, unlike Express, hands a rejection to onError */
import { type Context, Hono } from 'hono';
import {
  createTokenSet,
  type TokenSet,
  createBodyBuffers,
  createByteBudget,
  AUTHENTICATE,
  peerOf,
  refuseBrowser,
  refuseScrape,
  refuseUnauthenticated,
  type Refusal,
  refuse,
  STATUS_OF_REFUSAL,
} from '../http/index.ts';
import { decodeEvent, EventScanner } from '../event/index.ts';
import type { Journal } from '../journal/index.ts';
import type { DecodeEvent } from './decode-batch.ts';
import { createIntake } from './intake.ts';
import { DEFAULT_RECEIVER_LIMITS, type ReceiverLimits } from './limits.ts';
import { type BatchReceiverOptions, type OnRejected, type Pressure, type ReceivedBatch, receiveBatch } from './receive-batch.ts';
import type { ReceiverTelemetry } from './receiver-telemetry.ts';
import { createSeenEvents, type SeenEvents } from './seen-events.ts';
import { createScheduler, type Scheduler } from '../runtime/index.ts';

export interface ReceiverOptions {
  readonly journal: Journal;
  readonly telemetry: ReceiverTelemetry;
  /** What is left out takes its default. */
  readonly limits?: Partial<ReceiverLimits>;
  /** A clock that never steps, in milliseconds; measures how long an answer took. Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** Undefined once the bridge can do its work; else why not. */
  readonly notReadyReason: () => string | undefined;
  /** What is wrong although the bridge is ready, for `/readyz`. Default: nothing. */
  readonly warnings?: () => readonly string[];
  /** Undefined while the bridge takes events in; else why not, and when to come back. */
  readonly pressure: () => Pressure | undefined;
  /** Shown by who posts. Default: none is asked for. */
  readonly ingestTokens?: TokenSet;
  /** Shown by who reads the metrics. Default: none is asked for. */
  readonly readTokens?: TokenSet;
  /** Where it listens, as it was configured: a name by which browsers may read the metrics. Default: none. */
  readonly listenHost?: string;
  readonly onRejected?: OnRejected;
  /** Given by whoever shares the event loop with the receiver. */
  readonly scheduler?: Scheduler;
  readonly seenEvents?: SeenEvents;
  /** Adds routes for readers, before those of this receiver. */
  readonly mountPages?: (app: Hono) => void;
  /** Default `decodeEvent`, and an `EventScanner` before it. */
  readonly decode?: DecodeEvent;
}

/**
 * `/t/` comes before a token, for senders whose URL may not have a user part. It is no label and no text of a log line, and
 * any token will do while none is asked for.
 */
const POST_PATHS = ['/', '/v1/events', '/t/:token', '/t/:token/v1/events'];

/** Everything a sender or a probe can ask, mountable in another Hono app. It answers in JSON, and never with a redirect: Ray takes one for success. */
export function createReceiver(options: ReceiverOptions): Hono {
  const { journal, telemetry } = options;
  const limits = { ...DEFAULT_RECEIVER_LIMITS, ...options.limits };
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const ingestTokens = options.ingestTokens ?? createTokenSet([]);
  const readTokens = options.readTokens ?? createTokenSet([]);
  const seenEvents = options.seenEvents ?? createSeenEvents(limits.maxRememberedEvents);
  const batchOptions: BatchReceiverOptions = {
    intake: createIntake(journal, seenEvents),
    budget: createByteBudget(limits.maxInFlightBytes),
    buffers: createBodyBuffers(),
    limits,
    scheduler: options.scheduler ?? createScheduler(),
    decode: options.decode ?? decodeEvent,
    scanner: options.decode === undefined ? new EventScanner() : undefined,
    telemetry,
    pressure: options.pressure,
    ...(options.onRejected === undefined ? {} : { onRejected: options.onRejected }),
  };

  async function post(context: Context): Promise<Response> {
    const startMs = monotonicMs();
    const received = refuseBrowser(context) ?? refuseUnauthenticated(context, ingestTokens) ?? (await receiveBatch(context, batchOptions));
    const response = received.ok ? answerReceived(context, received) : answerRefusal(context, received);
    if (received.ok) telemetry.batchAccepted(received);
    else telemetry.batchRefused(received.code, received.message, peerOf(context));
    telemetry.batchAnswered({ status: response.status, durationMs: monotonicMs() - startMs, bytes: received.ok ? received.bytes : 0 });
    return response;
  }

  async function readyz(context: Context): Promise<Response> {
    const reason = options.notReadyReason() ?? options.pressure()?.message;
    if (reason !== undefined) return context.json({ status: 'not ready', reason }, 503);
    const warnings = options.warnings?.() ?? [];
    return context.json({ status: 'ready', ...(warnings.length === 0 ? {} : { warnings }) });
  }

  async function metrics(context: Context): Promise<Response> {
    const refusal = refuseScrape(context, { readTokens, listenHost: options.listenHost ?? '' });
    if (refusal !== undefined) {
      telemetry.readRefused(refusal.code, refusal.message, peerOf(context));
      return answerRefusal(context, refusal);
    }
    const { contentType, text } = await telemetry.metricsPage();
    return context.body(text, 200, { 'content-type': contentType });
  }

  const app = new Hono({ strict: false });
  app.use(async (context, next) => {
    await next();
    context.header('x-content-type-options', 'nosniff');
    context.header('cache-control', 'no-store');
  });
  options.mountPages?.(app);
  for (const path of POST_PATHS) {
    app.post(path, post);
    app.all(path, (context) => answerMethod(context, 'POST'));
  }
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', readyz);
  app.get('/metrics', metrics);
  for (const path of ['/healthz', '/readyz', '/metrics']) app.all(path, (context) => answerMethod(context, 'GET, HEAD'));
  app.notFound((context) =>
    answerRefusal(context, refuse('not_found', 'nothing is here; Ray posts to / or /v1/events; see also /healthz, /readyz, /metrics')),
  );
  app.onError((error, context) => {
    telemetry.internalError('receiver', error);
    return answerRefusal(context, refuse('internal_error', 'the bridge failed; its log says why'));
  });
  return app;
}

function answerReceived(context: Context, { accepted, duplicates, batch }: ReceivedBatch): Response {
  const errors = batch.firstRejected.map(({ index, rejection }) => ({ index, code: rejection.code, message: rejection.message }));
  return context.json({ accepted, duplicates, rejected: batch.rejectedCount, errors });
}

function answerRefusal(context: Context, refusal: Refusal): Response {
  if (refusal.retryAfterMs !== undefined) context.header('retry-after', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000))));
  const status = STATUS_OF_REFUSAL[refusal.code];
  if (status === 401) context.header('www-authenticate', AUTHENTICATE);
  return context.json({ error: { code: refusal.code, message: refusal.message } }, status);
}

function answerMethod(context: Context, allow: string): Response {
  context.header('allow', allow);
  return answerRefusal(context, refuse('method_not_allowed', `use ${allow}`));
}
