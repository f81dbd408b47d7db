import { getRequestListener } from '@hono/node-server';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Certificate } from './tls.ts';
import type { ListenAddress } from '../options/index.ts';
import { hostInUrl } from './host.ts';
import { cutBadRequests, limitConnections, type OnConnectionRefused } from './connections.ts';

/** Bounds of what connections may cost. Ray's agents hold one connection a node open, and post about once a second. */
export interface ServerLimits {
  /** More than the largest clusters have nodes; an idle one costs 16 KiB, measured. */
  readonly maxConnections: number;
  /** Of an idle connection. Longer than any pause of a busy cluster, so that the sender, not the server, ends it: no post meets a closing socket. */
  readonly keepAliveTimeoutMs: number;
  /** From the connection's begin, or the first byte of a later request, to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** Of a whole request with its body; Ray itself gives up after 3 s. */
  readonly requestTimeoutMs: number;
  /** Without a byte in either direction: a sender that does not read its answers. */
  readonly silenceTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** Ray's headers have less than 1 KiB. */
  readonly maxHeaderBytes: number;
  /** How often the times above are looked at. */
  readonly checkIntervalMs: number;
}

export const serverLimits: ServerLimits = {
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
  /** Serves HTTPS with it. */
  readonly certificate?: Certificate | undefined;
  /** What is left out takes its default. */
  readonly limits?: Partial<ServerLimits>;
  readonly onConnectionRefused?: OnConnectionRefused;
}

export interface ListeningServer {
  readonly port: number;
  /** With the port that was really taken. */
  readonly url: string;
  /** For connections from now on. */
  readonly useCertificate: (certificate: Certificate) => void;
  /** Takes no new connection, lets answers under way go out for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
}

export type Listening = { readonly ok: true; readonly server: ListeningServer } | { readonly ok: false; readonly problem: string };

type Fetch = (request: Request) => Response | Promise<Response>;

/** Starts to serve `fetch` at the address. */
export async function listen(fetch: Fetch, address: ListenAddress, options: ListenOptions = {}): Promise<Listening> {
  const server = createServer(fetch, options);
  return await new Promise((resolve) => {
    server.once('error', (error) => resolve({ ok: false, problem: listenProblem(error, address) }));
    server.listen(address.port, address.host, () => resolve({ ok: true, server: listening(server, address) }));
  });
}

function createServer(fetch: Fetch, { certificate, limits: given, onConnectionRefused = () => {} }: ListenOptions): Server | TlsServer {
  const limits = { ...serverLimits, ...given };
  const serverOptions = {
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    maxHeaderSize: limits.maxHeaderBytes,
  };
  const answer = getRequestListener(fetch);
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => void answer(incoming, outgoing);
  const server =
    certificate === undefined
      ? createHttpServer(serverOptions, onRequest)
      : createTlsServer({ ...serverOptions, ...pemOf(certificate), handshakeTimeout: limits.handshakeTimeoutMs }, onRequest);
  server.timeout = limits.silenceTimeoutMs;
  limitConnections(server, limits.maxConnections, onConnectionRefused);
  cutBadRequests(server, onConnectionRefused);
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
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

function listenProblem(error: Error, { host, port }: ListenAddress): string {
  const code = 'code' in error ? error.code : undefined;
  const where = `${hostInUrl(host)}:${port}`;
  if (code === 'EADDRINUSE')
    return `${where} is in use by another program: stop it, or choose another port with --listen ${hostInUrl(host)}:${port + 1}`;
  if (code === 'EACCES') return `this user may not listen on ${where}: choose a port from 1024 on with --listen`;
  if (code === 'EADDRNOTAVAIL') return `${host} is no address of this machine: give one of its own with --listen, or 0.0.0.0 for all`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host ${host} of --listen is not known: give an address of this machine`;
  return `cannot listen on ${where}: ${error.message}`;
}
