import { type Context, Hono } from 'hono';
import { redactRawEvent } from '../event/index.ts';
import {
  type TokenSet,
  AUTHENTICATE,
  headOf,
  createByteBudget,
  pathWithoutToken,
  readBody,
  refuseBrowser,
  refuseUnauthenticated,
  type Refusal,
  STATUS_OF_REFUSAL,
} from '../http/index.ts';
import type { RecordingWriter } from '../recording/index.ts';
import { formatBytes, formatCount } from '../terminal/index.ts';
import type { Progress } from './output.ts';

export interface RecorderOptions {
  readonly writer: RecordingWriter;
  readonly maxBodyBytes: number;
  /** Tokens accepted from senders. */
  readonly tokens: TokenSet;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly progress: Progress;
}

export interface Recorder {
  readonly app: Hono;
  /** Aborts when the file can no longer be written. */
  readonly failed: AbortSignal;
  /** Why the file can no longer be written. */
  failure(): string | undefined;
  /** '12 posts with 3,400 events, 1.2 MiB'. */
  tally(): string;
}

/** Headers that reveal nothing about the sender. */
const KEPT_HEADERS = ['content-type', 'content-length', 'content-encoding', 'user-agent'] as const;
const BRIDGE_PATH = /^\/(?:t\/\*{3}\/?)?(?:v1\/events)?$/;
/** Memory for concurrent bodies, in multiples of the largest body. */
const MAX_BODIES_AT_ONCE = 4;

/** Creates a server that answers posts at any path as a bridge does, and records them without their secrets. */
export function createRecorder({ writer, maxBodyBytes, now, progress, tokens }: RecorderOptions): Recorder {
  const budget = createByteBudget(maxBodyBytes * MAX_BODIES_AT_ONCE);
  const failed = new AbortController();
  let failure: string | undefined;
  let posts = 0;
  let events = 0;
  let notRecorded = 0;
  const reported = new Set<Refusal['code']>();

  const tally = (): string =>
    `${formatCount(posts, 'post')} with ${formatCount(events, 'event')}, ${formatBytes(writer.bytes())}${notRecorded > 0 ? `, ${formatCount(notRecorded, 'post')} not recorded` : ''}`;

  async function write(context: Context, received: readonly unknown[]): Promise<void> {
    const outcome = await writer.write({
      receivedAtMs: now(),
      path: recordedPath(new URL(context.req.url).pathname),
      headers: headersOf(context),
      body: JSON.stringify(received.map((event) => redactRawEvent(event))),
    });
    if (outcome.ok) {
      posts += 1;
      events += received.length;
      progress.update(tally);
      return;
    }
    const { problem } = outcome;
    if (notRecorded === 0 && problem.code === 'file_limit')
      progress.line(`${problem.message}: recording stops, but posts are still answered`);
    notRecorded += 1;
    if (problem.code === 'file_limit') return;
    failure = problem.message;
    failed.abort();
  }

  function refused(context: Context, { code, message }: Refusal): Response {
    if (!reported.has(code)) progress.line(`a post was refused: ${message}; further refusals of this kind are not shown`);
    reported.add(code);
    const status = STATUS_OF_REFUSAL[code];
    if (status === 401) context.header('www-authenticate', AUTHENTICATE);
    return context.json({ error: { code, message } }, status);
  }

  const app = new Hono();
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  const post = async (context: Context): Promise<Response> => {
    const head = headOf(context);
    const stranger = refuseBrowser(head) ?? refuseUnauthenticated(head, tokens);
    if (stranger !== undefined) return refused(context, stranger);
    const body = await readBody({
      body: context.req.raw.body,
      encoding: context.req.header('content-encoding'),
      contentLength: context.req.header('content-length'),
      maxBodyBytes,
      budget,
    });
    if (!body.ok) return refused(context, body);
    try {
      const received = eventsIn(body.bytes);
      if (received === undefined) return context.json({ error: { code: 'body_not_json', message: 'the body is not JSON' } }, 400);
      await write(context, received);
      return context.json({ accepted: received.length, duplicates: 0, rejected: 0, errors: [] });
    } finally {
      budget.giveBack(body.bytes.length);
    }
  };
  app.post('/t/:token/*', post);
  app.post('*', post);
  return { app, failed: failed.signal, failure: () => failure, tally };
}

/** The path to record. Hides a path that is not of a bridge, because it may contain a key. */
function recordedPath(path: string): string {
  const shown = pathWithoutToken(path);
  return BRIDGE_PATH.test(shown) ? shown : '/***';
}

function eventsIn(bytes: Buffer): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    const events: readonly unknown[] = Array.isArray(value) ? value : [value];
    return events;
  } catch {
    return undefined;
  }
}

function headersOf(context: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = context.req.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
