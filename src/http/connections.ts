import type { Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Why a connection was cut. */
export type ConnectionRefusal = 'connection_limit' | 'headers_too_large' | 'request_timeout' | 'bad_request' | 'tls_handshake';
export type OnConnectionRefused = (reason: ConnectionRefusal, detail: string, from?: string) => void;

/**
 * Holds at most `max` connections. A new one is not turned away for those who only hold theirs: at the limit the oldest that
 * never brought a request gives way, then the one that is idle for longest. Only when all of them are at work is the new one cut.
 */
export function limitConnections(server: Server, max: number, onRefused: OnConnectionRefused): void {
  const untried = new Map<string, Socket>();
  const idle = new Map<string, Socket>();
  const working = new Map<string, Socket>();

  function socketOf(peer: string): Socket | undefined {
    return untried.get(peer) ?? idle.get(peer) ?? working.get(peer);
  }

  function forget(peer: string): Socket | undefined {
    const socket = socketOf(peer);
    for (const group of [untried, idle, working]) group.delete(peer);
    return socket;
  }

  function move(peer: string, group: Map<string, Socket>): void {
    const socket = forget(peer);
    if (socket !== undefined) group.set(peer, socket);
  }

  function makeRoom(): boolean {
    const peer = firstOf(untried) ?? firstOf(idle);
    if (peer === undefined) return false;
    forget(peer)?.destroy();
    return true;
  }

  server.on('connection', (socket: Socket) => {
    if (untried.size + idle.size + working.size >= max) {
      onRefused('connection_limit', `${max} connections are open`, socket.remoteAddress);
      if (!makeRoom()) return socket.destroy();
    }
    const peer = peerOf(socket);
    untried.set(peer, socket);
    socket.once('close', () => {
      // Another connection may have come from the same port meanwhile.
      if (socketOf(peer) === socket) forget(peer);
    });
  });
  server.on('request', ({ socket }, response) => {
    const peer = peerOf(socket);
    move(peer, working);
    response.once('close', () => move(peer, idle));
  });
}

function firstOf(group: ReadonlyMap<string, Socket>): string | undefined {
  return group.keys().next().value;
}

/** The socket of a TLS request is not the one that was accepted; its other end is the same. */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const statusLines = {
  headers_too_large: '431 Request Header Fields Too Large',
  request_timeout: '408 Request Timeout',
  bad_request: '400 Bad Request',
} as const;

/** What helps a sender that does not trust the certificate. */
const trustHint = 'on Ray nodes, SSL_CERT_FILE (Ray 2.49: REQUESTS_CA_BUNDLE) names the authority';

/**
 * Answers what is no request, or takes too long to become one, and cuts its connection. On a TLS server, failed handshakes are
 * told too; so are those that the sender breaks off, which is all that Ray's HTTP client does about a certificate it does not trust.
 */
export function cutBadRequests(server: Server, onRefused: OnConnectionRefused): void {
  const shakingHands = new Set<string>();
  if ('setSecureContext' in server) tellBrokenHandshakes(server, shakingHands, onRefused);
  answerClientErrors(server, shakingHands, onRefused);
}

function tellBrokenHandshakes(server: Server, shakingHands: Set<string>, onRefused: OnConnectionRefused): void {
  server.on('connection', (socket: Socket) => {
    const [peer, from] = [peerOf(socket), socket.remoteAddress];
    shakingHands.add(peer);
    socket.once('close', () => {
      // Probes of the port come and go without a byte.
      const isBroken = shakingHands.delete(peer) && socket.bytesRead > 0;
      if (isBroken)
        onRefused('tls_handshake', `a sender broke off the handshake: if it does not trust the certificate, ${trustHint}`, from);
    });
  });
  server.on('secureConnection', (socket: Socket) => shakingHands.delete(peerOf(socket)));
}

function answerClientErrors(server: Server, shakingHands: Set<string>, onRefused: OnConnectionRefused): void {
  server.on('clientError', (error: Error, socket: Duplex) => {
    const code = codeOf(error);
    const from = socket instanceof Socket ? socket.remoteAddress : undefined;
    const isHandshake = /^ERR_(?:SSL|TLS)_/.test(code);
    if (isHandshake && socket instanceof Socket) shakingHands.delete(peerOf(socket));
    if (isHandshake) onRefused('tls_handshake', handshakeProblem(code), from);
    // The other end went away, as scanners and probes of the port do.
    const isGone = code === 'ECONNRESET' || code === 'EPIPE' || !socket.writable;
    if (isHandshake || isGone) return void socket.destroy();
    const reason = reasonOf(code);
    onRefused(reason, code, from);
    // A sender that does not read must not keep the socket: no waiting for its end.
    socket.end(`HTTP/1.1 ${statusLines[reason]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
  });
}

function reasonOf(code: string): keyof typeof statusLines {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'bad_request';
}

function handshakeProblem(code: string): string {
  if (code === 'ERR_SSL_HTTP_REQUEST') return `a sender speaks plain HTTP: its URL must begin with https:// (${code})`;
  if (/ALERT.*(?:UNKNOWN_CA|CERTIFICATE)/.test(code)) return `a sender does not trust the certificate: ${trustHint} (${code})`;
  return code;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
