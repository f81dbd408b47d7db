import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { ExportFailure, outcomeOfProxyError, outcomeOfProxyStatus } from './outcome.ts';

// How the bridge connects to a backend: directly, through an HTTP proxy, or through a tunnel; and
// whether a port speaks TLS.

/** An HTTP proxy between the bridge and a backend. */
export interface Proxy {
  /** The environment variable with its URL. */
  readonly variable: string;
  /** Whether the connection to the proxy uses TLS. */
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** Secret: decoded `user:password`. */
  readonly credentials?: string;
  /** The URL without credentials. */
  readonly publicUrl: string;
}

/** How to connect to a backend. */
export interface Route {
  readonly proxy?: Proxy;
  /** For people: which proxy is used, or why not. Empty when no proxy variable is set. */
  readonly describe: string;
}

export interface RouteTarget {
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
}

type Environment = Readonly<Record<string, string | undefined>>;
interface Variable {
  readonly name: string;
  readonly value: string;
}

/** Variables that other programs read, so that people expect the bridge to read them. */
const UNSUPPORTED_VARIABLES = ['ALL_PROXY', 'GRPC_PROXY'];

/**
 * Selects the proxy, by the same rules for HTTP and gRPC:
 * 1. HTTPS_PROXY is for an https:// backend, HTTP_PROXY for an http:// one. The lower-case form of
 *    a variable wins.
 * 2. A backend on this machine, or one that NO_PROXY matches, is connected directly.
 */
export function readRoute(env: Environment, target: RouteTarget, isGrpc: boolean, problems: string[]): Route {
  const wanted = target.isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const variable = readEither(env, wanted);
  const host = normalizedHost(target.hostname);
  if (variable === undefined) return { describe: withoutProxy(whyNone(env, target.isSecure)) };
  if (isThisMachine(host)) return { describe: withoutProxy('connections to this machine are direct') };
  const noProxy = readEither(env, 'NO_PROXY');
  if (noProxy !== undefined && isInNoProxy(noProxy.value, host, target.port))
    return { describe: withoutProxy(`${noProxy.name} matches ${host}`) };
  const proxy = parseProxy(variable, isGrpc, problems);
  return proxy === undefined ? { describe: '' } : { proxy, describe: `, through the proxy ${proxy.publicUrl} (${proxy.variable})` };
}

function readEither(env: Environment, name: string): Variable | undefined {
  for (const spelling of [name.toLowerCase(), name]) {
    const value = env[spelling]?.trim() ?? '';
    if (value !== '') return { name: spelling, value };
  }
  return undefined;
}

function whyNone(env: Environment, isSecure: boolean): string | undefined {
  const other = readEither(env, isSecure ? 'HTTP_PROXY' : 'HTTPS_PROXY');
  if (other !== undefined) return `${other.name} is for ${isSecure ? 'http' : 'https'}:// only`;
  const unsupported = UNSUPPORTED_VARIABLES.map((name) => readEither(env, name)).find((variable) => variable !== undefined);
  return unsupported === undefined ? undefined : `${unsupported.name} is not supported: use ${isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY'}`;
}

function withoutProxy(why: string | undefined): string {
  return why === undefined ? '' : `, without a proxy (${why})`;
}

function parseProxy({ name, value }: Variable, isGrpc: boolean, problems: string[]): Proxy | undefined {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  const credentials = url === undefined ? undefined : credentialsOf(url);
  // The message does not contain the value, which may contain a password.
  if (url === undefined || credentials === undefined || !/^https?:$/.test(url.protocol)) {
    problems.push(
      `${name} is not the http:// URL of a proxy: use for example http://proxy.example.com:3128, or add the backend to NO_PROXY`,
    );
    return undefined;
  }
  const isSecure = url.protocol === 'https:';
  if (isSecure && isGrpc) {
    problems.push(`${name} is an https:// URL, but gRPC supports http:// proxies only: use OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`);
    return undefined;
  }
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  return {
    variable: name,
    isSecure,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    ...(credentials === ':' ? {} : { credentials }),
    publicUrl: `${url.protocol}//${url.hostname}:${port}`,
  };
}

/** Undefined when the percent-encoding is invalid. */
function credentialsOf({ username, password }: URL): string | undefined {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

/** The `Proxy-Authorization` header, if the proxy has credentials. */
export function proxyHeaders({ credentials }: Proxy): Readonly<Record<string, string>> {
  return credentials === undefined ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/**
 * Normalizes a host from a URL: lower case, without brackets around IPv6 and without a final dot.
 */
export function normalizedHost(host: string): string {
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

/** Whether a normalized host is this machine. */
export function isThisMachine(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isInList(LOOPBACK, host);
}

/**
 * Whether NO_PROXY matches a normalized host and a port. Commas or spaces separate the entries:
 * - `*` matches every host.
 * - `example.com`, `.example.com` and `*.example.com` match that host and its subdomains.
 * - `192.0.2.7` and `2001:db8::7` match an address; `192.0.2.0/24` and `2001:db8::/32` match a
 *   network. Host names are not resolved.
 * - `:4318` after any entry except a network matches that port only. An IPv6 address then needs
 *   brackets.
 */
export function isInNoProxy(noProxy: string, host: string, port: number): boolean {
  return noProxy.split(/[\s,]+/).some((entry) => entry !== '' && matches(entry, host, port));
}

function matches(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  const network = networkOf(entry);
  if (network !== undefined) return isInList(network, host);
  const [, wanted = entry, onlyPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
  const name = normalizedHost(wanted).replace(/^\*?\./, '');
  if (isIP(name) !== 0) return isInList(listOf(name), host);
  return name !== '' && isIP(host) === 0 && (host === name || host.endsWith(`.${name}`));
}

/** Undefined when the entry does not have the form address/bits. */
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

/**
 * Connects to an HTTPS server through a proxy: CONNECT, then TLS inside the tunnel. The proxy sees
 * neither spans nor credentials of the backend.
 */
export class TunnelAgent extends https.Agent {
  readonly #proxy: Proxy;
  readonly #timeoutMs: number;

  /** @param timeoutMs maximum time for the proxy to open a tunnel */
  constructor(options: https.AgentOptions, proxy: Proxy, timeoutMs: number) {
    super(options);
    this.#proxy = proxy;
    this.#timeoutMs = timeoutMs;
  }

  override createConnection(options: https.RequestOptions, callback: Done<Duplex>): undefined {
    const host = options.host ?? '';
    openTunnel(this.#proxy, `${host.includes(':') ? `[${host}]` : host}:${options.port}`, this.#timeoutMs, (error, socket) => {
      const inTunnel = { ...options, socket };
      if (error === null) callback(null, super.createConnection(inTunnel) ?? undefined);
      else callback(error);
    });
  }
}

/** Node passes no value with an error, although its types require one. */
type Done<Value> = (error: Error | null, value?: Value) => void;

/** Asks the proxy to connect to `target`, host:port. The error is an `ExportFailure`. */
function openTunnel(proxy: Proxy, target: string, timeoutMs: number, done: Done<Socket>): void {
  const headers = { Host: target, ...proxyHeaders(proxy) };
  const options = { method: 'CONNECT', host: proxy.host, port: proxy.port, path: target, headers, agent: false };
  const request = (proxy.isSecure ? https : http).request(options);
  const timer = setTimeout(() => request.destroy(new Error(`no answer to CONNECT within ${timeoutMs} ms`)), timeoutMs);
  request.once('connect', (response, socket: Socket) => {
    clearTimeout(timer);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) {
      // The answer contains no bytes from the server: in TLS the client sends first.
      done(null, socket);
      return;
    }
    socket.destroy();
    done(new ExportFailure(outcomeOfProxyStatus(status, proxy)));
  });
  request.once('error', (error) => {
    clearTimeout(timer);
    done(new ExportFailure(outcomeOfProxyError(error, proxy)));
  });
  request.end();
}

export interface ServerAddress {
  /** In the form of a URL. */
  readonly hostname: string;
  readonly port: number;
}

/** Maximum wait for the server's part of a TLS handshake. */
const MAX_HANDSHAKE_MS = 3_000;

/**
 * Tests whether a port speaks TLS. For servers that close a plain connection without an answer:
 * many TLS servers do, and so does a failing backend. Sends nothing after the handshake, and
 * accepts any certificate.
 */
export function speaksTls({ hostname, port }: ServerAddress, signal: AbortSignal): Promise<boolean> {
  const host = normalizedHost(hostname);
  return new Promise((resolve) => {
    // A server name in TLS must not be an address (RFC 6066, section 3).
    const socket = connect({ host, port, rejectUnauthorized: false, ...(isIP(host) === 0 ? { servername: host } : {}) });
    const end = (isTls: boolean): void => {
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(isTls);
    };
    const stop = (): void => end(false);
    signal.addEventListener('abort', stop, { once: true });
    socket.setTimeout(MAX_HANDSHAKE_MS, stop);
    socket.once('secureConnect', () => end(true));
    socket.once('close', stop);
    socket.on('error', (error: NodeJS.ErrnoException) => end(isTlsAlert(error)));
    if (signal.aborted) stop();
  });
}

/**
 * A TLS alert proves that the server speaks TLS. It may reject this client, for example for want of
 * a client certificate.
 */
function isTlsAlert(error: NodeJS.ErrnoException): boolean {
  return /alert/i.test(`${error.code} ${error.message}`);
}
