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

  override createConnection(
    options: https.RequestOptions,
    // Node gives no stream with an error, whatever its types say.
    callback: (error: Error | null, stream?: Duplex) => void,
  ): undefined {
    void this.#connect(options).then(
      (stream) => callback(null, stream),
      (error: Error) => callback(error),
    );
  }

  async #connect(options: https.RequestOptions): Promise<Duplex> {
    const host = options.host ?? '';
    const socket = await openTunnel(this.#proxy, `${host.includes(':') ? `[${host}]` : host}:${options.port}`, this.#timeoutMs);
    const inTunnel = { ...options, socket };
    const secured = super.createConnection(inTunnel);
    if (secured === null || secured === undefined) throw new Error('TLS gave no connection');
    return secured;
  }
}

/** Asks the proxy for a connection to `target`, host:port. Rejects with an `ExportFailure`. */
function openTunnel(proxy: Proxy, target: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = { Host: target, ...proxyHeaders(proxy) };
    const options = { method: 'CONNECT', host: proxy.host, port: proxy.port, path: target, headers, agent: false };
    const request = (proxy.isSecure ? https : http).request(options);
    const timer = setTimeout(() => request.destroy(new Error(`no answer to CONNECT within ${timeoutMs} ms`)), timeoutMs);
    request.once('connect', (response, socket: Socket, head) => {
      clearTimeout(timer);
      if (response.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new ExportFailure(outcomeOfProxyStatus(response.statusCode ?? 0, proxy)));
    });
    request.once('error', (error) => {
      clearTimeout(timer);
      reject(new ExportFailure(outcomeOfProxyError(error, proxy)));
    });
    request.end();
  });
}
