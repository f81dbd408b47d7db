import { validateHeaderName, validateHeaderValue } from 'node:http';
import { failure, type Result, success } from '../runtime/index.ts';
import { readRoute, type Route } from './connection.ts';
import { type OtlpCertificates, readCertificates } from './otlp-certificates.ts';

export type OtlpProtocol = 'http/protobuf' | 'http/json' | 'grpc';

/** The settings of the OTLP exporter, read from the OTEL_EXPORTER_OTLP_* variables. */
export interface OtlpSettings {
  readonly protocol: OtlpProtocol;
  /** HTTP: the whole URL including /v1/traces. gRPC: host and port, or unix:path. */
  readonly url: string;
  /** The URL for people: without user, password and query. */
  readonly publicUrl: string;
  /** Secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly compression: 'none' | 'gzip';
  /** gRPC only: without TLS. */
  readonly insecure: boolean;
  readonly tls: OtlpCertificates;
  readonly route: Route;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const PROTOCOLS: readonly OtlpProtocol[] = ['http/protobuf', 'http/json', 'grpc'];
const COMPRESSIONS = ['none', 'gzip'] as const;
const DEFAULT_TIMEOUT_MS = 10_000;
/** setTimeout fires immediately above this. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Reads every variable of the OTLP exporter. The OTEL_EXPORTER_OTLP_TRACES_ form overrides the
 * general one; headers of both are merged. An empty variable counts as unset. Adds every invalid
 * value to `problems`, without secrets.
 * Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export function readOtlpSettings(env: Environment, problems: string[]): OtlpSettings {
  const protocol = oneOf(env, 'PROTOCOL', PROTOCOLS, 'http/protobuf', problems);
  const address = protocol === 'grpc' ? grpcAddress(env, problems) : httpAddress(env, problems);
  return {
    protocol,
    ...address,
    headers: {
      ...readHeaders(env, 'OTEL_EXPORTER_OTLP_HEADERS', protocol, problems),
      ...readHeaders(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', protocol, problems),
    },
    timeoutMs: readTimeout(env, problems),
    compression: oneOf(env, 'COMPRESSION', COMPRESSIONS, 'none', problems),
    tls: readTls(env, problems),
  };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

/** An environment variable, trimmed; undefined when unset or empty. */
export function readVariable(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function tracesOrGeneral(env: Environment, suffix: string): Variable | undefined {
  for (const name of [`OTEL_EXPORTER_OTLP_TRACES_${suffix}`, `OTEL_EXPORTER_OTLP_${suffix}`]) {
    const value = readVariable(env, name);
    if (value !== undefined) return { name, value };
  }
  return undefined;
}

function oneOf<Value extends string>(env: Environment, suffix: string, known: readonly Value[], unset: Value, problems: string[]): Value {
  const variable = tracesOrGeneral(env, suffix);
  if (variable === undefined) return unset;
  const value = known.find((candidate) => candidate === variable.value.toLowerCase());
  if (value === undefined) problems.push(`${variable.name}=${JSON.stringify(variable.value)} is unknown: use ${known.join(', ')}`);
  return value ?? unset;
}

type Address = Pick<OtlpSettings, 'url' | 'publicUrl' | 'insecure' | 'route'>;

const DIRECT: Route = { describe: '' };

function httpAddress(env: Environment, problems: string[]): Address {
  const variable = tracesOrGeneral(env, 'ENDPOINT');
  const given = variable?.value ?? 'http://localhost:4318';
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    problems.push(`${variable?.name} is not an http:// or https:// URL: use a complete URL, for example http://localhost:4318`);
    return { url: '', publicUrl: '', insecure: true, route: DIRECT };
  }
  // The general variable is a base URL to which the path of traces is added. The variable for
  // traces is used unchanged.
  if (variable?.name !== 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  const isSecure = url.protocol === 'https:';
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  const route = readRoute(env, { isSecure, hostname: url.hostname, port }, false, problems);
  return { url: url.href, publicUrl: withoutCredentials(url), insecure: !isSecure, route };
}

/**
 * http:// means without TLS, https:// with TLS. Without a scheme, OTEL_EXPORTER_OTLP_INSECURE
 * decides.
 */
function grpcAddress(env: Environment, problems: string[]): Address {
  const variable = tracesOrGeneral(env, 'ENDPOINT');
  const given = variable?.value ?? 'http://localhost:4317';
  const insecure = readInsecure(env, problems);
  if (/^unix:/i.test(given)) return { url: given, publicUrl: given, insecure, route: DIRECT };
  const whole = /^\w+:\/\//.test(given) ? given : `${insecure ? 'http' : 'https'}://${given}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    problems.push(
      `${variable?.name} is not an address for gRPC: use for example http://localhost:4317 or https://collector.example.com:4317`,
    );
    return { url: '', publicUrl: '', insecure, route: DIRECT };
  }
  // URL omits the ports 80 and 443, but gRPC's default is 443 for both schemes.
  const port = url.port !== '' ? url.port : url.protocol === 'http:' ? '80' : '443';
  const isSecure = url.protocol === 'https:';
  const route = readRoute(env, { isSecure, hostname: url.hostname, port: Number(port) }, true, problems);
  return { url: `${url.hostname}:${port}`, publicUrl: `${url.protocol}//${url.hostname}:${port}`, insecure: !isSecure, route };
}

function readInsecure(env: Environment, problems: string[]): boolean {
  const variable = tracesOrGeneral(env, 'INSECURE');
  if (variable !== undefined && !/^(true|false)$/i.test(variable.value)) {
    problems.push(`${variable.name}=${JSON.stringify(variable.value)} is not a boolean: use true or false`);
  }
  return variable?.value.toLowerCase() === 'true';
}

function withoutCredentials(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Comma-separated name=value pairs, as in W3C Baggage. */
function readHeaders(env: Environment, name: string, protocol: OtlpProtocol, problems: string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  const entries = (readVariable(env, name) ?? '').split(',').filter((entry) => entry.trim() !== '');
  for (const [index, entry] of entries.entries()) {
    const header = readHeader(entry, protocol === 'grpc');
    if (header.ok) headers[header.value.name] = header.value.value;
    else problems.push(`${name}: entry ${index + 1} ${header.problem}`);
  }
  return headers;
}

function readTimeout(env: Environment, problems: string[]): number {
  const variable = tracesOrGeneral(env, 'TIMEOUT');
  if (variable === undefined) return DEFAULT_TIMEOUT_MS;
  const timeoutMs = Number(variable.value);
  if (Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  problems.push(`${variable.name}=${JSON.stringify(variable.value)} is not a timeout: use whole milliseconds above 0, for example 10000`);
  return DEFAULT_TIMEOUT_MS;
}

function readTls(env: Environment, problems: string[]): OtlpCertificates {
  const [ca, cert, key] = ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map((suffix) => {
    const variable = tracesOrGeneral(env, suffix);
    return variable && { setting: variable.name, file: variable.value };
  });
  const certificates = readCertificates({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }, problems);
  if ((cert === undefined) !== (key === undefined)) {
    problems.push('OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY belong together: set both, or neither');
  }
  return certificates;
}

interface Header {
  readonly name: string;
  readonly value: string;
}

/**
 * Headers of the connection or the message framing. Any of them breaks every request, or sends a
 * proxy's credentials to the backend.
 */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The characters allowed in a metadata key. Source:
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
const GRPC_NAME = /^[0-9a-z_.-]+$/;
const GRPC_VALUE = /^[\x20-\x7e]*$/;

const NOT_A_HEADER = 'is not name=value with a valid header name and a percent-encoded value';

/**
 * Reads one `name=value` pair with a percent-encoded value, as in W3C Baggage, and checks that the
 * protocol can send it. A problem contains neither the value nor an unknown name: an entry without
 * a name may be an API key.
 */
function readHeader(entry: string, isGrpc: boolean): Result<Header> {
  const header = parse(entry);
  if (header === undefined) return failure(NOT_A_HEADER);
  if (FRAMING.has(header.name)) return failure(`names ${header.name}, which the bridge or the connection sets: remove it`);
  const problem = isGrpc ? grpcProblem(header.name, header.value) : undefined;
  return problem === undefined ? success(header) : failure(problem);
}

function parse(entry: string): Header | undefined {
  const equals = entry.indexOf('=');
  if (equals < 1) return undefined;
  try {
    const name = decodeURIComponent(entry.slice(0, equals).trim()).toLowerCase();
    const value = decodeURIComponent(entry.slice(equals + 1).trim());
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return { name, value };
  } catch {
    return undefined;
  }
}

function grpcProblem(name: string, value: string): string | undefined {
  if (!GRPC_NAME.test(name)) return 'has a name that gRPC cannot send: letters, digits, "-", "_" and "." only';
  if (name.endsWith('-bin')) return 'has a name that ends in -bin, which gRPC uses for binary values: use another name';
  if (name.startsWith('grpc-')) return 'has a name that begins with grpc-, which gRPC reserves: use another name';
  if (!GRPC_VALUE.test(value)) return 'has a value that gRPC cannot send: printable ASCII only';
  return undefined;
}
