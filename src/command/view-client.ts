import { SETTINGS } from '../config.ts';
import { readAtMost } from '../http/index.ts';
import { duration, httpTarget, type Option, switchValue, type ValuesOf } from '../options/index.ts';
import { printable } from '../terminal/index.ts';
import { readEventStream } from './event-stream.ts';
import { readFirstToken } from './read-token.ts';

/** What of an answer is read at most. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** Options of every command that reads the data of a running bridge. */
export const VIEW_OPTIONS = {
  url: {
    flag: '--url',
    placeholder: '<url>',
    default: 'http://127.0.0.1:8080',
    parse: httpTarget,
    group: 'What to look at',
    help: 'Of a running bridge.',
  },
  readTokenFile: {
    ...SETTINGS.readTokenFile,
    group: 'What to look at',
    help: 'Tokens of which the first is shown to the bridge.',
  },
  readTokens: { ...SETTINGS.readTokens, group: 'What to look at', help: 'The same, without a file.' },
  timeoutMs: {
    flag: '--timeout',
    placeholder: '<duration>',
    default: '10s',
    parse: duration('10ms'),
    group: 'Running',
    help: 'How long to wait for an answer, and how much longer than agreed for the next word of a stream.',
  },
} satisfies Record<string, Option<unknown>>;

export const JSON_OPTION = {
  flag: '--json',
  placeholder: '',
  default: '',
  isSwitch: true,
  parse: switchValue,
  group: 'Output',
  help: "The API's answer as it is.",
} as const satisfies Option<boolean>;

export const SESSION_OPTION = {
  flag: '--session',
  placeholder: '<name>',
  default: '',
  parse: (text: string) => ({ ok: true, value: text === '' ? undefined : text }) as const,
  group: 'What to look at',
  help: 'Session of the job; needed only where more than one has a job of this id.',
} as const satisfies Option<string | undefined>;

export type Asked<Answer> = { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly problem: string };

/** The read-only API of one bridge. */
export interface ViewClient {
  /** The answer at a path below `/api/v1/`, in the shape that the description of the API has for it. Never rejects. */
  ask<Answer>(path: string, query?: Query): Promise<Asked<Answer>>;
  /** Tells `onEvent` what the stream at a path tells, until it ends: why, for people; undefined when `signal` ended it. Never rejects. */
  follow(path: string, query: Query, signal: AbortSignal, onEvent: (event: string, data: unknown) => void): Promise<string | undefined>;
}

type Query = Readonly<Record<string, string | undefined>>;

export type OpenedClient = { readonly ok: true; readonly client: ViewClient } | { readonly ok: false; readonly problem: string };

/** `quietMs`: a stream says something at least so often. */
export function openClient(options: ValuesOf<typeof VIEW_OPTIONS>, stop: AbortSignal, quietMs = 5_000): OpenedClient {
  const { url, readTokenFile, readTokens, timeoutMs } = options;
  const fromFile = readTokenFile === undefined ? undefined : readFirstToken(readTokenFile);
  if (fromFile?.ok === false) return fromFile;
  const authorization = authorizationOf(url, fromFile?.token ?? readTokens[0]);
  const request = async (path: string, query: Query, signal: AbortSignal): Promise<Response> => {
    const target = new URL(`${url.pathname.replace(/\/$/, '')}/api/v1/${path}`, url.origin);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
    return await fetch(target, {
      headers: authorization === undefined ? {} : { authorization },
      redirect: 'error',
      signal: AbortSignal.any([signal, stop]),
    });
  };
  return {
    ok: true,
    client: {
      async ask<Answer>(path: string, query: Query = {}): Promise<Asked<Answer>> {
        try {
          const response = await request(path, query, AbortSignal.timeout(timeoutMs));
          const body = await readJson(response);
          if (response.ok && typeof body === 'object' && body !== null) {
            // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape that version 1 of the API promises
            return { ok: true, answer: body as Answer };
          }
          return { ok: false, problem: refusalOf(response.status, body) };
        } catch (error) {
          return { ok: false, problem: `${url.host} does not answer: ${reasonOf(error)}` };
        }
      },
      async follow(path, query, signal, onEvent) {
        const silence = createSilence(timeoutMs + quietMs);
        try {
          const response = await request(path, query, AbortSignal.any([signal, silence.signal]));
          if (!response.ok || response.body === null) return refusalOf(response.status, await readJson(response));
          const heard = response.body.pipeThrough(
            new TransformStream({ transform: (chunk, out) => (silence.broken(), out.enqueue(chunk)) }),
          );
          for await (const { event, data } of readEventStream(heard, MAX_ANSWER_BYTES)) onEvent(event, JSON.parse(data));
          return `${url.host} has ended the stream`;
        } catch (error) {
          if (signal.aborted || stop.aborted) return undefined;
          return `${url.host} does not answer: ${silence.signal.aborted ? 'not in time' : reasonOf(error)}`;
        } finally {
          silence.end();
        }
      },
    },
  };
}

/** A signal that aborts when it was not broken for so long. */
function createSilence(ms: number): { readonly signal: AbortSignal; readonly broken: () => void; readonly end: () => void } {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), ms);
  return { signal: over.signal, broken: () => void timer.refresh(), end: () => clearTimeout(timer) };
}

async function readJson(response: Response): Promise<unknown> {
  const { bytes, isCut } = await readAtMost(response.body, MAX_ANSWER_BYTES);
  if (isCut) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function refusalOf(status: number, body: unknown): string {
  const error = propertyOf(body, 'error');
  const [code, message] = [propertyOf(error, 'code'), propertyOf(error, 'message')];
  if (typeof code !== 'string' || typeof message !== 'string')
    return `what answers (${status}) is no bridge with a live view: look at --url, and at --view of the bridge`;
  if (code === 'not_found') return 'the bridge has no live view: it runs with --view off, or is too old';
  if (code === 'token_missing') return 'the bridge asks for a token: give --read-token-file or RAY_OTEL_READ_TOKEN';
  return `${printable(message)} (${printable(code)})`;
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'for a reason that is not known';
  if (error.name === 'TimeoutError') return 'not in time';
  const { cause } = error;
  const code = propertyOf(cause, 'code');
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  return printable(typeof code === 'string' ? code : cause instanceof Error ? cause.message : error.message);
}

function authorizationOf(url: URL, token: string | undefined): string | undefined {
  if (token !== undefined) return `Bearer ${token}`;
  if (url.username === '' && url.password === '') return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
}
