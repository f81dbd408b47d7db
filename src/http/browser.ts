import { isIP } from 'node:net';
import type { Context } from 'hono';

/**
 * True when the Host header is an IP address, localhost, or the host of `--listen`. This stops DNS
 * rebinding: a page of another site can point its own name at this machine, and the browser then
 * treats the bridge as part of that site. It cannot do so with an address. A request without a Host
 * header does not come from a browser.
 */
export function isOwnHost(header: string | undefined, listenHost: string): boolean {
  if (header === undefined) return true;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  const host = (bracketed ?? plain ?? '').toLowerCase().replace(/\.$/, '');
  return isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || (host !== '' && host === listenHost.toLowerCase());
}

/**
 * True when a page of another site sends the request. Any site may link to a page of the bridge,
 * because it cannot read the linked page.
 */
export function isCrossSite(context: Context, allowsLinks: boolean): boolean {
  const site = context.req.header('sec-fetch-site');
  const isNavigation = context.req.header('sec-fetch-mode') === 'navigate' && context.req.header('sec-fetch-dest') === 'document';
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return !(allowsLinks && isNavigation);
  const origin = context.req.header('origin');
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== context.req.header('host');
}

/**
 * Headers that browsers send and scrapers do not. A page can change the value of some, but cannot
 * remove all of them: at least `Accept-Language` stays.
 */
const BROWSER_HEADERS = [
  'accept-language',
  'cookie',
  'origin',
  'referer',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-ch-ua',
];

/**
 * True for a program that reads metrics: it has a User-Agent, and sends no header that only
 * browsers send.
 */
export function isScraper(context: Context): boolean {
  const agent = context.req.header('user-agent') ?? '';
  return agent !== '' && !/^mozilla\//i.test(agent) && BROWSER_HEADERS.every((name) => context.req.header(name) === undefined);
}
