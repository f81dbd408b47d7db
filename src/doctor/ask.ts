import http from 'node:http';
import https from 'node:https';
import { readAtMost } from '../http/index.ts';
import { basicAuthorization } from './basic-authorization.ts';

/** Why no answer came. */
export type AskFailure =
  | 'refused'
  | 'unknown_host'
  | 'no_route'
  | 'timeout'
  | 'cut'
  | 'tls_untrusted'
  | 'tls_mismatch'
  | 'not_http'
  | 'not_asked'
  | 'other';

export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  /** Where a redirect leads to; hostile text. */
  readonly location: string | undefined;
  readonly contentType: string;
  /** The body, at most as much as was asked for. */
  readonly text: string;
  /** Whether the body was longer than that. */
  readonly isCut: boolean;
  /** The clock of who answered, from the Date header, with the doctor's clock before and after, in ms since the epoch. */
  readonly clock: { readonly dateMs: number; readonly sentAtMs: number; readonly receivedAtMs: number } | undefined;
}

export interface NotAnswered {
  readonly kind: 'failed';
  readonly failure: AskFailure;
}

export type HttpAnswer = Answered | NotAnswered;

export interface AskOptions {
  readonly method?: 'GET' | 'POST';
  /** JSON text. */
  readonly body?: string;
  readonly bearer?: string | undefined;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Ends every request that is under way. */
  readonly stop: AbortSignal;
  readonly now: () => number;
  /** Authorities to trust in place of Node's own. */
  readonly ca?: string | undefined;
}

/**
 * One request as Ray's agent makes it: user and password of the URL become Basic authentication. Never rejects, follows no redirect, and
 * reads at most `maxBytes` in at most `timeoutMs`, however slowly the bytes come.
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
    return { kind: 'failed', failure: options.stop.aborted ? 'not_asked' : failureOf(error, url) };
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

const failures: Readonly<Record<string, AskFailure>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown_host',
  EAI_AGAIN: 'unknown_host',
  EHOSTUNREACH: 'no_route',
  ENETUNREACH: 'no_route',
  EADDRNOTAVAIL: 'no_route',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'cut',
  EPIPE: 'cut',
  EPROTO: 'tls_mismatch',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls_mismatch',
};

function failureOf(error: unknown, url: URL): AskFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = failures[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return 'not_http';
  if (url.protocol === 'https:' && /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_/.test(code)) return 'tls_untrusted';
  return code.startsWith('ERR_SSL_') ? 'tls_mismatch' : 'other';
}
