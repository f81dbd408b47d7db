import { BlockList, isIP } from 'node:net';

/** A host as a URL has it: brackets around IPv6, a dot at the end and capitals make no difference. */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('0.0.0.0', 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addAddress('::', 'ipv6');

/** Whether a host, as `plainHost` gives it, is this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isInList(LOOPBACK, host);
}

/**
 * Whether NO_PROXY names a host, as `plainHost` gives it, and a port. Entries stand between commas or spaces:
 * - `*` names every host.
 * - `example.com`, `.example.com` and `*.example.com` name that host and all below it.
 * - `192.0.2.7` and `2001:db8::7` name an address, `192.0.2.0/24` and `2001:db8::/32` a network. Names are not resolved for them.
 * - `:4318` behind any of them but a network names that port only; an IPv6 address is then written in brackets.
 */
export function isInNoProxy(noProxy: string, host: string, port: number): boolean {
  return noProxy.split(/[\s,]+/).some((entry) => entry !== '' && names(entry, host, port));
}

function names(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  const network = networkOf(entry);
  if (network !== undefined) return isInList(network, host);
  const [, wanted = entry, onlyPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
  const name = plainHost(wanted).replace(/^\*?\./, '');
  if (isIP(name) !== 0) return isInList(listOf(name), host);
  return name !== '' && isIP(host) === 0 && (host === name || host.endsWith(`.${name}`));
}

/** Undefined when the entry is not of the form address/bits. */
function networkOf(entry: string): BlockList | undefined {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d+)$/.exec(entry) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(bits) > (version === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return list;
}

function listOf(address: string): BlockList {
  const list = new BlockList();
  list.addAddress(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  return list;
}

function isInList(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
