import type { Context } from 'hono';
import type { TokenSet } from './token-set.ts';
import { isCrossSite, isOwnHost, isScraper } from './browser.ts';
import { type Refusal, refuse } from './refusal.ts';

/** What may be shown as a token; longer ones are no token, and are not hashed. */
const MAX_CREDENTIAL_LENGTH = 256;

/** Goes with every 401. Ray can carry Basic only, by its URL: http://ray:TOKEN@bridge. Ray 2.49 sends nothing when the URL has a user and no password. */
export const AUTHENTICATE = 'Basic realm="ray-otel-bridge", charset="UTF-8", Bearer realm="ray-otel-bridge"';

/**
 * A browser says by these headers that a page sent the request, and a page cannot leave them out. Ray sends neither. So no
 * page that somebody looks at can post to a bridge on the same machine, also not by a name that it lets point there.
 */
export function refuseBrowser(context: Context): Refusal | undefined {
  const isFromPage = context.req.header('origin') !== undefined || context.req.header('sec-fetch-site') !== undefined;
  return isFromPage ? refuse('browser_post', 'events are not taken from a web page') : undefined;
}

/** Undefined when no token is asked for, or the right one is shown: as Basic user or password, as Bearer, or in the path. */
export function refuseStranger(context: Context, tokens: TokenSet): Refusal | undefined {
  if (!tokens.isRequired()) return undefined;
  const credentials = credentialsOf(context);
  if (tokens.accepts(credentials)) return undefined;
  return credentials.length === 0
    ? refuse('token_missing', 'a token is needed, as password in the URL (Basic) or as Bearer')
    : refuse('token_invalid', 'the token is not one that is accepted');
}

export interface ReaderRules {
  readonly readTokens: TokenSet;
  /** Where the bridge listens, as it was configured. */
  readonly listenHost: string;
}

/**
 * Undefined when the metrics may be read. A page of another site may not, also not by a name that it lets point here. Scrapers may ask by
 * any name, because in a cluster they ask by the name of a service.
 */
export function refuseScrape(context: Context, { readTokens, listenHost }: ReaderRules): Refusal | undefined {
  if (!readTokens.isRequired() && !isOwnHost(context.req.header('host'), listenHost) && !isScraper(context))
    return refuse(
      'host_not_allowed',
      'a browser must ask by the address of this machine or as localhost; a scraper must send a User-Agent',
    );
  if (isCrossSite(context, true)) return refuse('cross_site_read', 'this is not answered to a page of another site');
  return refuseStranger(context, readTokens);
}

/** A path fit to be shown: `/t/` comes before a token, wherever it stands. */
export function pathWithoutToken(path: string): string {
  return path.replaceAll(/\/t\/+[^/]+/g, '/t/***');
}

/** The address that the connection came from, if the server tells: the one of the last proxy. */
export function peerOf(context: Context): string | undefined {
  const bindings: unknown = context.env;
  const incoming = propertyOf(bindings, 'incoming');
  const address = propertyOf(propertyOf(incoming, 'socket'), 'remoteAddress');
  return typeof address === 'string' ? address : undefined;
}

function credentialsOf(context: Context): readonly string[] {
  const inPath = context.req.param('token');
  const inHeader = headerCredentials(context.req.header('authorization') ?? '');
  return [...inHeader, ...(inPath === undefined ? [] : [inPath])].filter(({ length }) => length > 0 && length <= MAX_CREDENTIAL_LENGTH);
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
