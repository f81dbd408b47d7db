import { isLoopback, pathWithoutToken } from '../http/index.ts';

const MAX_SHOWN_LENGTH = 200;

/** Makes an address safe to print: hides user, password, a token in the path and the query, even when it is not a URL. */
export function publicUrl(address: string | URL): string {
  const text = String(address);
  if (!URL.canParse(text) || !/^https?:/i.test(text))
    return cut(pathWithoutToken(text.replace(/^.*@/su, '***@').replace(/\?.*$/su, '?***')));
  const url = new URL(text);
  const credentials = url.username === '' && url.password === '' ? '' : '***@';
  const query = url.search === '' ? '' : '?***';
  return cut(`${url.protocol}//${credentials}${url.host}${pathWithoutToken(url.pathname)}${query}`);
}

/** Whether two addresses have the same scheme, host and port. */
export function isSameAddress(one: string, other: string): boolean {
  return originOf(one) === originOf(other);
}

function originOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, hostname, port } = new URL(text);
  return `${protocol}//${isLoopback(hostname) ? 'localhost' : hostname}:${port}`;
}

function cut(text: string): string {
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}
