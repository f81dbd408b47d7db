import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { ByteBudget } from './byte-budget.ts';
import { type Refusal, refuse } from './refusal.ts';

/** Decompressors give their output in pieces of this size, so a bomb is noticed at most one piece past the limit. */
const PIECE_BYTES = 64 * 1024;
const BUSY_RETRY_AFTER_MS = 1000;

const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', () => createGunzip({ chunkSize: PIECE_BYTES })],
  ['x-gzip', () => createGunzip({ chunkSize: PIECE_BYTES })],
  ['deflate', () => createInflate({ chunkSize: PIECE_BYTES })],
  ['br', () => createBrotliDecompress({ chunkSize: PIECE_BYTES })],
]);

export interface ReadBodyOptions {
  readonly body: AsyncIterable<Uint8Array> | null;
  /** The `content-encoding` header, if there is one. */
  readonly encoding: string | undefined;
  /** The `content-length` header, if there is one. */
  readonly contentLength: string | undefined;
  readonly maxBodyBytes: number;
  readonly budget: ByteBudget;
  /** Makes one of the pieces. Default `Buffer.concat`. */
  readonly join?: (pieces: readonly Uint8Array[], length: number) => Buffer;
}

export type ReadBody = { readonly ok: true; readonly bytes: Buffer } | Refusal;

/**
 * Reads and decompresses a body, stopping at the first byte past a limit. The bytes stay taken from the budget; the caller
 * gives them back when it is done with them. A refused body gives its bytes back itself.
 */
export async function readBody(options: ReadBodyOptions): Promise<ReadBody> {
  const { maxBodyBytes, budget, join = concat } = options;
  const encoding = (options.encoding ?? '').trim().toLowerCase();
  const createDecoder = DECODERS.get(encoding);
  if (createDecoder === undefined && encoding !== '' && encoding !== 'identity') {
    return refuse('content_encoding_unsupported', 'the content-encoding must be one of identity, gzip, deflate, br');
  }
  if (Number(options.contentLength ?? 0) > maxBodyBytes) return tooLarge(maxBodyBytes);

  const pieces: Uint8Array[] = [];
  let length = 0;
  const refuseAndGiveBack = (refusal: Refusal): Refusal => {
    budget.giveBack(length);
    return refusal;
  };
  try {
    for await (const piece of decompressed(options.body, createDecoder, maxBodyBytes)) {
      if (length + piece.length > maxBodyBytes) return refuseAndGiveBack(tooLarge(maxBodyBytes));
      if (!budget.take(piece.length)) {
        return refuseAndGiveBack(refuse('receiver_busy', 'too many bodies are being received at once', BUSY_RETRY_AFTER_MS));
      }
      length += piece.length;
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof CompressedTooLarge) return refuseAndGiveBack(tooLarge(maxBodyBytes));
    return refuseAndGiveBack(
      createDecoder === undefined
        ? refuse('body_incomplete', 'the body ended before it was complete')
        : refuse('body_incomplete', `the body is not valid or not complete ${encoding}`),
    );
  }
  return { ok: true, bytes: join(pieces, length) };
}

function concat(pieces: readonly Uint8Array[], length: number): Buffer {
  return Buffer.concat(pieces, length);
}

/** Carries the limit through `pipeline`, which can only end by throwing. */
class CompressedTooLarge extends Error {}

function decompressed(
  body: AsyncIterable<Uint8Array> | null,
  createDecoder: (() => Transform) | undefined,
  maxBytes: number,
): AsyncIterable<Uint8Array> {
  const source = limited(body, maxBytes);
  if (createDecoder === undefined) return source;
  // A failure reaches the reader of the decoder, which is destroyed with it; the callback has nothing to add.
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
  return refuse('body_too_large', `the body is larger than ${maxBodyBytes} bytes; send fewer events at once or raise the limit`);
}
