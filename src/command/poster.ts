import { pathWithoutToken, readAtMost } from '../http/index.ts';
import { printable } from '../terminal/index.ts';
import { withTimeLimit } from '../runtime/index.ts';
import type { CommandContext } from './command.ts';

export interface PosterOptions extends Pick<CommandContext, 'now' | 'sleep' | 'random' | 'stop'> {
  /** Its user and password, if any, are sent as Basic authentication. */
  readonly target: URL;
  /** For one answer. */
  readonly timeoutMs: number;
  /** For one post with all its repetitions; 0 is without end. */
  readonly giveUpMs: number;
  /** Default the platform's. */
  readonly fetch?: typeof fetch;
}

export type PostAnswer =
  | { readonly kind: 'taken'; readonly accepted: number; readonly duplicates: number; readonly rejected: number }
  /** This body will never be taken; others may be. */
  | { readonly kind: 'refused'; readonly message: string }
  /** No post will be taken, or none was for too long. */
  | { readonly kind: 'gave_up'; readonly message: string }
  | { readonly kind: 'stopped' };

export interface Poster {
  /** Posts until it is taken, as Ray does; `onWaiting` hears why it is being repeated. */
  post(body: string, onWaiting: (why: string) => void): Promise<PostAnswer>;
}

/** Ray's: 20 ms, doubled up to 5 s, 10 % more or less. */
const FIRST_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 5000;
const JITTER_RATIO = 0.1;
/** Enough for any answer of a bridge. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** The fault is in this body, not in the target. */
const REFUSED_STATUSES = new Set([400, 413, 415]);
const RETRIED_STATUSES = new Set([408, 425, 429]);

type Attempt = PostAnswer | { readonly kind: 'again'; readonly why: string };

export function createPoster(options: PosterOptions): Poster {
  const url = new URL(options.target);
  const authorization = basicAuthorization(url);
  url.username = '';
  url.password = '';
  const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
  const send = options.fetch ?? fetch;

  async function attempt(body: string): Promise<Attempt> {
    const signal = withTimeLimit(options.stop, options.timeoutMs);
    try {
      // Ray takes a redirect for success and loses the batch; here it is a fault.
      const response = await send(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
      const { bytes } = await readAtMost(response.body, MAX_ANSWER_BYTES);
      return answerOf(response.status, bytes.toString('utf8'), url);
    } catch (error) {
      if (options.stop.aborted) return { kind: 'stopped' };
      return {
        kind: 'again',
        why: signal.aborted ? `no answer from ${url.origin} within ${options.timeoutMs} ms` : connectionProblem(error, url),
      };
    }
  }

  return {
    async post(body, onWaiting) {
      const startMs = options.now();
      for (let tries = 1; ; tries += 1) {
        const answer = await attempt(body);
        if (answer.kind !== 'again') return answer;
        if (options.giveUpMs > 0 && options.now() - startMs >= options.giveUpMs) {
          return { kind: 'gave_up', message: `${answer.why}; given up after ${tries} tries (--give-up)` };
        }
        onWaiting(`try ${tries}: ${answer.why}`);
        const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(tries - 1, 16));
        await options.sleep(backoffMs * (1 + JITTER_RATIO * (2 * options.random() - 1)), options.stop);
        if (options.stop.aborted) return { kind: 'stopped' };
      }
    },
  };
}

function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decodePart(username)}:${decodePart(password)}`).toString('base64')}`;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function answerOf(status: number, text: string, url: URL): Attempt {
  if (status >= 200 && status < 300) return { kind: 'taken', ...countsOf(text) };
  const said = `${url.origin} answered ${status}${saidIn(text)}`;
  if (REFUSED_STATUSES.has(status)) return { kind: 'refused', message: said };
  if (status === 401)
    return {
      kind: 'gave_up',
      message: `${said}: give the bridge's token in the URL, as in http://ray:TOKEN@${url.host}${pathWithoutToken(url.pathname)}`,
    };
  if (status >= 500 || RETRIED_STATUSES.has(status)) return { kind: 'again', why: said };
  return {
    kind: 'gave_up',
    message: `${said}: is ${url.origin}${pathWithoutToken(url.pathname)} the URL of a bridge? It takes posts at / and /v1/events`,
  };
}

/** Zeros when the answer is not that of a bridge, for example another receiver's. */
function countsOf(text: string): { accepted: number; duplicates: number; rejected: number } {
  const answer = parsed(text);
  const countOf = (key: string): number => {
    const value = answer[key];
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
  };
  return { accepted: countOf('accepted'), duplicates: countOf('duplicates'), rejected: countOf('rejected') };
}

function saidIn(text: string): string {
  const { error } = parsed(text);
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
  return typeof message === 'string' ? ` (${printable(message.slice(0, 200))})` : '';
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function connectionProblem(error: unknown, url: URL): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ECONNREFUSED') return `nothing listens at ${url.host}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host ${url.hostname} is not known`;
  const why = code === '' && cause instanceof Error ? cause.message : code;
  return `cannot reach ${url.host}${why === '' ? '' : ` (${printable(why)})`}`;
}
