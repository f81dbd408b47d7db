import { isInNoProxy, isLoopback, plainHost } from './no-proxy.ts';

/** An HTTP proxy on the way to a backend. */
export interface Proxy {
  /** The variable that names it. */
  readonly variable: string;
  /** Reached by TLS. */
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** Secret: user and password, decoded, with a colon between them. */
  readonly credentials?: string;
  /** What people may see of it. */
  readonly publicUrl: string;
}

/** How connections to a backend are made. */
export interface Route {
  readonly proxy?: Proxy;
  /** For people, where variables of proxies are set: which proxy is used, or why none is. Empty where none are set. */
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

/** Variables of other programs, which make people expect a proxy. */
const NOT_READ = ['ALL_PROXY', 'GRPC_PROXY'];

/**
 * The one rule for proxies, for HTTP and gRPC alike. An https:// backend is reached through the proxy in HTTPS_PROXY, an http:// one
 * through that in HTTP_PROXY; neither, when it is this machine or NO_PROXY names it. The lower-case form of a variable wins.
 */
export function readRoute(env: Environment, target: RouteTarget, isGrpc: boolean, problems: string[]): Route {
  const wanted = target.isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const variable = readEither(env, wanted);
  const host = plainHost(target.hostname);
  if (variable === undefined) return { describe: withoutProxy(whyNone(env, target.isSecure)) };
  if (isLoopback(host)) return { describe: withoutProxy('this machine is reached directly') };
  const noProxy = readEither(env, 'NO_PROXY');
  if (noProxy !== undefined && isInNoProxy(noProxy.value, host, target.port))
    return { describe: withoutProxy(`${noProxy.name} names ${host}`) };
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
  const unread = NOT_READ.map((name) => readEither(env, name)).find((variable) => variable !== undefined);
  return unread === undefined ? undefined : `${unread.name} is not read: use ${isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY'}`;
}

function withoutProxy(why: string | undefined): string {
  return why === undefined ? '' : `, without a proxy (${why})`;
}

function parseProxy({ name, value }: Variable, isGrpc: boolean, problems: string[]): Proxy | undefined {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  const credentials = url === undefined ? undefined : credentialsOf(url);
  // The value stays out of the text: it may hold a password.
  if (url === undefined || credentials === undefined || !/^https?:$/.test(url.protocol)) {
    problems.push(
      `${name} is not the http:// URL of a proxy: write for example http://proxy.example.com:3128, or name the backend in NO_PROXY`,
    );
    return undefined;
  }
  const isSecure = url.protocol === 'https:';
  if (isSecure && isGrpc) {
    problems.push(`${name} is an https:// URL, and gRPC reaches a proxy by http:// only: use OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`);
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

/** Undefined when they are not percent-encoded as they must be. */
function credentialsOf({ username, password }: URL): string | undefined {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

/** The header that a proxy asks for. */
export function proxyHeaders({ credentials }: Proxy): Readonly<Record<string, string>> {
  return credentials === undefined ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}
