import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { printable } from '../runtime/index.ts';

/**
 * What became of one export call, as a value.
 * - `delivered`: the backend has all spans; `warning` is its remark, if any.
 * - `retry_after`: the world's trouble (backend away, busy, timed out). Keep the spans; wait at least `retryAfterMs`, if given.
 *   `maybeSpans`: the answer doesn't tell whether the backend is ill or one span makes it fail (HTTP 500).
 *   `hint`: the likely mistake, for a backend that has accepted nothing yet.
 * - `refused`: about the spans themselves. `rejectedSpans` of them were rejected (OTLP partial success); absent = all.
 * - `misconfigured`: about us (address, credentials, protocol). Keep the spans; a human has to act.
 * - `too_large`: the request as a whole is too large; a smaller one may pass.
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

/** The SpanExporter answer that carries an outcome. */
export function resultOfOutcome(outcome: ExportOutcome): ExportResult {
  if (outcome.kind !== 'delivered') return { code: ExportResultCode.FAILED, error: new ExportFailure(outcome) };
  const success: ExportResult = { code: ExportResultCode.SUCCESS };
  return outcome.warning === undefined ? success : { ...success, error: new DeliveredWithWarning(outcome.warning) };
}

/** Answers a SpanExporter's caller with what the work came to, also when it threw. */
export async function report(work: Promise<ExportOutcome>, callback: (result: ExportResult) => void): Promise<void> {
  let outcome: ExportOutcome;
  try {
    outcome = await work;
  } catch (error) {
    outcome = outcomeOfError(error);
  }
  callback(resultOfOutcome(outcome));
}

/** Carries an outcome through the SpanExporter interface, whose only answer is success or an Error. */
export class ExportFailure extends Error {
  override readonly name = 'ExportFailure';
  readonly outcome: FailedOutcome;
  constructor(outcome: FailedOutcome) {
    super(outcome.reason);
    this.outcome = outcome;
  }
}

const FIX_CREDENTIALS =
  'check the credentials in OTEL_EXPORTER_OTLP_HEADERS (or OTEL_EXPORTER_OTLP_TRACES_HEADERS), that they may write traces, and the ' +
  'certificate in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, if the backend asks for one';
const FIX_ADDRESS =
  'check the path and port in OTEL_EXPORTER_OTLP_ENDPOINT (v1/traces is added to it) or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (used as it is), ' +
  'and that the backend has OTLP switched on';
const FIX_PROTOCOL = 'check that OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf, http/json or grpc) is one that this port speaks';
const FIX_NOT_HTTP =
  'the server does not speak HTTP: check http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL ' +
  '(port 4317 is gRPC and 4318 HTTP, most often)';
const FIX_TLS =
  'check http:// or https:// in the endpoint, and OTEL_EXPORTER_OTLP_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and ' +
  'OTEL_EXPORTER_OTLP_CLIENT_KEY';

const FIX_STRANGER =
  'another service answers: check host, port and path in OTEL_EXPORTER_OTLP_ENDPOINT (v1/traces is added to it) or ' +
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (used as it is), and look for a log-in page or proxy on the way';
const FIX_SCHEME = 'write https:// in OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT): this port speaks TLS';
const FIX_SIZE =
  'raise the limit for the size of a request at the backend or at the proxy before it (nginx: client_max_body_size), ' +
  'or look whether another service listens at OTEL_EXPORTER_OTLP_ENDPOINT';
const FIX_REJECTION = 'read the reason, and look at the limits of the backend: age of spans, rate, tenant';
const FIX_REFUSAL =
  'check host, port, path and http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, ' +
  'OTEL_EXPORTER_OTLP_PROTOCOL, and the tenant in OTEL_EXPORTER_OTLP_HEADERS';

/** Statuses that no span can be the cause of: throwing spans away for them would lose everything to a typing error. */
const MISCONFIGURED_HTTP: Readonly<Record<number, string>> = {
  401: FIX_CREDENTIALS,
  402: 'check the account and its quota at the backend',
  403: FIX_CREDENTIALS,
  404: FIX_ADDRESS,
  405: FIX_ADDRESS,
  406: FIX_PROTOCOL,
  407: 'check the proxy between the bridge and the backend: it asks for credentials',
  410: FIX_ADDRESS,
  415: FIX_PROTOCOL,
  421: FIX_ADDRESS,
  426: FIX_PROTOCOL,
  431: FIX_CREDENTIALS,
  501: FIX_ADDRESS,
  505: FIX_PROTOCOL,
};

/**
 * Retryable by the OTLP specification (429, 502, 503, 504), and 408 and 425, which say 'again' by their definition in HTTP.
 * https://opentelemetry.io/docs/specs/otlp/#failures-1
 */
const RETRYABLE_HTTP: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

/** Go, nginx, Apache and Tomcat, to plain HTTP on a port of TLS. */
const NEEDS_TLS = /HTTP request (?:was sent )?to (?:an )?HTTPS|plain HTTP to an SSL|requires TLS/i;

/** Classifies an HTTP status other than 2xx. `detail` is the server's own text. */
export function outcomeOfHttpStatus(status: number, detail = '', retryAfterMs?: number): FailedOutcome {
  const reason = withDetail(`HTTP ${status}`, detail);
  const fix = status >= 300 && status < 400 ? `the backend redirects: ${FIX_ADDRESS}` : MISCONFIGURED_HTTP[status];
  if (fix !== undefined) return { kind: 'misconfigured', reason, fix };
  if (status === 400 && NEEDS_TLS.test(detail)) return { kind: 'misconfigured', reason, fix: FIX_SCHEME };
  if (status === 413) return { kind: 'too_large', reason };
  if (RETRYABLE_HTTP.has(status)) return { kind: 'retry_after', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  // The specification calls these not retryable, because exporters must not pile up spans. We have room and must not lose any.
  if (status >= 500) return { kind: 'retry_after', reason, maybeSpans: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return { kind: 'refused', reason };
}

/**
 * A success whose body is no answer of OTLP: a log-in page, an echo, another service. It may have thrown the spans away, so they are not
 * delivered. OTLP backends answer so at no time, which is why it does not matter whether this one has accepted spans before.
 */
export function outcomeOfStrangeAnswer(status: string, text: string): FailedOutcome {
  return { kind: 'misconfigured', reason: withDetail(`${status}, but the answer is not OTLP`, text), fix: FIX_STRANGER };
}

/** A plain request that the server answered by closing the connection, where the port is known to speak TLS. */
export function outcomeOfTlsPort({ reason }: FailedOutcome): FailedOutcome {
  return { kind: 'misconfigured', reason, fix: FIX_SCHEME };
}

type GrpcRule =
  | readonly [name: string, kind: 'retry_after' | 'maybe_spans' | 'refused']
  | readonly [name: string, kind: 'misconfigured', fix: string];

/** By number, as in grpc/status.proto; retryable ones as in https://opentelemetry.io/docs/specs/otlp/#failures */
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

/** What grpc-js says of a connection that failed for good reason: TLS to a plain port, or no trust; and HTTP/1 instead of HTTP/2. */
const GRPC_CONNECTION_FIXES: readonly (readonly [RegExp, string])[] = [
  [/no application protocol|Protocol error/i, FIX_PROTOCOL],
  [/SSL routines|certificate|CERT_/i, FIX_TLS],
];

const GRPC_HINT = 'check host, port and http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL';

/** grpc-go, grpc-java and grpc-js all say a request over the limit with RESOURCE_EXHAUSTED and these words. */
const GRPC_TOO_LARGE = /larger than max|exceeds maximum/i;

/** Classifies a gRPC status other than OK. `retryAfterMs` is RetryInfo's delay, where the server sent one. */
export function outcomeOfGrpcStatus(code: number, detail = '', retryAfterMs?: number): FailedOutcome {
  const rule = GRPC_RULES[code] ?? [`status ${code}`, 'maybe_spans'];
  const reason = withDetail(`gRPC ${rule[0]}`, detail);
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

/** grpc-js has the system's error in its text. */
function grpcHint(detail: string): string {
  const code = /Name resolution failed/i.test(detail) ? 'ENOTFOUND' : /\bE[A-Z]{4,}\b/.exec(detail)?.[0];
  return (code === undefined ? undefined : HINTS[code]) ?? GRPC_HINT;
}

const MISCONFIGURED_SYSTEM: Readonly<Record<string, string>> = {
  EACCES: 'give the process write permission, or name another path in OTEL_EXPORTER_FILE_PATH',
  EPERM: 'give the process write permission, or name another path in OTEL_EXPORTER_FILE_PATH',
  EROFS: 'name a path on a writable file system in OTEL_EXPORTER_FILE_PATH',
  EISDIR: 'name a file, not a folder, in OTEL_EXPORTER_FILE_PATH',
  ENOENT: 'create the folder that OTEL_EXPORTER_FILE_PATH names',
  ENOTDIR: 'create the folder that OTEL_EXPORTER_FILE_PATH names',
  ERR_INVALID_CHAR: 'remove the characters that a header cannot hold from OTEL_EXPORTER_OTLP_HEADERS',
};

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'start the backend, or check host and port in OTEL_EXPORTER_OTLP_ENDPOINT',
  ENOTFOUND: 'check the host in OTEL_EXPORTER_OTLP_ENDPOINT, and HTTP_PROXY or HTTPS_PROXY if only a proxy knows it',
  ECONNRESET: 'check http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL',
  EPIPE: 'check http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, and OTEL_EXPORTER_OTLP_PROTOCOL',
  ETIMEDOUT: 'check host and port in OTEL_EXPORTER_OTLP_ENDPOINT, and look for a firewall or a proxy on the way',
};

const TLS_TROUBLE = /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_(SSL|TLS|OSSL)|^EPROTO$/;
/** Node's codes for an answer that it cannot read: a TLS alert, a frame of HTTP/2, another protocol. */
const NOT_HTTP = /^HPE_/;

/** Classifies a failure of the system, by Node's error code (ECONNREFUSED, ENOSPC...). */
export function outcomeOfSystemError(code: string, message: string): FailedOutcome {
  const reason = withDetail(code, message);
  const fix = MISCONFIGURED_SYSTEM[code] ?? (TLS_TROUBLE.test(code) ? FIX_TLS : NOT_HTTP.test(code) ? FIX_NOT_HTTP : undefined);
  if (fix !== undefined) return { kind: 'misconfigured', reason, fix };
  const hint = HINTS[code];
  return { kind: 'retry_after', reason, ...(hint === undefined ? {} : { hint }) };
}

/** Classifies a proxy's answer to CONNECT other than 200. */
export function outcomeOfProxyStatus(status: number, { publicUrl, variable }: ProxyName): FailedOutcome {
  const reason = `the proxy ${publicUrl} answers ${status} to CONNECT`;
  if (status === 407) return { kind: 'misconfigured', reason, fix: fixProxyCredentials(variable) };
  if (status >= 500 && status !== 501)
    return { kind: 'retry_after', reason, hint: 'check host and port in OTEL_EXPORTER_OTLP_ENDPOINT: the proxy does not reach them' };
  return {
    kind: 'misconfigured',
    reason,
    fix: `allow the backend at the proxy in ${variable}, or name it in NO_PROXY to reach it directly`,
  };
}

/** Classifies a failure to reach a proxy, or to be understood by it. */
export function outcomeOfProxyError(error: Error, { publicUrl, variable }: ProxyName): FailedOutcome {
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  const reason = printable(`the proxy ${publicUrl} cannot be used: ${code}${error.message}`);
  const hint = `check host and port of the proxy in ${variable}, or name the backend in NO_PROXY to reach it directly`;
  return TLS_TROUBLE.test(code.slice(0, -2)) || NOT_HTTP.test(code)
    ? { kind: 'misconfigured', reason, fix: hint }
    : { kind: 'retry_after', reason, hint };
}

/** An outcome on the way through a proxy: who answered is not known, and 407 is always the proxy's. */
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
  return `write user and password into ${variable}, percent-encoded: http://user:password@proxy.example.com:3128`;
}

export type FailedOutcome = Exclude<ExportOutcome, { kind: 'delivered' }>;
export type Misconfigured = Extract<ExportOutcome, { kind: 'misconfigured' }>;

/** The refusal of a backend that refuses everything, as what it is: a wrong set-up, with the likely mistake. */
export function misconfiguredBy(outcome: FailedOutcome, hasAccepted: boolean): Misconfigured {
  if (outcome.kind === 'misconfigured') return outcome;
  const why = hasAccepted ? 'the backend refuses one span after another' : 'the backend has accepted no span yet';
  return { kind: 'misconfigured', reason: outcome.reason, fix: `${why}: ${likelyFix(outcome)}` };
}

function likelyFix(outcome: FailedOutcome): string {
  if (outcome.kind === 'too_large') return FIX_SIZE;
  return outcome.kind === 'refused' && outcome.rejectedSpans !== undefined ? FIX_REJECTION : FIX_REFUSAL;
}

/** A backend's remark on a success. SpanExporter has no place for one; nobody else looks for an error there. */
export class DeliveredWithWarning extends Error {
  override readonly name = 'DeliveredWithWarning';
}

/** The outcome in the answer of any SpanExporter: ours, a stock OTLP one, or a stranger's. */
export function outcomeOfResult(result: ExportResult | undefined): ExportOutcome {
  if (result?.code !== ExportResultCode.SUCCESS) return outcomeOfError(result?.error);
  return result.error instanceof DeliveredWithWarning ? { kind: 'delivered', warning: result.error.message } : { kind: 'delivered' };
}

/** Anything that an exporter threw or reported. What can't be told is kept and tried again: never a reason to drop spans. */
export function outcomeOfError(error: unknown): FailedOutcome {
  if (error instanceof ExportFailure) return error.outcome;
  if (!(error instanceof Error)) return { kind: 'retry_after', reason: 'the exporter failed and gave no reason', maybeSpans: true };
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code === 'string') return outcomeOfSystemError(code, error.message);
  if (typeof code === 'number' && code >= 300 && code < 600) return outcomeOfHttpStatus(code, error.message);
  if (typeof code === 'number' && code >= 1 && code <= 16) return outcomeOfGrpcStatus(code, error.message);
  return { kind: 'retry_after', reason: printable(`${error.name}: ${error.message}`), maybeSpans: true };
}

function withDetail(what: string, detail: string): string {
  const text = printable(detail.trim());
  return text === '' || text === what ? what : `${what}: ${text}`;
}
