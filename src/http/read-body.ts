import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Context } from 'hono';
import type { ByteBudget } from './body-buffers.ts';
import { type Refusal, refuse } from './refusal.ts';

/**
 * Chunk size of decompressors: a decompression bomb is noticed at most one chunk past the limit.
 */
const CHUNK_BYTES = 64 * 1024;
const BUSY_RETRY_AFTER_MS = 1000;

const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', () => createGunzip({ chunkSize: CHUNK_BYTES })],
  ['x-gzip', () => createGunzip({ chunkSize: CHUNK_BYTES })],
  ['deflate', () => createInflate({ chunkSize: CHUNK_BYTES })],
  ['br', () => createBrotliDecompress({ chunkSize: CHUNK_BYTES })],
]);

/**
 * Reads at most `maxBytes` of an answer. Leaving the loop early closes the stream and its
 * connection.
 */
export async function readAtMost(
  body: AsyncIterable<unknown> | null,
  maxBytes: number,
): Promise<{ readonly bytes: Buffer; readonly isCut: boolean }> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
    if (!(piece instanceof Uint8Array)) continue;
    pieces.push(piece.subarray(0, maxBytes - length));
    length += piece.length;
    if (length > maxBytes) break;
  }
  return { bytes: Buffer.concat(pieces), isCut: length > maxBytes };
}

/** A body: Node's request, a web stream, or null for none. */
export type BodySource = Readable | AsyncIterable<Uint8Array> | null;

export interface ReadBodyOptions {
  readonly body: BodySource;
  /** The `content-encoding` header, if there is one. */
  readonly encoding: string | undefined;
  /** The `content-length` header, if there is one. */
  readonly contentLength: string | undefined;
  readonly maxBodyBytes: number;
  readonly budget: ByteBudget;
  /** Joins the pieces into one buffer. Default `Buffer.concat`. */
  readonly join?: (pieces: readonly Uint8Array[], length: number) => Buffer;
}

export type ReadBody = { readonly ok: true; readonly bytes: Buffer } | Refusal;

/**
 * Reads and decompresses the body of a request. Stops at the first byte past a limit. The bytes
 * stay taken from the budget until the caller gives them back. When the body is refused, this
 * function gives them back itself.
 */
export async function readBody(options: ReadBodyOptions): Promise<ReadBody> {
  const { maxBodyBytes, budget, join = concat } = options;
  const encoding = (options.encoding ?? '').trim().toLowerCase();
  const createDecoder = DECODERS.get(encoding);
  if (createDecoder === undefined && encoding !== '' && encoding !== 'identity') {
    return refuse('content_encoding_unsupported', 'the content-encoding must be identity, gzip, deflate or br');
  }
  if (Number(options.contentLength ?? 0) > maxBodyBytes) return tooLarge(maxBodyBytes);

  const collected = new CollectedBody(maxBodyBytes, budget);
  let refusal: Refusal | undefined;
  try {
    refusal =
      createDecoder === undefined && options.body instanceof Readable
        ? await readPlain(options.body, collected)
        : await readPieces(decompressed(options.body, createDecoder, maxBodyBytes), collected);
  } catch (error) {
    if (error instanceof CompressedTooLarge) refusal = tooLarge(maxBodyBytes);
    else if (createDecoder === undefined) refusal = incomplete();
    else refusal = refuse('body_incomplete', `the body is invalid or incomplete ${encoding}`);
  }
  if (refusal === undefined) return { ok: true, bytes: join(collected.pieces, collected.length) };
  budget.giveBack(collected.length);
  return refusal;
}

/** The pieces of a body, within both limits. */
class CollectedBody {
  readonly pieces: Uint8Array[] = [];
  readonly #maxBodyBytes: number;
  readonly #budget: ByteBudget;
  length = 0;

  constructor(maxBodyBytes: number, budget: ByteBudget) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#budget = budget;
  }

  add(piece: Uint8Array): Refusal | undefined {
    if (this.length + piece.length > this.#maxBodyBytes) return tooLarge(this.#maxBodyBytes);
    if (!this.#budget.take(piece.length)) {
      return refuse('receiver_busy', 'too many bodies are being received at once', BUSY_RETRY_AFTER_MS);
    }
    this.length += piece.length;
    this.pieces.push(piece);
    return undefined;
  }
}

async function readPieces(source: AsyncIterable<Uint8Array>, collected: CollectedBody): Promise<Refusal | undefined> {
  for await (const piece of source) {
    const refusal = collected.add(piece);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** By events, which cost a small body a third of an iterator. Nobody else may read the body. */
function readPlain(body: Readable, collected: CollectedBody): Promise<Refusal | undefined> {
  return new Promise((resolve) => {
    const finish = (refusal: Refusal | undefined): void => {
      body.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      // A connection that breaks later has no other listener.
      body.on('error', () => undefined);
      resolve(refusal);
    };
    const onData = (piece: Uint8Array): void => {
      const refusal = collected.add(piece);
      if (refusal === undefined) return;
      body.pause();
      finish(refusal);
    };
    const onEnd = (): void => finish(undefined);
    const onBroken = (): void => finish(incomplete());
    if (body.destroyed) return resolve(incomplete());
    body.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

function incomplete(): Refusal {
  return refuse('body_incomplete', 'the body ended before it was complete');
}

/**
 * The body of a request as a stream of pieces; null when it has none. With Hono's Node server the
 * pieces come directly from the connection, because the web stream around it doubles the cost of
 * reading. A body that a middleware has read or replaced comes from the request instead.
 */
export function requestBody(context: Context): BodySource {
  const incoming = incomingOf(context);
  // The connection must stay open for the answer to a refused body. An iterator, because a middleware
  // may have asked for the web stream without reading it.
  return incoming === undefined ? context.req.raw.body : incoming.iterator({ destroyOnReturn: false });
}

/** Node's request, with Hono's server for Node. */
export function nodeRequestOf({ env }: Context): Readable | undefined {
  const bindings: unknown = env;
  const incoming: unknown = typeof bindings === 'object' && bindings !== null ? Reflect.get(bindings, 'incoming') : undefined;
  return incoming instanceof Readable ? incoming : undefined;
}

/**
 * The Node request. Undefined when a middleware replaced it: the server's own request is a subclass
 * of Request, a replacement is not.
 */
function incomingOf(context: Context): Readable | undefined {
  const incoming = nodeRequestOf(context);
  const { raw } = context.req;
  const isReplaced = Object.getPrototypeOf(raw) === Request.prototype;
  if (incoming === undefined || isReplaced || raw.bodyUsed || incoming.readableDidRead || 'rawBody' in incoming) return undefined;
  return incoming;
}

function concat(pieces: readonly Uint8Array[], length: number): Buffer {
  return Buffer.concat(pieces, length);
}

/** Carries the limit through `pipeline`, which can only report an error by throwing. */
class CompressedTooLarge extends Error {}

function decompressed(body: BodySource, createDecoder: (() => Transform) | undefined, maxBytes: number): AsyncIterable<Uint8Array> {
  // The connection must stay open for the answer to a refused body.
  const source = limited(body instanceof Readable ? body.iterator({ destroyOnReturn: false }) : body, maxBytes);
  if (createDecoder === undefined) return source;
  // The consumer of the decoder receives every error, so the callback has nothing to do.
  return pipeline(source, createDecoder(), () => {});
}

async function* limited(body: AsyncIterable<Uint8Array> | null, maxBytes: number): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxBytes) throw new CompressedTooLarge();
    yield piece;
  }
}

function tooLarge(maxBodyBytes: number): Refusal {
  return refuse('body_too_large', `the body is larger than ${maxBodyBytes} bytes; send fewer events at once, or raise the limit`);
}
