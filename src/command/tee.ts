import { type Context, Hono } from 'hono';
import { SETTINGS } from '../config.ts';
import { createForwarder, type Forwarder, type ForwardEvent, MAX_REQUIRED_WAIT_MS } from '../forward/index.ts';
import {
  answerRefusal,
  createByteBudget,
  listen,
  listenerSecurityWarnings,
  openListenerSecurity,
  postOfContext,
  readBody,
  refuse,
  refuseBrowser,
  refuseUnauthenticated,
  type TokenSet,
} from '../http/index.ts';
import { httpTargets, type Option, type Parse, parseOptions, switchValue } from '../options/index.ts';
import { failure, printable } from '../runtime/index.ts';
import { RECEIVING_OPTIONS } from './receiving-options.ts';
import { formatBytes, formatCount } from '../terminal/index.ts';
import { aborted, type Command, type CommandContext, done, failed, type Outcome, usage } from './command.ts';

const someTargets: Parse<readonly URL[]> = (text) =>
  text === '' ? failure('is required: the consumers, as in --to http://127.0.0.1:8084,http://bridge:8080') : httpTargets(text);

const OPTIONS = {
  listen: { ...SETTINGS.listen, default: '127.0.0.1:8085' },
  to: {
    flag: '--to',
    placeholder: '<url,...>',
    default: '',
    parse: someTargets,
    group: 'Receiving',
    help: 'The consumers, separated by commas; the flag can be repeated. Each post is sent to all of them, as it came.',
    isList: true,
  },
  required: {
    flag: '--required',
    isSwitch: true,
    placeholder: '',
    default: 'false',
    parse: switchValue,
    group: 'Receiving',
    help: 'Answer 200 only when every consumer has taken the post, and 503 otherwise. Ray then repeats the post, and the others see it twice.',
  },
  retryForMs: SETTINGS.forwardRetryForMs,
  maxForwardBytes: SETTINGS.maxForwardBytes,
  ...RECEIVING_OPTIONS,
} satisfies Record<string, Option<unknown>>;

export const teeCommand: Command = {
  name: 'tee',
  summary: "send Ray's posts to several consumers",
  usage: '--to URL [--to URL ...] [options]',
  description: [
    'Ray has one export address for a cluster. This process takes the posts and sends each of them to every consumer: a bridge and the collector of a History Server, for example. It keeps nothing on disk and reads no event.',
    'By default a consumer that is away or slow delays no answer: its posts wait in bounded memory, are retried for a time, then dropped and counted. With --required the answer is 200 only when all have taken the post.',
    'It runs well as a sidecar of each Ray pod. /healthz answers 200, /metrics counts.',
  ],
  options: OPTIONS,
  examples: [
    {
      purpose: 'as a sidecar, beside the collector of a History Server',
      line: 'ray-otel-bridge tee --listen 127.0.0.1:8085 --to http://127.0.0.1:8084 --to http://ray-otel-bridge:8080',
    },
    {
      purpose: 'lose nothing: Ray keeps what a consumer did not take',
      line: 'ray-otel-bridge tee --to http://a:8080 --to http://b:8080 --required',
    },
  ],
  run: tee,
};

const CLOSE_GRACE_MS = 2000;
const RETRY_AFTER_MS = 1000;
/** Memory for bodies that are being received, in multiples of the largest body. */
const MAX_BODIES_AT_ONCE = 4;
/** A line about dropped posts is written at most once in this time. */
const DROPPED_LINE_INTERVAL_MS = 60_000;

async function tee(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  if (parsed.positionals.length > 0) return usage('unexpected argument: name the consumers with --to');
  const { listen: address, to, required, retryForMs, maxForwardBytes, maxBodyBytes } = parsed.values;

  const openedSecurity = openListenerSecurity({ ...parsed.values, readTokens: [], readTokenFile: undefined });
  if (!openedSecurity.ok) return usage(...openedSecurity.problem);
  const { value: security } = openedSecurity;

  const counts = new Counts(context);
  const forwarder = createForwarder({
    targets: to,
    clock: context,
    onEvent: (event) => counts.add(event),
    maxWaitingBytes: maxForwardBytes,
    retryForMs,
  });
  const app = createTee({ forwarder, counts, isRequired: required, maxBodyBytes, tokens: security.access.ingest });
  const listening = await listen(app.fetch, address, { certificate: security.certificate });
  if (!listening.ok) return failed(listening.problem);
  const { value: server } = listening;
  for (const warning of listenerSecurityWarnings(security, address.host, context.now()))
    context.stderr.write(`ray-otel-bridge tee: ${warning}\n`);
  context.stdout.write(
    `listening on ${server.url}; sending to ${forwarder
      .stats()
      .map(({ target }) => target)
      .join(', ')}\n`,
  );

  await aborted(context.stop);
  await server.close(CLOSE_GRACE_MS);
  await forwarder.close(CLOSE_GRACE_MS);
  context.stdout.write(`stopped after ${counts.summary()}\n`);
  return done;
}

interface TeeOptions {
  readonly forwarder: Forwarder;
  readonly counts: Counts;
  readonly isRequired: boolean;
  readonly maxBodyBytes: number;
  readonly tokens: TokenSet;
}

/** Takes a post at any path and sends it on. Reads no event, so a body stays compressed. */
function createTee({ forwarder, counts, isRequired, maxBodyBytes, tokens }: TeeOptions): Hono {
  const budget = createByteBudget(maxBodyBytes * MAX_BODIES_AT_ONCE);

  const post = async (context: Context): Promise<Response> => {
    const request = postOfContext(context);
    const stranger = refuseBrowser(request) ?? refuseUnauthenticated(request, tokens);
    if (stranger !== undefined) return answerRefusal(context, stranger);
    const body = await readBody({
      body: request.body,
      encoding: undefined,
      contentLength: request.header('content-length'),
      maxBodyBytes,
      budget,
    });
    if (!body.ok) return answerRefusal(context, body);
    budget.giveBack(body.bytes.length);
    counts.posts += 1;
    counts.bytes += body.bytes.length;
    const forwarded = {
      sender: request.connection,
      contentType: request.header('content-type'),
      encoding: request.header('content-encoding'),
      body: body.bytes,
    };
    if (isRequired) {
      const missedBy = await forwarder.forwardAll(forwarded, MAX_REQUIRED_WAIT_MS);
      if (missedBy !== undefined)
        return answerRefusal(context, refuse('forward_failed', `${missedBy} did not take the post`, RETRY_AFTER_MS));
    } else forwarder.forward(forwarded);
    return context.json({ forwardedTo: forwarder.targets });
  };

  const app = new Hono();
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/metrics', (context) =>
    context.text(counts.page(forwarder), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  app.post('/t/:token/*', post);
  app.post('*', post);
  return app;
}

/** What happened so far, for `/metrics`, for the last line, and log lines about problems on the way. */
class Counts {
  posts = 0;
  bytes = 0;
  readonly #outcomes = new Map<string, number>();
  readonly #context: CommandContext;
  #quietUntilMs = 0;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  add(event: ForwardEvent): void {
    if (event.name === 'forward_failing') return this.#say(`${event.target} does not take posts: ${event.reason}; they are retried`);
    if (event.name === 'forward_recovered') return this.#say(`${event.target} takes posts again`);
    const key = `target="${event.target}",outcome="${event.outcome}"`;
    this.#outcomes.set(key, (this.#outcomes.get(key) ?? 0) + 1);
    if (event.outcome === 'taken' || this.#context.now() < this.#quietUntilMs) return;
    this.#quietUntilMs = this.#context.now() + DROPPED_LINE_INTERVAL_MS;
    this.#say(`a post for ${event.target} was dropped (${event.outcome}); /metrics counts them`);
  }

  summary(): string {
    const taken = [...this.#outcomes].reduce((sum, [key, count]) => (key.endsWith('"taken"') ? sum + count : sum), 0);
    return `${formatCount(this.posts, 'post')}, ${formatBytes(this.bytes)}; consumers took ${formatCount(taken, 'post')}`;
  }

  /** Prometheus' text format. */
  page(forwarder: Forwarder): string {
    const lines = [
      '# TYPE ray_otel_tee_posts_total counter',
      `ray_otel_tee_posts_total ${this.posts}`,
      '# TYPE ray_otel_tee_forwarded_total counter',
      ...[...this.#outcomes].map(([labels, count]) => `ray_otel_tee_forwarded_total{${labels}} ${count}`),
      '# TYPE ray_otel_tee_waiting_bytes gauge',
      ...forwarder.stats().map(({ target, waitingBytes }) => `ray_otel_tee_waiting_bytes{target="${target}"} ${waitingBytes}`),
    ];
    return `${lines.join('\n')}\n`;
  }

  #say(text: string): void {
    this.#context.stderr.write(`ray-otel-bridge tee: ${printable(text)}\n`);
  }
}
