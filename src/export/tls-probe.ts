import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { plainHost } from './no-proxy.ts';

export interface ServerAddress {
  /** As a URL has it. */
  readonly hostname: string;
  readonly port: number;
}

/** Longest wait for a server's part of a TLS handshake. */
const MAX_HANDSHAKE_MS = 3_000;

/**
 * Whether a server speaks TLS, for one that closes plain connections without a word: many TLS servers do, and so does a backend that is
 * ill. The handshake decides; nothing is sent after it, and the certificate does not matter.
 */
export function speaksTls({ hostname, port }: ServerAddress, signal: AbortSignal): Promise<boolean> {
  const host = plainHost(hostname);
  return new Promise((resolve) => {
    // A name of a server must not be an address (RFC 6066, 3).
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
    socket.on('error', (error: NodeJS.ErrnoException) => end(isAlert(error)));
    if (signal.aborted) stop();
  });
}

/** An alert is a message of TLS: the server speaks it and does not like this client, because it shows no certificate for example. */
function isAlert(error: NodeJS.ErrnoException): boolean {
  return /alert/i.test(`${error.code} ${error.message}`);
}
