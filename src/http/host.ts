const loopback = /^(?:localhost|127(?:\.\d+){3}|\[?(?:::1|0:0:0:0:0:0:0:1)\]?)$/i;

/** Whether only this machine reaches the host: a name or an address, an IPv6 address with or without brackets. */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}

/** The host as a URL takes it: an IPv6 address in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
