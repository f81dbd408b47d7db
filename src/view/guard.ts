import { isIP } from 'node:net';
import type { Context } from 'hono';
import type { TokenSet } from '../access/index.ts';
import { refuseStranger } from '../receiver/index.ts';
import { refuseRead, type ViewRefusal } from './refusal.ts';

export interface ReadGuardOptions {
  readonly readTokens: TokenSet;
  /** Where the bridge listens, as it was configured. */
  readonly listenHost: string;
}

/**
 * A page of another site must not read the view through somebody's browser. The browser keeps it from reading answers across sites, unless the
 * other site lets its own name point to this machine: then its name is in `Host`. An address cannot be made to point elsewhere, and a token is
 * never shown to another name.
 */
export function refuseReader(context: Context, { readTokens, listenHost }: ReadGuardOptions, isPage: boolean): ViewRefusal | undefined {
  if (!readTokens.isRequired() && !isOwnHost(context.req.header('host'), listenHost)) {
    return refuseRead(
      'host_not_allowed',
      'ask by the address of this machine or as localhost, or let the bridge ask for a token (--read-token-file)',
    );
  }
  if (isCrossSite(context, isPage)) return refuseRead('cross_site_read', 'this is not answered to a page of another site');
  const stranger = refuseStranger(context, readTokens);
  if (stranger === undefined) return undefined;
  return refuseRead(stranger.code === 'token_missing' ? 'token_missing' : 'token_invalid', stranger.message);
}

/** Without a Host there is no browser. */
function isOwnHost(header: string | undefined, listenHost: string): boolean {
  if (header === undefined) return true;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  const host = (bracketed ?? plain ?? '').toLowerCase().replace(/\.$/, '');
  return isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || host === listenHost.toLowerCase();
}

/** A link to the page may stand on any site; it cannot read what the link leads to. */
function isCrossSite(context: Context, isPage: boolean): boolean {
  const site = context.req.header('sec-fetch-site');
  const isNavigation = context.req.header('sec-fetch-mode') === 'navigate' && context.req.header('sec-fetch-dest') === 'document';
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return !(isPage && isNavigation);
  const origin = context.req.header('origin');
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== context.req.header('host');
}
