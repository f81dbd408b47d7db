import { describeConnectionError, failure, parseJson, printable, type Result, success, withTimeLimit } from '../runtime/index.ts';
import { SETTINGS } from '../config.ts';
import { duration, httpTarget, type Option, switchValue, type ValuesOf } from '../options/index.ts';
import { basicAuthorization, readAtMost } from '../http/index.ts';
import { readEventStream } from './event-stream.ts';
import { readFirstToken } from './files.ts';

/** Maximum size of an answer, and of an event of a stream. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** Options of the commands that read the API of a running bridge. */
export const VIEW_OPTIONS = {
  url: {
    flag: '--url',
    placeholder: '<url>',
    default: 'http://127.0.0.1:8080',
    parse: httpTarget,
    group: 'What to show',
    help: 'URL of the running bridge.',
  },
  readTokenFile: {
    ...SETTINGS.readTokenFile,
    group: 'What to show',
    help: 'File of reader tokens. The first one is sent to the bridge.',
  },
  readTokens: { ...SETTINGS.readTokens, group: 'What to show', help: 'The same token, without a file.' },
  timeoutMs: {
    flag: '--timeout',
    placeholder: '<duration>',
    default: '10s',
    parse: duration('10ms'),
    group: 'Running',
    help: 'Maximum wait for an answer. A stream may be silent for 5 s longer.',
  },
} satisfies Record<string, Option<unknown>>;

export const JSON_OPTION = {
  flag: '--json',
  placeholder: '',
  default: '',
  isSwitch: true,
  parse: switchValue,
  group: 'Output',
  help: 'Print the answer of the API as JSON.',
} as const satisfies Option<boolean>;

export const SESSION_OPTION = {
  flag: '--session',
  placeholder: '<name>',
  default: '',
  parse: (text: string) => ({ ok: true, value: text === '' ? undefined : text }) as const,
  group: 'What to show',
  help: 'Session of the job. Required only if several sessions have a job with this id.',
} as const satisfies Option<string | undefined>;

/** Client of the read-only API of a bridge. */
export interface ViewClient {
  /** Gets a path below `/api/v1/`. The caller names the type that the API's description gives for it. Never rejects. */
  ask<Answer>(path: string, query?: Query): Promise<Result<Answer>>;
  /**
   * Calls `onEvent` with each event of the stream at a path, until the stream ends. Resolves with the reason for people, or with
   * undefined when `signal` ended it. Never rejects.
   */
  follow(path: string, query: Query, signal: AbortSignal, onEvent: (event: string, data: unknown) => void): Promise<string | undefined>;
}

type Query = Readonly<Record<string, string | undefined>>;

/** Creates a client. `quietMs` is the maximum silence that the bridge allows its streams. */
export function openClient(options: ValuesOf<typeof VIEW_OPTIONS>, stop: AbortSignal, quietMs = 5_000): Result<ViewClient> {
  const { url, readTokenFile, readTokens, timeoutMs } = options;
  const fromFile = readTokenFile === undefined ? undefined : readFirstToken(readTokenFile);
  if (fromFile?.ok === false) return fromFile;
  const token = fromFile?.value ?? readTokens[0];
  const authorization = token === undefined ? basicAuthorization(url) : `Bearer ${token}`;
  const unreachable = (error: unknown): string => printable(`cannot reach ${url.host}: ${describeConnectionError(error, url)}`);
  const request = async (path: string, query: Query, signal: AbortSignal): Promise<Response> => {
    const target = new URL(`${url.pathname.replace(/\/$/, '')}/api/v1/${path}`, url.origin);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
    return await fetch(target, {
      headers: authorization === undefined ? {} : { authorization },
      redirect: 'error',
      signal: AbortSignal.any([signal, stop]),
    });
  };
  return success({
    async ask<Answer>(path: string, query: Query = {}): Promise<Result<Answer>> {
      try {
        const response = await request(path, query, withTimeLimit(stop, timeoutMs));
        const body = await readJson(response);
        if (response.ok && typeof body === 'object' && body !== null) {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape that version 1 of the API promises
          return success(body as Answer);
        }
        return failure(refusalOf(response.status, body));
      } catch (error) {
        return failure(unreachable(error));
      }
    },
    async follow(path, query, signal, onEvent) {
      const silence = createSilence(timeoutMs + quietMs);
      try {
        const response = await request(path, query, AbortSignal.any([signal, silence.signal]));
        if (!response.ok || response.body === null) return refusalOf(response.status, await readJson(response));
        const body = response.body.pipeThrough(new TransformStream({ transform: (chunk, out) => (silence.restart(), out.enqueue(chunk)) }));
        for await (const { event, data } of readEventStream(body, MAX_ANSWER_BYTES)) onEvent(event, JSON.parse(data));
        return `${url.host} ended the stream`;
      } catch (error) {
        if (signal.aborted || stop.aborted) return undefined;
        return silence.signal.aborted ? `${url.host} sent nothing in time` : unreachable(error);
      } finally {
        silence.end();
      }
    },
  });
}

/** A signal that aborts `ms` after the last restart. */
function createSilence(ms: number): { readonly signal: AbortSignal; readonly restart: () => void; readonly end: () => void } {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), ms);
  return { signal: silent.signal, restart: () => void timer.refresh(), end: () => clearTimeout(timer) };
}

async function readJson(response: Response): Promise<unknown> {
  const { bytes, isCut } = await readAtMost(response.body, MAX_ANSWER_BYTES);
  if (isCut) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
  return parseJson(bytes.toString('utf8'));
}

function refusalOf(status: number, body: unknown): string {
  const error = propertyOf(body, 'error');
  const [code, message] = [propertyOf(error, 'code'), propertyOf(error, 'message')];
  if (typeof code !== 'string' || typeof message !== 'string')
    return `the program at this URL (it answered ${status}) is not a bridge with a live view: check --url, and --view of the bridge`;
  if (code === 'not_found') return 'the bridge has no live view: it runs with --view off, or its release is too old';
  if (code === 'token_missing') return 'the bridge requires a token: give --read-token-file or RAY_OTEL_READ_TOKEN';
  return `${printable(message)} (${printable(code)})`;
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
