import { pathWithoutToken, readAtMost, withoutCredentials } from '../http/index.ts';
import { describeConnectionError, parseJson, printable, withTimeLimit } from '../runtime/index.ts';
import type { CommandContext } from './command.ts';

export interface PosterOptions extends Pick<CommandContext, 'now' | 'sleep' | 'random' | 'stop'> {
  /** URL of the bridge. Its user and password, if any, are sent as Basic authentication. */
  readonly target: URL;
  /** Maximum wait for one answer. */
  readonly timeoutMs: number;
  /** Maximum time for one post with all retries. 0 means no limit. */
  readonly giveUpMs: number;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch;
}

export type PostAnswer =
  | { readonly kind: 'accepted'; readonly accepted: number; readonly duplicates: number; readonly rejected: number }
  /** The bridge will never accept this body. Other bodies may succeed. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The bridge accepts no posts, or did not for too long. */
  | { readonly kind: 'gave_up'; readonly message: string }
  | { readonly kind: 'stopped' };

export interface Poster {
  /** Posts a body and retries as Ray does. Calls `onWaiting` with the reason before each retry. */
  post(body: string, onWaiting: (why: string) => void): Promise<PostAnswer>;
}

/** Ray's backoff: 20 ms, doubled up to 5 s, with 10 % jitter. */
const FIRST_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 5000;
const JITTER_RATIO = 0.1;
/** Larger than any answer of a bridge. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Statuses that blame the body, not the target. */
const REFUSED_STATUSES = new Set([400, 413, 415]);
/** Statuses that are retried, besides all 5xx. */
const RETRIED_STATUSES = new Set([408, 425, 429]);

type Attempt = PostAnswer | { readonly kind: 'again'; readonly why: string };

export function createPoster(options: PosterOptions): Poster {
  const { url, authorization } = withoutCredentials(options.target);
  const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
  const send = options.fetch ?? fetch;

  async function attempt(body: string): Promise<Attempt> {
    const signal = withTimeLimit(options.stop, options.timeoutMs);
    try {
      // Ray takes a redirect for success and loses the batch. Here a redirect is an error.
      const response = await send(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
      const { bytes } = await readAtMost(response.body, MAX_ANSWER_BYTES);
      return answerOf(response.status, bytes.toString('utf8'), url);
    } catch (error) {
      if (options.stop.aborted) return { kind: 'stopped' };
      return {
        kind: 'again',
        why: signal.aborted
          ? `no answer from ${url.origin} within ${options.timeoutMs} ms`
          : printable(`cannot reach ${url.host}: ${describeConnectionError(error, url)}`),
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
          return { kind: 'gave_up', message: `${answer.why}; gave up after ${tries} tries (--give-up)` };
        }
        onWaiting(`try ${tries}: ${answer.why}`);
        const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(tries - 1, 16));
        await options.sleep(backoffMs * (1 + JITTER_RATIO * (2 * options.random() - 1)), options.stop);
        if (options.stop.aborted) return { kind: 'stopped' };
      }
    },
  };
}

function answerOf(status: number, text: string, url: URL): Attempt {
  if (status >= 200 && status < 300) return { kind: 'accepted', ...countsOf(text) };
  const answer = `${url.origin} answered ${status}${errorIn(text)}`;
  if (REFUSED_STATUSES.has(status)) return { kind: 'refused', message: answer };
  if (status === 401)
    return {
      kind: 'gave_up',
      message: `${answer}: put a token of the bridge into the URL, as in http://ray:TOKEN@${url.host}${pathWithoutToken(url.pathname)}`,
    };
  if (status >= 500 || RETRIED_STATUSES.has(status)) return { kind: 'again', why: answer };
  return {
    kind: 'gave_up',
    message: `${answer}: is ${url.origin}${pathWithoutToken(url.pathname)} the URL of a bridge? It accepts posts at / and /v1/events`,
  };
}

/** Counts in an answer of a bridge. Zeros when another program answered. */
function countsOf(text: string): { accepted: number; duplicates: number; rejected: number } {
  const answer = objectIn(text);
  const countOf = (key: string): number => {
    const value = answer[key];
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
  };
  return { accepted: countOf('accepted'), duplicates: countOf('duplicates'), rejected: countOf('rejected') };
}

function errorIn(text: string): string {
  const { error } = objectIn(text);
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
  return typeof message === 'string' ? ` (${printable(message.slice(0, 200))})` : '';
}

function objectIn(text: string): Record<string, unknown> {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
