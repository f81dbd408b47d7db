/* oxlint-disable oxc/no-async-endpoint-handlers -- Hono, unlike Express, hands a rejection to onError */
import { type Context, Hono } from 'hono';
import {
  createTokenSet,
  type TokenSet,
  createBodyBuffers,
  createByteBudget,
  ANSWER_HEADERS,
  type AnswerDirectly,
  answerRefusal,
  JSON_HEADERS,
  peerOf,
  type PostAnswer,
  postOfContext,
  postOfIncoming,
  type PostRequest,
  sendAnswer,
  refuseBrowser,
  refuseScrape,
  refusedAnswer,
  refuseUnauthenticated,
  responseOf,
  type Refusal,
  refuse,
} from '../http/index.ts';
import { decodeEvent, EventScanner } from '../event/index.ts';
import type { Journal } from '../journal/index.ts';
import type { DecodeEvent } from './decode-batch.ts';
import { createIntake } from './intake.ts';
import { DEFAULT_RECEIVER_LIMITS, type ReceiverLimits } from './limits.ts';
import {
  type BatchReceiverOptions,
  type ForwardPost,
  type OnRejected,
  type Pressure,
  type ReceivedBatch,
  receiveBatch,
} from './receive-batch.ts';
import type { ReceiverTelemetry } from './receiver-telemetry.ts';
import { createSeenEvents, type SeenEvents } from './seen-events.ts';
import { createScheduler, type Scheduler } from '../runtime/index.ts';

export interface ReceiverOptions {
  readonly journal: Journal;
  readonly telemetry: ReceiverTelemetry;
  /** Overrides of the default limits. */
  readonly limits?: Partial<ReceiverLimits>;
  /**
   * A clock that never steps, in milliseconds, for the duration of answers. Default
   * `performance.now`.
   */
  readonly monotonicMs?: () => number;
  /** Why the bridge is not ready; undefined when it is. */
  readonly notReadyReason: () => string | undefined;
  /** Problems of a ready bridge, for `/readyz`. Default: none. */
  readonly warnings?: () => readonly string[];
  /** Why the bridge refuses posts, and when to retry; undefined while it accepts them. */
  readonly pressure: () => Pressure | undefined;
  /** Tokens accepted from senders. Default: no authentication. */
  readonly ingestTokens?: TokenSet;
  /** Tokens accepted from readers of the metrics. Default: no authentication. */
  readonly readTokens?: TokenSet;
  /** The host of `--listen`: a name under which browsers may read the metrics. Default: none. */
  readonly listenHost?: string;
  readonly onRejected?: OnRejected;
  /** Shared with other work on the event loop. Default: a scheduler of its own. */
  readonly scheduler?: Scheduler;
  readonly seenEvents?: SeenEvents;
  /** Default: posts are not sent on. */
  readonly forward?: ForwardPost;
  /** Adds routes before those of the receiver. */
  readonly mountPages?: (app: Hono) => void;
  /** Default: an `EventScanner`, then `decodeEvent`. */
  readonly decode?: DecodeEvent;
}

/**
 * A token follows `/t/`, for senders whose URL cannot have a user part. Labels and log lines never
 * contain it. Without authentication any token is accepted.
 */
const POST_PATHS = ['/', '/v1/events', '/t/:token', '/t/:token/v1/events'];

/** The same paths, for posts that do not go through Hono. An encoded token is left to Hono. */
const PLAIN_POST_PATH = /^(?:\/t\/([\w.~-]+))?(?:\/|\/v1\/events)?$/;

export interface Receiver {
  /** All routes, mountable in another Hono app. */
  readonly app: Hono;
  /**
   * Answers posts by Node's own objects, for half of what Hono's server costs a small post. Returns
   * false for all that is not plainly a post. The rules and the answers are those of the routes.
   */
  readonly answerDirectly: AnswerDirectly;
}

/**
 * The routes for senders and probes, mountable in another Hono app. Answers JSON, and never a
 * redirect: Ray treats one as success.
 */
export function createReceiver(options: ReceiverOptions): Receiver {
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
    ...(options.forward === undefined ? {} : { forward: options.forward }),
  };

  async function answerPost(request: PostRequest): Promise<PostAnswer> {
    const startMs = monotonicMs();
    try {
      const received =
        refuseBrowser(request) ?? refuseUnauthenticated(request, ingestTokens) ?? (await receiveBatch(request, batchOptions));
      const refusal = received.ok ? forwardRefusal(received) : received;
      if (received.ok) telemetry.batchAccepted(received);
      if (refusal !== undefined) telemetry.batchRefused(refusal.code, refusal.message, request.from);
      const answer = received.ok && refusal === undefined ? acceptedAnswer(received) : refusedAnswer(refusal ?? INTERNAL_ERROR);
      telemetry.batchAnswered({ status: answer.status, durationMs: monotonicMs() - startMs, bytes: received.ok ? received.bytes : 0 });
      return answer;
    } catch (error) {
      telemetry.internalError('receiver', error);
      return refusedAnswer(INTERNAL_ERROR);
    }
  }

  const post = async (context: Context): Promise<Response> => responseOf(context, await answerPost(postOfContext(context)));

  const answerDirectly: AnswerDirectly = (incoming, outgoing) => {
    if (incoming.method !== 'POST') return false;
    const path = PLAIN_POST_PATH.exec(incoming.url ?? '');
    const request = path === null || incoming.url === '' ? undefined : postOfIncoming(incoming, path[1]);
    if (request === undefined) return false;
    void answerNow(request, incoming, outgoing);
    return true;
  };

  async function answerNow(request: PostRequest, ...objects: Parameters<AnswerDirectly>): Promise<void> {
    sendAnswer(await answerPost(request), ...objects);
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
    for (const [name, value] of Object.entries(ANSWER_HEADERS)) context.header(name, value);
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
    answerRefusal(context, refuse('not_found', 'no such path; Ray posts to / or /v1/events; see also /healthz, /readyz, /metrics')),
  );
  app.onError((error, context) => {
    telemetry.internalError('receiver', error);
    return answerRefusal(context, INTERNAL_ERROR);
  });
  return { app, answerDirectly };
}

const FORWARD_RETRY_AFTER_MS = 1000;
const INTERNAL_ERROR = refuse('internal_error', 'internal error in the bridge; see its log');

/** The events are accepted; Ray repeats the post for the other consumer, and the bridge knows them then. */
function forwardRefusal({ missedBy }: ReceivedBatch): Refusal | undefined {
  return missedBy === undefined
    ? undefined
    : refuse('forward_failed', `${missedBy} did not take the post; see --forward-required`, FORWARD_RETRY_AFTER_MS);
}

function acceptedAnswer({ accepted, duplicates, batch }: ReceivedBatch): PostAnswer {
  const errors = batch.firstRejected.map(({ index, rejection }) => ({ index, code: rejection.code, message: rejection.message }));
  return { status: 200, headers: JSON_HEADERS, text: JSON.stringify({ accepted, duplicates, rejected: batch.rejectedCount, errors }) };
}

function answerMethod(context: Context, allow: string): Response {
  context.header('allow', allow);
  return answerRefusal(context, refuse('method_not_allowed', `use ${allow}`));
}
