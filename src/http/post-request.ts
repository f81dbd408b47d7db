import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Context } from 'hono';
import { peerOf, type RequestHead } from './guard.ts';
import { type BodySource, nodeRequestOf, requestBody } from './read-body.ts';
import type { RefusalCode, STATUS_OF_REFUSAL } from './refusal.ts';

/**
 * A post as its rules see it: from a Hono context, or directly from Node's request, without the cost
 * of web objects. Both forms of one request give the same values.
 */
export interface PostRequest extends RequestHead {
  /** Address of the sender, if known. */
  readonly from: string | undefined;
  /** Stands for the connection: its socket, where it is known. */
  readonly connection: object;
  readonly body: BodySource;
}

/** The answer to a post. */
export interface PostAnswer {
  readonly status: 200 | (typeof STATUS_OF_REFUSAL)[RefusalCode];
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A host that needs no parsing. Hono refuses some of the others. */
const PLAIN_HOST = /^[\w.-]+(?::\d+)?$/;
/** Drops at most so much of a refused body, and for so long, before it closes the connection. */
const MAX_DROPPED_BYTES = 64 * 1024 * 1024;
const MAX_DROP_MS = 500;

export function postOfContext(context: Context): PostRequest {
  return {
    header: (name) => context.req.header(name),
    pathToken: context.req.param('token'),
    from: peerOf(context),
    connection: socketOf(context) ?? context.req.raw,
    get body() {
      return requestBody(context);
    },
  };
}

/** The socket of Node's request, with Hono's server for Node. */
function socketOf(context: Context): object | undefined {
  const incoming = nodeRequestOf(context);
  return incoming instanceof IncomingMessage ? incoming.socket : undefined;
}

/** Undefined for a host that Hono may refuse. */
export function postOfIncoming(incoming: IncomingMessage, pathToken: string | undefined): PostRequest | undefined {
  const { host } = incoming.headers;
  return host !== undefined && PLAIN_HOST.test(host) ? new IncomingPost(incoming, pathToken) : undefined;
}

class IncomingPost implements PostRequest {
  readonly body: IncomingMessage;
  readonly pathToken: string | undefined;

  constructor(incoming: IncomingMessage, pathToken: string | undefined) {
    this.body = incoming;
    this.pathToken = pathToken;
  }

  get connection(): object {
    return this.body.socket;
  }

  get from(): string | undefined {
    return this.body.socket.remoteAddress;
  }

  /** A repeated header is joined, as web headers are. Node drops the repetitions of some. */
  header(name: string): string | undefined {
    if (this.body.headers[name] === undefined) return undefined;
    const { rawHeaders } = this.body;
    let joined: string | undefined;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      if (rawHeaders[index]?.toLowerCase() !== name) continue;
      const value = rawHeaders[index + 1] ?? '';
      joined = joined === undefined ? value : `${joined}, ${value}`;
    }
    return joined;
  }
}

/** Sends the answer. The rest of a body that was not read to its end is dropped. */
export function sendAnswer(answer: PostAnswer, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (!incoming.readableEnded) outgoing.once('finish', () => dropRest(incoming));
  outgoing.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.text) });
  outgoing.end(answer.text);
}

/** Reads on, so that the sender receives the answer and can use the connection again. */
function dropRest(incoming: IncomingMessage): void {
  if (incoming.readableEnded || incoming.destroyed) return;
  let bytes = 0;
  const timer = setTimeout(() => incoming.socket.destroySoon(), MAX_DROP_MS).unref();
  incoming
    .on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > MAX_DROPPED_BYTES) incoming.socket.destroySoon();
    })
    .once('close', () => clearTimeout(timer))
    .on('error', () => undefined)
    .resume();
}
