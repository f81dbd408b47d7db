import { isLoopback, pathWithoutToken } from '../http/index.ts';

const maxShownLength = 200;

/** An address as it may be shown: user, password, token in the path and query are gone, also when it is not a URL at all. */
export function publicUrl(address: string | URL): string {
  const text = String(address);
  if (!URL.canParse(text) || !/^https?:/i.test(text))
    return cut(pathWithoutToken(text.replace(/^.*@/su, '***@').replace(/\?.*$/su, '?***')));
  const url = new URL(text);
  const credentials = url.username === '' && url.password === '' ? '' : '***@';
  const query = url.search === '' ? '' : '?***';
  return cut(`${url.protocol}//${credentials}${url.host}${pathWithoutToken(url.pathname)}${query}`);
}

/** Whether two addresses are one, but for their credentials. */
export function isSameAddress(one: string, other: string): boolean {
  return placeOf(one) === placeOf(other);
}

function placeOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, hostname, port } = new URL(text);
  return `${protocol}//${isLoopback(hostname) ? 'localhost' : hostname}:${port}`;
}

function cut(text: string): string {
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text;
}
