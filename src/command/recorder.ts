import { type Context, Hono } from 'hono';
import { redactRawEvent } from '../event/index.ts';
import {
  type TokenSet,
  AUTHENTICATE,
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
  /** Shown by who posts. */
  readonly tokens: TokenSet;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly progress: Progress;
}

export interface Recorder {
  readonly app: Hono;
  /** Aborts when the file can't be written any more. */
  readonly failed: AbortSignal;
  /** Why it can't. */
  failure(): string | undefined;
  /** '12 posts with 3,400 events, 1.2 MiB'. */
  tally(): string;
}

/** Headers that tell nothing of who sent. */
const KEPT_HEADERS = ['content-type', 'content-length', 'content-encoding', 'user-agent'] as const;
const BRIDGE_PATH = /^\/(?:t\/\*{3}\/?)?(?:v1\/events)?$/;
/** Bodies in work at once, in multiples of the largest one. */
const MAX_BODIES_AT_ONCE = 4;

/** Answers posts at any path as a bridge does, and writes them without their secrets. */
export function createRecorder({ writer, maxBodyBytes, now, progress, tokens }: RecorderOptions): Recorder {
  const budget = createByteBudget(maxBodyBytes * MAX_BODIES_AT_ONCE);
  const failed = new AbortController();
  let failure: string | undefined;
  let posts = 0;
  let events = 0;
  let notRecorded = 0;
  const told = new Set<Refusal['code']>();

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
    if (notRecorded === 0 && outcome.code === 'file_limit')
      progress.line(`${outcome.message}: nothing more is written, posts are still answered`);
    notRecorded += 1;
    if (outcome.code === 'file_limit') return;
    failure = outcome.message;
    failed.abort();
  }

  function refused(context: Context, { code, message }: Refusal): Response {
    if (!told.has(code)) progress.line(`a post was refused: ${message}; more of this kind are not told`);
    told.add(code);
    const status = STATUS_OF_REFUSAL[code];
    if (status === 401) context.header('www-authenticate', AUTHENTICATE);
    return context.json({ error: { code, message } }, status);
  }

  const app = new Hono();
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  const post = async (context: Context): Promise<Response> => {
    const stranger = refuseBrowser(context) ?? refuseUnauthenticated(context, tokens);
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

/** A path that is none of a bridge may hold a key of somebody's own. */
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
