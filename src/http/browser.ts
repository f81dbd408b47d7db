import { isIP } from 'node:net';
import type { Context } from 'hono';

/**
 * True when a reader asks by an address, as localhost, or by the host of `--listen`. A page of another site can let its own name point to
 * this machine, and the browser then takes the bridge for a part of that site; an address cannot be made to point elsewhere. Without a Host
 * there is no browser.
 */
export function isOwnHost(header: string | undefined, listenHost: string): boolean {
  if (header === undefined) return true;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  const host = (bracketed ?? plain ?? '').toLowerCase().replace(/\.$/, '');
  return isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || (host !== '' && host === listenHost.toLowerCase());
}

/** True when a page of another site asks. A link to a page of the bridge may be on any site: it cannot read where the link leads. */
export function isCrossSite(context: Context, allowsLinks: boolean): boolean {
  const site = context.req.header('sec-fetch-site');
  const isNavigation = context.req.header('sec-fetch-mode') === 'navigate' && context.req.header('sec-fetch-dest') === 'document';
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return !(allowsLinks && isNavigation);
  const origin = context.req.header('origin');
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== context.req.header('host');
}

/** Headers that browsers send and scrapers do not. A page can change the value of some, and leave out none: at least `Accept-Language` is there. */
const OF_BROWSERS = ['accept-language', 'cookie', 'origin', 'referer', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'sec-ch-ua'];

/** True for a program that reads metrics: it names itself, and sends nothing that only browsers send. */
export function isScraper(context: Context): boolean {
  const agent = context.req.header('user-agent') ?? '';
  return agent !== '' && !/^mozilla\//i.test(agent) && OF_BROWSERS.every((name) => context.req.header(name) === undefined);
}
