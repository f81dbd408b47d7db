const MEBIBYTE = 1024 * 1024;

/** Larger than a body of Ray, which has 1,000 events of 740 bytes. */
const BUFFER_BYTES = MEBIBYTE;
/** As many as are decoded at once by a cluster that posts at its fullest. */
const MAX_KEPT = 8;

/** Memory for whole bodies, used again and again: what is allocated for each is what makes the garbage collector run. */
export interface BodyBuffers {
  /** The pieces as one. To be given back once, and not used after that. */
  join(pieces: readonly Uint8Array[], length: number): Buffer;
  giveBack(body: Buffer): void;
}

export interface BodyBuffersOptions {
  /** Of each buffer; larger bodies have memory of their own. Default 1 MiB. */
  readonly bufferBytes?: number;
  /** Buffers that are kept while nobody uses them. Default 8. */
  readonly maxKept?: number;
}

export function createBodyBuffers({ bufferBytes = BUFFER_BYTES, maxKept = MAX_KEPT }: BodyBuffersOptions = {}): BodyBuffers {
  const idle: Buffer[] = [];
  const used = new Map<Buffer, Buffer>();

  return {
    join(pieces, length) {
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
