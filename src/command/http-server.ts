import { createAdaptorServer } from '@hono/node-server';
import type { Server } from 'node:http';
import type { ListenAddress } from '../options/index.ts';

/** Bounds of what connections may cost. Ray's agents hold one connection a node open, and post about once a second. */
export const serverLimits = {
  maxConnections: 10_000,
  /** Longer than any pause of a busy cluster, so that the sender, not the server, ends a connection: no post meets a closing socket. */
  keepAliveTimeoutMs: 75_000,
  headersTimeoutMs: 20_000,
  /** Of a whole request; Ray itself gives up after 3 s. */
  requestTimeoutMs: 60_000,
} as const;

export interface ListeningServer {
  readonly port: number;
  /** With the port that was really taken. */
  readonly url: string;
  /** Takes no new connection, lets answers under way go out for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
}

export type Listening = { readonly ok: true; readonly server: ListeningServer } | { readonly ok: false; readonly problem: string };

type Fetch = (request: Request) => Response | Promise<Response>;

/** Starts to serve `fetch` at the address. */
export async function listen(fetch: Fetch, address: ListenAddress): Promise<Listening> {
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      keepAliveTimeout: serverLimits.keepAliveTimeoutMs,
      headersTimeout: serverLimits.headersTimeoutMs,
      requestTimeout: serverLimits.requestTimeoutMs,
    },
    // Only a plain HTTP server comes of these options.
  }) as Server;
  server.maxConnections = serverLimits.maxConnections;
  return await new Promise((resolve) => {
    server.once('error', (error) => resolve({ ok: false, problem: listenProblem(error, address) }));
    server.listen(address.port, address.host, () => resolve({ ok: true, server: listening(server, address) }));
  });
}

function listening(server: Server, { host, port: wanted }: ListenAddress): ListeningServer {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : wanted;
  return {
    port,
    url: `http://${hostInUrl(host)}:${port}`,
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

export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function listenProblem(error: Error, { host, port }: ListenAddress): string {
  const code = 'code' in error ? error.code : undefined;
  const where = `${hostInUrl(host)}:${port}`;
  if (code === 'EADDRINUSE') return `${where} is in use by another program: stop it, or choose another port with --listen ${hostInUrl(host)}:${port + 1}`;
  if (code === 'EACCES') return `this user may not listen on ${where}: choose a port from 1024 on with --listen`;
  if (code === 'EADDRNOTAVAIL') return `${host} is no address of this machine: give one of its own with --listen, or 0.0.0.0 for all`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host ${host} of --listen is not known: give an address of this machine`;
  return `cannot listen on ${where}: ${error.message}`;
}
