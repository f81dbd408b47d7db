import type { Context } from 'hono';
import type { TokenSet } from './access.ts';
import { isCrossSite, isOwnHost, isScraper } from './browser.ts';
import { type Refusal, refuse } from './refusal.ts';

/** Longer credentials cannot be a token, and are not hashed. */
const MAX_CREDENTIAL_LENGTH = 256;

/**
 * The `WWW-Authenticate` header of every 401. Ray supports only Basic, from the URL:
 * http://ray:TOKEN@bridge. Ray 2.49 sends no credentials when the URL has a user but no password.
 */
export const AUTHENTICATE = 'Basic realm="ray-otel-bridge", charset="UTF-8", Bearer realm="ray-otel-bridge"';

/** The headers of a request, and the token in its path. */
export interface RequestHead {
  /** Name in lower case. */
  header(name: string): string | undefined;
  readonly pathToken: string | undefined;
}

/**
 * Refuses posts from web pages. Browsers mark them with these headers, and a page cannot remove
 * them; Ray sends neither. So no page open in a browser can post to a bridge on the same machine,
 * not even by DNS rebinding.
 */
export function refuseBrowser(head: RequestHead): Refusal | undefined {
  const isFromPage = head.header('origin') !== undefined || head.header('sec-fetch-site') !== undefined;
  return isFromPage ? refuse('browser_post', 'events from a web page are refused') : undefined;
}

/**
 * Undefined when no token is required, or a valid one is given: as Basic user or password, as
 * Bearer token, or in the path.
 */
export function refuseUnauthenticated(head: RequestHead, tokens: TokenSet): Refusal | undefined {
  if (!tokens.isRequired()) return undefined;
  const credentials = credentialsOf(head);
  if (tokens.accepts(credentials)) return undefined;
  return credentials.length === 0
    ? refuse('token_missing', 'a token is required: as the password in the URL (Basic), or as a Bearer token')
    : refuse('token_invalid', 'the token is not valid');
}

export interface ReaderRules {
  readonly readTokens: TokenSet;
  /** The host of `--listen`. */
  readonly listenHost: string;
}

/**
 * Undefined when the request may read the metrics. A page of another site may not, not even by DNS
 * rebinding. Scrapers may use any host name, because in a cluster they use the name of a service.
 */
export function refuseScrape(context: Context, { readTokens, listenHost }: ReaderRules): Refusal | undefined {
  if (!readTokens.isRequired() && !isOwnHost(context.req.header('host'), listenHost) && !isScraper(context))
    return refuse('host_not_allowed', 'a browser must use the address of this machine or localhost; a scraper must send a User-Agent');
  if (isCrossSite(context, true)) return refuse('cross_site_read', 'a page of another site may not read this');
  return refuseUnauthenticated(headOf(context), readTokens);
}

/** The path without its token, safe to log: a token follows `/t/`, anywhere in the path. */
export function pathWithoutToken(path: string): string {
  return path.replaceAll(/\/t\/+[^/]+/g, '/t/***');
}

/**
 * The remote address of the connection, if known. Behind a proxy it is the address of the last
 * proxy.
 */
export function peerOf(context: Context): string | undefined {
  const bindings: unknown = context.env;
  const incoming = propertyOf(bindings, 'incoming');
  const address = propertyOf(propertyOf(incoming, 'socket'), 'remoteAddress');
  return typeof address === 'string' ? address : undefined;
}

/** The head of a request that Hono routed. */
export function headOf(context: Context): RequestHead {
  return { header: (name) => context.req.header(name), pathToken: context.req.param('token') };
}

function credentialsOf(head: RequestHead): readonly string[] {
  const inHeader = headerCredentials(head.header('authorization') ?? '');
  return [...inHeader, ...(head.pathToken === undefined ? [] : [head.pathToken])].filter(
    ({ length }) => length > 0 && length <= MAX_CREDENTIAL_LENGTH,
  );
}

function headerCredentials(authorization: string): readonly string[] {
  const [, scheme = '', value = ''] = /^\s*([A-Za-z]+) +(\S+)\s*$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return [value];
  if (scheme.toLowerCase() !== 'basic') return [];
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? [pair] : [pair.slice(0, colon), pair.slice(colon + 1)];
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
