import type { Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorCode } from '../runtime/index.ts';

/** Why a connection was closed. */
export type ConnectionRefusal = 'connection_limit' | 'headers_too_large' | 'request_timeout' | 'bad_request' | 'tls_handshake';
export type OnConnectionRefused = (reason: ConnectionRefusal, detail: string, from?: string) => void;

/**
 * Keeps at most `max` connections open. At the limit, a new connection replaces another one, in
 * this order:
 * 1. the oldest that never sent a request,
 * 2. the one that has been idle longest.
 *
 * When every connection has a request in progress, the new one is closed.
 */
export function limitConnections(server: Server, max: number, onRefused: OnConnectionRefused): void {
  const unused = new Map<string, Socket>();
  const idle = new Map<string, Socket>();
  const working = new Map<string, Socket>();

  function socketOf(peer: string): Socket | undefined {
    return unused.get(peer) ?? idle.get(peer) ?? working.get(peer);
  }

  function remove(peer: string): Socket | undefined {
    const socket = socketOf(peer);
    for (const group of [unused, idle, working]) group.delete(peer);
    return socket;
  }

  function move(peer: string, group: Map<string, Socket>): void {
    const socket = remove(peer);
    if (socket !== undefined) group.set(peer, socket);
  }

  function closeUnneeded(): boolean {
    const peer = firstOf(unused) ?? firstOf(idle);
    if (peer === undefined) return false;
    remove(peer)?.destroy();
    return true;
  }

  server.on('connection', (socket: Socket) => {
    if (unused.size + idle.size + working.size >= max) {
      onRefused('connection_limit', `${max} connections are open`, socket.remoteAddress);
      if (!closeUnneeded()) return socket.destroy();
    }
    const peer = peerOf(socket);
    unused.set(peer, socket);
    socket.once('close', () => {
      // Another connection may have come from the same port meanwhile.
      if (socketOf(peer) === socket) remove(peer);
    });
  });
  const peers = new WeakMap<Socket, string>();
  // One function for all answers, and one text for each connection: both are for each post.
  function onClose(this: ServerResponse): void {
    move(peers.get(this.req.socket) ?? '', idle);
  }
  server.on('request', ({ socket }, response) => {
    const known = peers.get(socket);
    const peer = known ?? peerOf(socket);
    if (known === undefined) peers.set(socket, peer);
    move(peer, working);
    response.once('close', onClose);
  });
}

function firstOf(group: ReadonlyMap<string, Socket>): string | undefined {
  return group.keys().next().value;
}

/**
 * Identifies a connection by its remote end: the socket of a TLS request differs from the accepted
 * one.
 */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const STATUS_LINES = {
  headers_too_large: '431 Request Header Fields Too Large',
  request_timeout: '408 Request Timeout',
  bad_request: '400 Bad Request',
} as const;

/** The fix for a sender that does not trust the certificate. */
const TRUST_HINT = 'on Ray nodes, SSL_CERT_FILE (Ray 2.49: REQUESTS_CA_BUNDLE) must name the CA certificate';

/**
 * Answers malformed or slow requests with an error, and closes their connections. On a TLS server
 * it also reports failed handshakes, including those that the sender aborts: Ray's HTTP client does
 * nothing else when it does not trust the certificate.
 */
export function closeBadRequests(server: Server, onRefused: OnConnectionRefused): void {
  const shakingHands = new Set<string>();
  if ('setSecureContext' in server) reportAbortedHandshakes(server, shakingHands, onRefused);
  answerClientErrors(server, shakingHands, onRefused);
}

function reportAbortedHandshakes(server: Server, shakingHands: Set<string>, onRefused: OnConnectionRefused): void {
  server.on('connection', (socket: Socket) => {
    const [peer, from] = [peerOf(socket), socket.remoteAddress];
    shakingHands.add(peer);
    socket.once('close', () => {
      // Port probes connect and disconnect without sending a byte.
      const isAborted = shakingHands.delete(peer) && socket.bytesRead > 0;
      if (isAborted)
        onRefused('tls_handshake', `a sender aborted the handshake: if it does not trust the certificate, ${TRUST_HINT}`, from);
    });
  });
  server.on('secureConnection', (socket: Socket) => shakingHands.delete(peerOf(socket)));
}

function answerClientErrors(server: Server, shakingHands: Set<string>, onRefused: OnConnectionRefused): void {
  server.on('clientError', (error: Error, socket: Duplex) => {
    const code = errorCode(error) ?? error.name;
    const from = socket instanceof Socket ? socket.remoteAddress : undefined;
    const isHandshake = /^ERR_(?:SSL|TLS)_/.test(code);
    if (isHandshake && socket instanceof Socket) shakingHands.delete(peerOf(socket));
    if (isHandshake) onRefused('tls_handshake', handshakeProblem(code), from);
    // The sender disconnected, as port scanners and probes do.
    const isGone = code === 'ECONNRESET' || code === 'EPIPE' || !socket.writable;
    if (isHandshake || isGone) return void socket.destroy();
    const reason = reasonOf(code);
    onRefused(reason, code, from);
    // Destroy without waiting for the sender's end: a sender that does not read must not keep the
    // socket.
    socket.end(`HTTP/1.1 ${STATUS_LINES[reason]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
  });
}

function reasonOf(code: string): keyof typeof STATUS_LINES {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'bad_request';
}

function handshakeProblem(code: string): string {
  if (code === 'ERR_SSL_HTTP_REQUEST') return `a sender speaks plain HTTP: its URL must start with https:// (${code})`;
  if (/ALERT.*(?:UNKNOWN_CA|CERTIFICATE)/.test(code)) return `a sender does not trust the certificate: ${TRUST_HINT} (${code})`;
  return code;
}
