import http from 'node:http';
import https from 'node:https';
import { basicAuthorization, readAtMost } from '../http/index.ts';
import { type ConnectionFailure, connectionFailureOf, connectionFailureText } from '../runtime/index.ts';

/** Why no answer came. */
export type AskFailure = ConnectionFailure | 'not_asked';

/** Why no answer came, in words. Completes `cannot reach URL: …`. */
export function failureText(failure: AskFailure): string {
  return failure === 'not_asked' ? 'the time limit was reached' : connectionFailureText(failure);
}

export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  /** Target of a redirect. Untrusted text. */
  readonly location: string | undefined;
  readonly contentType: string;
  /** Beginning of the body, up to `maxBytes`. */
  readonly text: string;
  /** Whether the body is longer than that. */
  readonly isCut: boolean;
  /** The server's clock (Date header), and the doctor's clock before and after the request. In ms since the epoch. */
  readonly clock: { readonly dateMs: number; readonly sentAtMs: number; readonly receivedAtMs: number } | undefined;
}

export interface NotAnswered {
  readonly kind: 'failed';
  readonly failure: AskFailure;
}

export type HttpAnswer = Answered | NotAnswered;

export interface AskOptions {
  readonly method?: 'GET' | 'POST';
  /** Body as JSON text. */
  readonly body?: string;
  readonly bearer?: string | undefined;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Cancels all open requests. */
  readonly stop: AbortSignal;
  readonly now: () => number;
  /** Certificate authorities to trust instead of Node's own, as PEM. */
  readonly ca?: string | undefined;
}

/**
 * Sends a request as Ray's agent does, with the user and password of the URL as Basic authentication. Never rejects and follows no
 * redirect. Reads at most `maxBytes` within `timeoutMs`, even if the server sends slowly.
 */
export async function ask(url: URL, options: AskOptions): Promise<HttpAnswer> {
  if (options.stop.aborted) return { kind: 'failed', failure: 'not_asked' };
  const limit = AbortSignal.timeout(options.timeoutMs);
  const sentAtMs = options.now();
  try {
    const response = await exchange(url, options, AbortSignal.any([options.stop, limit]));
    const receivedAtMs = options.now();
    const { bytes, isCut } = await readAtMost(response, options.maxBytes);
    const text = bytes.toString('utf8');
    const dateMs = Date.parse(response.headers.date ?? '');
    return {
      kind: 'answered',
      status: response.statusCode ?? 0,
      location: response.headers.location,
      contentType: response.headers['content-type'] ?? '',
      text,
      isCut,
      clock: Number.isNaN(dateMs) ? undefined : { dateMs, sentAtMs, receivedAtMs },
    };
  } catch (error) {
    if (limit.aborted) return { kind: 'failed', failure: 'timeout' };
    return { kind: 'failed', failure: options.stop.aborted ? 'not_asked' : connectionFailureOf(error, url) };
  }
}

function exchange(url: URL, { method = 'GET', body, bearer, ca }: AskOptions, signal: AbortSignal): Promise<http.IncomingMessage> {
  const basic = basicAuthorization(url);
  const authorization = bearer === undefined ? basic : `Bearer ${bearer}`;
  const headers = {
    accept: '*/*',
    connection: 'close',
    'user-agent': 'ray-otel-bridge doctor',
    ...(authorization === undefined ? {} : { authorization }),
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
  };
  const target = { hostname: bareHost(url.hostname), port: url.port, path: `${url.pathname}${url.search}` };
  const request = { ...target, method, headers, signal, agent: false as const };
  return new Promise((resolve, reject) => {
    const sent = url.protocol === 'https:' ? https.request({ ...request, ...(ca === undefined ? {} : { ca }) }) : http.request(request);
    sent.on('response', resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

function bareHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
