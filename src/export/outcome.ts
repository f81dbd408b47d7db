import { printableExcerpt } from '../runtime/index.ts';

/**
 * The result of one export request.
 * - `delivered`: the backend has all spans. `warning` is its message, if any.
 * - `retry_after`: the backend is down, busy or slow. Keep the spans, and wait at least
 *   `retryAfterMs`, if given. `maybeSpans`: either the backend fails, or one span makes it fail
 *   (HTTP 500). `hint`: the likely mistake, for a backend that has accepted nothing yet.
 * - `refused`: the spans are bad. `rejectedSpans` of them were rejected (OTLP partial success);
 *   absent means all.
 * - `misconfigured`: the address, the credentials or the protocol is wrong. Keep the spans; a
 *   person has to act.
 * - `too_large`: the request is too large. A smaller one may pass.
 */
export type ExportOutcome =
  | { readonly kind: 'delivered'; readonly warning?: string }
  | {
      readonly kind: 'retry_after';
      readonly reason: string;
      readonly retryAfterMs?: number;
      readonly maybeSpans?: boolean;
      readonly hint?: string;
    }
  | { readonly kind: 'refused'; readonly reason: string; readonly rejectedSpans?: number }
  | { readonly kind: 'misconfigured'; readonly reason: string; readonly fix: string }
  | { readonly kind: 'too_large'; readonly reason: string };

export type FailedOutcome = Exclude<ExportOutcome, { kind: 'delivered' }>;
export type Misconfigured = Extract<ExportOutcome, { kind: 'misconfigured' }>;

/**
 * Carries an outcome through interfaces that report failures as an Error: SpanExporter, and agents
 * of Node's HTTP client.
 */
export class ExportFailure extends Error {
  override readonly name = 'ExportFailure';
  readonly outcome: FailedOutcome;
  constructor(outcome: FailedOutcome) {
    super(outcome.reason);
    this.outcome = outcome;
  }
}

const FIX_CREDENTIALS =
  'check the credentials in OTEL_EXPORTER_OTLP_HEADERS (or OTEL_EXPORTER_OTLP_TRACES_HEADERS), that they allow writing traces, and the ' +
  'certificate in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, if the backend requires one';
const FIX_ADDRESS =
  'check the path and port in OTEL_EXPORTER_OTLP_ENDPOINT (v1/traces is added to it) or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (used as it is), ' +
  'and that OTLP is enabled at the backend';
const FIX_PROTOCOL = 'check that OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf, http/json or grpc) is supported by this port';
const FIX_NOT_HTTP =
  'the server does not speak HTTP: check http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL ' +
  '(usually port 4317 is gRPC, and 4318 is HTTP)';
const FIX_TLS =
  'check http:// or https:// in the endpoint, and OTEL_EXPORTER_OTLP_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and ' +
  'OTEL_EXPORTER_OTLP_CLIENT_KEY';

const FIX_OTHER_SERVICE =
  'another service answers: check host, port and path in OTEL_EXPORTER_OTLP_ENDPOINT (v1/traces is added to it) or ' +
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (used as it is), and look for a login page or a proxy in between';
const FIX_SCHEME = 'use https:// in OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT): this port speaks TLS';
const FIX_NO_TLS =
  'use http:// in OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT), or the port that speaks TLS: this one does not';
const FIX_SIZE =
  'raise the maximum request size of the backend or of the proxy in front of it (nginx: client_max_body_size), ' +
  'or check whether another service listens at OTEL_EXPORTER_OTLP_ENDPOINT';
const FIX_REJECTION = 'read the reason, and check the limits of the backend: age of spans, rate, tenant';
const FIX_REFUSAL =
  'check host, port, path and http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, ' +
  'OTEL_EXPORTER_OTLP_PROTOCOL, and the tenant in OTEL_EXPORTER_OTLP_HEADERS';

/**
 * Statuses that no span can cause. Dropping spans for them would lose everything because of a
 * typing error.
 */
const MISCONFIGURED_HTTP: Readonly<Record<number, string>> = {
  401: FIX_CREDENTIALS,
  402: 'check the account and its quota at the backend',
  403: FIX_CREDENTIALS,
  404: FIX_ADDRESS,
  405: FIX_ADDRESS,
  406: FIX_PROTOCOL,
  407: 'check the proxy between the bridge and the backend: it requires credentials',
  410: FIX_ADDRESS,
  415: FIX_PROTOCOL,
  421: FIX_ADDRESS,
  426: FIX_PROTOCOL,
  431: FIX_CREDENTIALS,
  501: FIX_ADDRESS,
  505: FIX_PROTOCOL,
};

/**
 * Retryable by the OTLP specification (429, 502, 503, 504), and by their definition in HTTP (408,
 * 425).
 * Source: https://opentelemetry.io/docs/specs/otlp/#failures-1
 */
const RETRYABLE_HTTP: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

/** Answers of Go, nginx, Apache and Tomcat to plain HTTP on a TLS port. */
const NEEDS_TLS = /HTTP request (?:was sent )?to (?:an )?HTTPS|plain HTTP to an SSL|requires TLS/i;

/** Classifies an HTTP status other than 2xx. `detail` is the server's message. */
export function outcomeOfHttpStatus(status: number, detail = '', retryAfterMs?: number): FailedOutcome {
  const reason = withDetail(`HTTP ${status}`, detail);
  const fix = status >= 300 && status < 400 ? `the backend redirects: ${FIX_ADDRESS}` : MISCONFIGURED_HTTP[status];
  if (fix !== undefined) return { kind: 'misconfigured', reason, fix };
  if (status === 400 && NEEDS_TLS.test(detail)) return { kind: 'misconfigured', reason, fix: FIX_SCHEME };
  if (status === 413) return { kind: 'too_large', reason };
  if (RETRYABLE_HTTP.has(status)) return { kind: 'retry_after', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  // Not retryable by the specification, because exporters must not accumulate spans. The bridge has
  // a journal, and must lose none.
  if (status >= 500) return { kind: 'retry_after', reason, maybeSpans: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return { kind: 'refused', reason };
}

/**
 * A 2xx answer whose body is not OTLP: a login page, an echo, another service. It may have dropped
 * the spans, so they do not count as delivered. OTLP backends never answer so, whether or not this
 * one has accepted spans before.
 */
export function outcomeOfUnexpectedAnswer(status: string, text: string): FailedOutcome {
  return { kind: 'misconfigured', reason: withDetail(`${status}, but the answer is not OTLP`, text), fix: FIX_OTHER_SERVICE };
}

/** A plain connection that the server closed, on a port that speaks TLS. */
export function outcomeOfTlsPort({ reason }: FailedOutcome): FailedOutcome {
  return { kind: 'misconfigured', reason, fix: FIX_SCHEME };
}

type GrpcRule =
  | readonly [name: string, kind: 'retry_after' | 'maybe_spans' | 'refused']
  | readonly [name: string, kind: 'misconfigured', fix: string];

/**
 * By number, as in grpc/status.proto. Retryable ones as in
 * https://opentelemetry.io/docs/specs/otlp/#failures
 */
const GRPC_RULES: Readonly<Record<number, GrpcRule>> = {
  1: ['CANCELLED', 'retry_after'],
  2: ['UNKNOWN', 'maybe_spans'],
  3: ['INVALID_ARGUMENT', 'refused'],
  4: ['DEADLINE_EXCEEDED', 'retry_after'],
  5: ['NOT_FOUND', 'misconfigured', FIX_ADDRESS],
  6: ['ALREADY_EXISTS', 'refused'],
  7: ['PERMISSION_DENIED', 'misconfigured', FIX_CREDENTIALS],
  8: ['RESOURCE_EXHAUSTED', 'retry_after'],
  9: ['FAILED_PRECONDITION', 'refused'],
  10: ['ABORTED', 'retry_after'],
  11: ['OUT_OF_RANGE', 'retry_after'],
  12: ['UNIMPLEMENTED', 'misconfigured', FIX_PROTOCOL],
  13: ['INTERNAL', 'maybe_spans'],
  14: ['UNAVAILABLE', 'retry_after'],
  15: ['DATA_LOSS', 'retry_after'],
  16: ['UNAUTHENTICATED', 'misconfigured', FIX_CREDENTIALS],
};

/** OpenSSL, of a first answer that is no TLS. */
const NOT_TLS = /wrong version number|packet length too long|unknown protocol/i;

/**
 * Messages of grpc-js for connections that cannot work: TLS to a plain port, an untrusted
 * certificate, HTTP/1 instead of HTTP/2.
 */
const GRPC_CONNECTION_FIXES: readonly (readonly [RegExp, string])[] = [
  [/no application protocol|Protocol error/i, FIX_PROTOCOL],
  [NOT_TLS, FIX_NO_TLS],
  [/SSL routines|certificate|CERT_/i, FIX_TLS],
];
/** What grpc-js has to add about the name of the host, which is mostly nothing. */
const EMPTY_NOTE = /\.? *Resolution note: *$/;

const GRPC_HINT = 'check host, port and http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL';

/**
 * Messages of grpc-go, grpc-java and grpc-js with RESOURCE_EXHAUSTED, for a request above the size
 * limit.
 */
const GRPC_TOO_LARGE = /larger than max|exceeds maximum/i;

/**
 * Classifies a gRPC status other than OK. `retryAfterMs` is the delay in RetryInfo, if the server
 * sent one.
 */
export function outcomeOfGrpcStatus(code: number, detail = '', retryAfterMs?: number): FailedOutcome {
  const rule = GRPC_RULES[code] ?? [`status ${code}`, 'maybe_spans'];
  const reason = withDetail(`gRPC ${rule[0]}`, detail.replace(EMPTY_NOTE, ''));
  if (code === 8 && GRPC_TOO_LARGE.test(detail)) return { kind: 'too_large', reason };
  const fix =
    rule[1] === 'misconfigured' ? rule[2] : code === 14 ? GRPC_CONNECTION_FIXES.find(([what]) => what.test(detail))?.[1] : undefined;
  if (fix !== undefined) return { kind: 'misconfigured', reason, fix };
  if (rule[1] === 'refused') return { kind: 'refused', reason };
  return {
    kind: 'retry_after',
    reason,
    ...(code === 14 ? { hint: grpcHint(detail) } : {}),
    ...(rule[1] === 'maybe_spans' ? { maybeSpans: true } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** The message of grpc-js contains the system's error code. */
function grpcHint(detail: string): string {
  const code = /Name resolution failed/i.test(detail) ? 'ENOTFOUND' : /\bE[A-Z]{4,}\b/.exec(detail)?.[0];
  return (code === undefined ? undefined : HINTS[code]) ?? GRPC_HINT;
}

const MISCONFIGURED_SYSTEM: Readonly<Record<string, string>> = {
  EACCES: 'give the process write permission, or set another path in OTEL_EXPORTER_FILE_PATH',
  EPERM: 'give the process write permission, or set another path in OTEL_EXPORTER_FILE_PATH',
  EROFS: 'set a path on a writable file system in OTEL_EXPORTER_FILE_PATH',
  EISDIR: 'set a file, not a folder, in OTEL_EXPORTER_FILE_PATH',
  ENOENT: 'create the folder of OTEL_EXPORTER_FILE_PATH',
  ENOTDIR: 'create the folder of OTEL_EXPORTER_FILE_PATH',
  ERR_INVALID_CHAR: 'remove the characters that a header cannot contain from OTEL_EXPORTER_OTLP_HEADERS',
};

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'start the backend, or check host and port in OTEL_EXPORTER_OTLP_ENDPOINT',
  ENOTFOUND: 'check the host in OTEL_EXPORTER_OTLP_ENDPOINT, and HTTP_PROXY or HTTPS_PROXY if only a proxy can resolve it',
  ECONNRESET: 'check http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL',
  EPIPE: 'check http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL',
  ETIMEDOUT: 'check host and port in OTEL_EXPORTER_OTLP_ENDPOINT, and look for a firewall or a proxy in between',
};

const TLS_ERROR = /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_(SSL|TLS|OSSL)|^EPROTO$/;
/**
 * Node's error codes for an answer that is not HTTP/1: a TLS alert, an HTTP/2 frame, another
 * protocol.
 */
const NOT_HTTP = /^HPE_/;

/** Classifies a system error, by Node's error code (ECONNREFUSED, ENOSPC...). */
export function outcomeOfSystemError(code: string, message: string): FailedOutcome {
  const reason = withDetail(code, message);
  const fix = MISCONFIGURED_SYSTEM[code] ?? fixOfConnection(code, message);
  if (fix !== undefined) return { kind: 'misconfigured', reason, fix };
  const hint = HINTS[code];
  return { kind: 'retry_after', reason, ...(hint === undefined ? {} : { hint }) };
}

function fixOfConnection(code: string, message: string): string | undefined {
  if (NOT_HTTP.test(code)) return FIX_NOT_HTTP;
  if (!TLS_ERROR.test(code)) return undefined;
  return NOT_TLS.test(message) ? FIX_NO_TLS : FIX_TLS;
}

/** Classifies a proxy's answer to CONNECT other than 200. */
export function outcomeOfProxyStatus(status: number, { publicUrl, variable }: ProxyName): FailedOutcome {
  const reason = `the proxy ${publicUrl} answers ${status} to CONNECT`;
  if (status === 407) return { kind: 'misconfigured', reason, fix: fixProxyCredentials(variable) };
  if (status >= 500 && status !== 501)
    return { kind: 'retry_after', reason, hint: 'check host and port in OTEL_EXPORTER_OTLP_ENDPOINT: the proxy cannot reach them' };
  return {
    kind: 'misconfigured',
    reason,
    fix: `allow the backend at the proxy in ${variable}, or add it to NO_PROXY to connect directly`,
  };
}

/** Classifies an error on the connection to a proxy. */
export function outcomeOfProxyError(error: Error, { publicUrl, variable }: ProxyName): FailedOutcome {
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  const reason = printableExcerpt(`the proxy ${publicUrl} cannot be used: ${code}${error.message}`);
  const hint = `check host and port of the proxy in ${variable}, or add the backend to NO_PROXY to connect directly`;
  return TLS_ERROR.test(code.slice(0, -2)) || NOT_HTTP.test(code)
    ? { kind: 'misconfigured', reason, fix: hint }
    : { kind: 'retry_after', reason, hint };
}

/**
 * A failure through a proxy. The answer may come from either side, but 407 always comes from the
 * proxy.
 */
export function viaProxy(outcome: FailedOutcome, { publicUrl, variable }: ProxyName): FailedOutcome {
  const reason = `${outcome.reason} (through the proxy ${publicUrl})`;
  return /^HTTP 407\b/.test(outcome.reason)
    ? { kind: 'misconfigured', reason, fix: fixProxyCredentials(variable) }
    : { ...outcome, reason };
}

interface ProxyName {
  readonly publicUrl: string;
  readonly variable: string;
}

function fixProxyCredentials(variable: string): string {
  return `set user and password in ${variable}, percent-encoded: http://user:password@proxy.example.com:3128`;
}

/**
 * Turns the refusal of a backend that refuses everything into a wrong configuration, with the
 * likely mistake.
 */
export function misconfiguredBy(outcome: FailedOutcome, hasAccepted: boolean): Misconfigured {
  if (outcome.kind === 'misconfigured') return outcome;
  const why = hasAccepted ? 'the backend refuses one span after another' : 'the backend has accepted no span yet';
  return { kind: 'misconfigured', reason: outcome.reason, fix: `${why}: ${likelyFix(outcome)}` };
}

function likelyFix(outcome: FailedOutcome): string {
  if (outcome.kind === 'too_large') return FIX_SIZE;
  return outcome.kind === 'refused' && outcome.rejectedSpans !== undefined ? FIX_REJECTION : FIX_REFUSAL;
}

/**
 * Classifies anything that an exporter threw or reported. An unknown error is retried; it never
 * drops spans.
 */
export function outcomeOfError(error: unknown): FailedOutcome {
  if (error instanceof ExportFailure) return error.outcome;
  if (!(error instanceof Error)) return { kind: 'retry_after', reason: 'the exporter failed without a reason', maybeSpans: true };
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code === 'string') return outcomeOfSystemError(code, error.message);
  if (typeof code === 'number' && code >= 300 && code < 600) return outcomeOfHttpStatus(code, error.message);
  if (typeof code === 'number' && code >= 1 && code <= 16) return outcomeOfGrpcStatus(code, error.message);
  return { kind: 'retry_after', reason: printableExcerpt(`${error.name}: ${error.message}`), maybeSpans: true };
}

function withDetail(what: string, detail: string): string {
  const text = printableExcerpt(detail.trim());
  return text === '' || text === what ? what : `${what}: ${text}`;
}
