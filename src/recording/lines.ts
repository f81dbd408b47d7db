import type { PieceOrProblem } from './json-pieces.ts';

const LINE_FEED = 0x0a;

/** Splits a stream of bytes into lines. Skips empty lines, and gives a problem for a line that is longer than the limit. */
export class Lines {
  readonly #maxLineBytes: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #line = 1;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  *push(chunk: Uint8Array): Generator<PieceOrProblem> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      this.#keep(chunk.subarray(start, end));
      yield* this.end();
      this.#line += 1;
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  *end(): Generator<PieceOrProblem> {
    const line = this.#line;
    const bytes = this.#bytes;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    if (bytes > this.#maxLineBytes) {
      yield { problem: `the line is longer than the limit of ${this.#maxLineBytes} bytes`, line };
      return;
    }
    const text = Buffer.concat(chunks).toString('utf8').trim();
    if (text !== '') yield { text, line };
  }

  #keep(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#bytes += piece.length;
    if (this.#bytes <= this.#maxLineBytes) this.#chunks.push(piece);
    else this.#chunks = [];
  }
}
