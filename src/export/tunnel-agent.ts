import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ExportFailure, outcomeOfProxyError, outcomeOfProxyStatus } from './outcome.ts';
import { type Proxy, proxyHeaders } from './proxy.ts';

/**
 * Connections to an HTTPS server through a proxy: CONNECT first, then TLS inside of the tunnel, so that the proxy sees neither spans nor
 * credentials of the backend.
 */
export class TunnelAgent extends https.Agent {
  readonly #proxy: Proxy;
  readonly #timeoutMs: number;

  /** @param timeoutMs how long a proxy may take to open a tunnel; then its connection is closed. */
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

/** Node gives nothing with an error, whatever its types say. */
type Done<Value> = (error: Error | null, value?: Value) => void;

/** Asks the proxy for a connection to `target`, host:port. The error is an `ExportFailure`. */
function openTunnel(proxy: Proxy, target: string, timeoutMs: number, done: Done<Socket>): void {
  const headers = { Host: target, ...proxyHeaders(proxy) };
  const options = { method: 'CONNECT', host: proxy.host, port: proxy.port, path: target, headers, agent: false };
  const request = (proxy.isSecure ? https : http).request(options);
  const timer = setTimeout(() => request.destroy(new Error(`no answer to CONNECT within ${timeoutMs} ms`)), timeoutMs);
  request.once('connect', (response, socket: Socket) => {
    clearTimeout(timer);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) {
      // Nothing of the server can be in the answer: with TLS it is the client that speaks first.
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
