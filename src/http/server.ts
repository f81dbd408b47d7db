import { getRequestListener } from '@hono/node-server';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Certificate } from './tls.ts';
import type { ListenAddress } from '../options/index.ts';
import { errorCode, failure, type Result, success } from '../runtime/index.ts';
import { hostInUrl } from './host.ts';
import { closeBadRequests, limitConnections, type OnConnectionRefused } from './connections.ts';

/**
 * Limits of connections. Ray's agent on each node keeps one connection open, and posts about once
 * per second.
 */
export interface ServerLimits {
  /**
   * More than the number of nodes in the largest clusters. An idle connection costs 16 KiB,
   * measured.
   */
  readonly maxConnections: number;
  /**
   * Maximum time a connection stays open without a request. Longer than any pause of a busy
   * cluster, so that the sender closes it and no post arrives at a closing socket.
   */
  readonly keepAliveTimeoutMs: number;
  /**
   * From the start of the connection, or the first byte of a later request, to the end of the
   * headers.
   */
  readonly headersTimeoutMs: number;
  /** For a whole request with its body. Ray itself gives up after 3 s. */
  readonly requestTimeoutMs: number;
  /**
   * Maximum time without a byte in either direction, for senders that do not read their answers.
   */
  readonly silenceTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** Ray sends less than 1 KiB of headers. */
  readonly maxHeaderBytes: number;
  /** How often Node checks the header and request timeouts. */
  readonly checkIntervalMs: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  maxConnections: 10_000,
  keepAliveTimeoutMs: 75_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  silenceTimeoutMs: 120_000,
  handshakeTimeoutMs: 10_000,
  maxHeaderBytes: 16 * 1024,
  checkIntervalMs: 2000,
};

export interface ListenOptions {
  /** Serves HTTPS when given. */
  readonly certificate?: Certificate | undefined;
  /** Overrides of the defaults. */
  readonly limits?: Partial<ServerLimits>;
  readonly onConnectionRefused?: OnConnectionRefused;
  /** Called first for each request. Returns false for those that `fetch` answers. */
  readonly answerDirectly?: AnswerDirectly;
}

/** Answers a request by Node's own objects, or returns false and leaves it untouched. */
export type AnswerDirectly = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

export interface ListeningServer {
  readonly port: number;
  /** Includes the actual port, also when port 0 was requested. */
  readonly url: string;
  /** Uses the certificate for new connections. */
  readonly useCertificate: (certificate: Certificate) => void;
  /**
   * Stops accepting connections, waits up to `graceMs` for requests in progress, then closes all
   * connections.
   */
  close(graceMs: number): Promise<void>;
}

type Fetch = (request: Request) => Response | Promise<Response>;

/** Serves `fetch` at the address. */
export async function listen(fetch: Fetch, address: ListenAddress, options: ListenOptions = {}): Promise<Result<ListeningServer>> {
  const server = createServer(fetch, options);
  return await new Promise((resolve) => {
    server.once('error', (error) => resolve(failure(listenProblem(error, address))));
    server.listen(address.port, address.host, () => resolve(success(listening(server, address))));
  });
}

function createServer(
  fetch: Fetch,
  { certificate, limits: given, onConnectionRefused = () => {}, answerDirectly = () => false }: ListenOptions,
): Server | TlsServer {
  const limits = { ...DEFAULT_SERVER_LIMITS, ...given };
  const serverOptions = {
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    maxHeaderSize: limits.maxHeaderBytes,
  };
  const answer = getRequestListener(fetch);
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (!answerDirectly(incoming, outgoing)) void answer(incoming, outgoing);
  };
  const server =
    certificate === undefined
      ? createHttpServer(serverOptions, onRequest)
      : createTlsServer({ ...serverOptions, ...pemOf(certificate), handshakeTimeout: limits.handshakeTimeoutMs }, onRequest);
  server.timeout = limits.silenceTimeoutMs;
  limitConnections(server, limits.maxConnections, onConnectionRefused);
  closeBadRequests(server, onConnectionRefused);
  return server;
}

function pemOf({ cert, key }: Certificate) {
  return { cert, key };
}

function listening(server: Server | TlsServer, { host, port: wanted }: ListenAddress): ListeningServer {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : wanted;
  const isSecure = 'setSecureContext' in server;
  return {
    port,
    url: `${isSecure ? 'https' : 'http'}://${hostInUrl(host)}:${port}`,
    useCertificate(certificate) {
      if (isSecure) server.setSecureContext(pemOf(certificate));
    },
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cutOff);
    },
  };
}

function listenProblem(error: Error, { host, port }: ListenAddress): string {
  const code = errorCode(error);
  const where = `${hostInUrl(host)}:${port}`;
  if (code === 'EADDRINUSE')
    return `${where} is in use by another program: stop it, or choose another port with --listen ${hostInUrl(host)}:${port + 1}`;
  if (code === 'EACCES') return `this user may not listen on ${where}: choose port 1024 or higher with --listen`;
  if (code === 'EADDRNOTAVAIL')
    return `${host} is not an address of this machine: choose one of its addresses with --listen, or 0.0.0.0 for all`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `cannot resolve the host ${host} of --listen: use an address of this machine`;
  return `cannot listen on ${where}: ${error.message}`;
}
