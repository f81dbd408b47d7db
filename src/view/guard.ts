import type { Context } from 'hono';
import { type TokenSet, isCrossSite, isOwnHost, refuseUnauthenticated } from '../http/index.ts';
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
  const stranger = refuseUnauthenticated(context, readTokens);
  if (stranger === undefined) return undefined;
  return refuseRead(stranger.code === 'token_missing' ? 'token_missing' : 'token_invalid', stranger.message);
}
