import type { Context } from 'hono';
import { headOf, type TokenSet, isCrossSite, isOwnHost, refuseUnauthenticated } from '../http/index.ts';
import { refuseRead, type ViewRefusal } from './refusal.ts';

export interface ReadGuardOptions {
  readonly readTokens: TokenSet;
  /** Host that the bridge was configured to listen on. */
  readonly listenHost: string;
}

/**
 * Refuses pages of other sites that try to read the view through a user's browser. Browsers block
 * answers across sites, except after DNS rebinding: the other site points its own name at this
 * machine, and `Host` contains that name. A request by IP address, or with a token, cannot be
 * rebound.
 */
export function refuseReader(context: Context, { readTokens, listenHost }: ReadGuardOptions, isPage: boolean): ViewRefusal | undefined {
  if (!readTokens.isRequired() && !isOwnHost(context.req.header('host'), listenHost)) {
    return refuseRead(
      'host_not_allowed',
      'this host name is not allowed: use the IP address of this machine or localhost, or require a token (--read-token-file)',
    );
  }
  if (isCrossSite(context, isPage)) return refuseRead('cross_site_read', 'pages of other sites may not read this');
  const refusal = refuseUnauthenticated(headOf(context), readTokens);
  if (refusal === undefined) return undefined;
  return refuseRead(refusal.code === 'token_missing' ? 'token_missing' : 'token_invalid', refusal.message);
}
