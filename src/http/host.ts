const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[?(?:::1|0:0:0:0:0:0:0:1)\]?)$/i;

/**
 * Whether the host is reachable from this machine only. Takes a name or an address; an IPv6 address
 * with or without brackets.
 */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** The host in the form of a URL: an IPv6 address gets brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
