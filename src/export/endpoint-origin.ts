/** Scheme, host and port of an endpoint, without its path, which can hold a key; a file or socket as it is. */
export function endpointOrigin(endpoint: string): string {
  return /^https?:/i.test(endpoint) && URL.canParse(endpoint) ? new URL(endpoint).origin : endpoint;
}
