/**
 * Node's code of a system error (ENOENT, ECONNREFUSED...). The code of its cause comes first:
 * `fetch` hides the real one there.
 */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const own = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return errorCode(error.cause) ?? own;
}

/** Message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a folder, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  // A socket, or a device without a driver.
  ENXIO: 'is not a file',
};

/** Why a file cannot be read or written. Completes `FILE: …`. */
export function describeFileError(error: unknown): string {
  return FILE_ERRORS[errorCode(error) ?? ''] ?? errorMessage(error);
}

/** Why a request got no answer. */
export type ConnectionFailure =
  | 'refused'
  | 'unknown_host'
  | 'no_route'
  | 'timeout'
  | 'cut'
  | 'tls_untrusted'
  | 'tls_mismatch'
  | 'not_http'
  | 'other';

const CONNECTION_FAILURES: Readonly<Record<string, ConnectionFailure>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown_host',
  EAI_AGAIN: 'unknown_host',
  EHOSTUNREACH: 'no_route',
  ENETUNREACH: 'no_route',
  EADDRNOTAVAIL: 'no_route',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'cut',
  EPIPE: 'cut',
  EPROTO: 'tls_mismatch',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls_mismatch',
};

/** Classifies the error of a request by its code. */
export function connectionFailureOf(error: unknown, url: URL): ConnectionFailure {
  if (error instanceof Error && error.name === 'TimeoutError') return 'timeout';
  const code = errorCode(error) ?? '';
  const known = CONNECTION_FAILURES[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return 'not_http';
  if (url.protocol === 'https:' && /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_/.test(code)) return 'tls_untrusted';
  return code.startsWith('ERR_SSL_') ? 'tls_mismatch' : 'other';
}

const CONNECTION_TEXTS: Readonly<Record<ConnectionFailure, string>> = {
  refused: 'nothing listens there',
  unknown_host: 'the host is unknown',
  no_route: 'there is no route to the host',
  timeout: 'no answer in time',
  cut: 'the connection was cut',
  tls_untrusted: 'its certificate is not trusted',
  tls_mismatch: 'it does not speak TLS',
  not_http: 'it does not speak HTTP',
  other: 'the request failed',
};

/** Why a request got no answer, in words. Completes `cannot reach URL: …`. */
export function connectionFailureText(failure: ConnectionFailure): string {
  return CONNECTION_TEXTS[failure];
}

/** The same, straight from the error. An error without words of ours keeps its code or message. */
export function describeConnectionError(error: unknown, url: URL): string {
  const failure = connectionFailureOf(error, url);
  if (failure !== 'other') return connectionFailureText(failure);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return errorCode(error) ?? errorMessage(cause);
}
