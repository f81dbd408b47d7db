const MEBIBYTE = 1024 * 1024;

/** Larger than a body from Ray: 1,000 events of 740 bytes. */
const BUFFER_BYTES = MEBIBYTE;
/** Bodies that a cluster under full load has in decoding at once. */
const MAX_KEPT = 8;

/** A number of bytes that all requests share. */
export interface ByteBudget {
  /** Returns false, and takes nothing, when fewer bytes are left. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
  taken(): number;
}

export function createByteBudget(limitBytes: number): ByteBudget {
  let takenBytes = 0;
  return {
    take(bytes) {
      if (takenBytes + bytes > limitBytes) return false;
      takenBytes += bytes;
      return true;
    },
    giveBack(bytes) {
      takenBytes -= bytes;
    },
    taken: () => takenBytes,
  };
}

/** A pool of buffers for whole bodies. A buffer per body would keep the garbage collector busy. */
export interface BodyBuffers {
  /** Joins the pieces. Give the result back exactly once, and do not use it afterwards. */
  join(pieces: readonly Uint8Array[], length: number): Buffer;
  giveBack(body: Buffer): void;
}

export interface BodyBuffersOptions {
  /** Size of each buffer; larger bodies get memory of their own. Default 1 MiB. */
  readonly bufferBytes?: number;
  /** Unused buffers kept in the pool. Default 8. */
  readonly maxKept?: number;
}

export function createBodyBuffers({ bufferBytes = BUFFER_BYTES, maxKept = MAX_KEPT }: BodyBuffersOptions = {}): BodyBuffers {
  const idle: Buffer[] = [];
  const used = new Map<Buffer, Buffer>();

  return {
    join(pieces, length) {
      const [first] = pieces;
      // Most small bodies arrive whole; the piece is not used for anything else.
      if (pieces.length === 1 && first !== undefined) return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
      const isSmall = length * 16 < bufferBytes;
      if (isSmall || length > bufferBytes) return Buffer.concat(pieces, length);
      const whole = idle.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
      const body = whole.subarray(0, length);
      let position = 0;
      for (const piece of pieces) {
        body.set(piece, position);
        position += piece.length;
      }
      used.set(body, whole);
      return body;
    },
    giveBack(body) {
      const whole = used.get(body);
      used.delete(body);
      if (whole !== undefined && idle.length < maxKept) idle.push(whole);
    },
  };
}
