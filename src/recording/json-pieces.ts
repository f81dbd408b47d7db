/** One JSON value of a longer text, or one element of a top-level array. Not parsed. */
export interface JsonPiece {
  readonly text: string;
  /** Line on which the piece begins, from 1. */
  readonly line: number;
}

export type PieceOrProblem = JsonPiece | { readonly problem: string; readonly line: number };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;
}

/**
 * Splits a stream of bytes into JSON values by matching brackets and quotes, so that an array of any length is read element by
 * element. The stream may hold several arrays. Other values at the top level end at white space outside of brackets.
 *
 * The receiver's `splitBody` looks similar but reads a whole body at once: it needs depths and speed, this class needs chunks,
 * line numbers and recovery.
 */
export class JsonPieces {
  readonly #maxPieceBytes: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #line = 1;
  #startLine = 0;
  #depth = 0;
  #isInArray = false;
  #isInString = false;
  #isEscaped = false;

  constructor(maxPieceBytes: number) {
    this.#maxPieceBytes = maxPieceBytes;
  }

  *push(chunk: Uint8Array): Generator<PieceOrProblem> {
    let start = this.#startLine > 0 ? 0 : -1;
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index] ?? 0;
      if (byte === LINE_FEED) this.#line += 1;
      if (this.#isInString) {
        this.#stepInString(byte);
        continue;
      }
      if (start === -1 && !this.#begins(byte)) continue;
      if (start === -1) {
        start = index;
        this.#startLine = this.#line;
      }
      if (this.#isEndBefore(byte)) {
        yield* this.#cut(chunk.subarray(start, index));
        start = -1;
        if (byte === CLOSE_BRACKET) this.#isInArray = false;
        continue;
      }
      if (byte === QUOTE) this.#isInString = true;
      else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) this.#depth += 1;
      else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) this.#depth -= 1;
    }
    if (start !== -1) {
      this.#bytes += chunk.length - start;
      // Above the limit only the length counts: `#cut` reports the piece when it ends.
      if (this.#bytes <= this.#maxPieceBytes) this.#chunks.push(chunk.subarray(start));
    }
  }

  *end(): Generator<PieceOrProblem> {
    if (this.#startLine > 0) {
      const isWhole = this.#depth === 0 && !this.#isInString;
      if (isWhole) yield* this.#cut(new Uint8Array(0));
      else yield { problem: 'the text ends inside a value', line: this.#startLine };
      if (!isWhole) return;
    }
    if (this.#isInArray) yield { problem: 'the text ends before its array is closed', line: this.#line };
  }

  #stepInString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInString = false;
  }

  /** Whether a piece begins at `byte`. Tracks the brackets of top-level arrays. */
  #begins(byte: number): boolean {
    if (isSpace(byte) || byte === COMMA) return false;
    if (byte === OPEN_BRACKET && !this.#isInArray) this.#isInArray = true;
    else if (byte === CLOSE_BRACKET && this.#isInArray) this.#isInArray = false;
    else return true;
    return false;
  }

  #isEndBefore(byte: number): boolean {
    if (this.#depth > 0) return false;
    if (this.#isInArray) return byte === COMMA || byte === CLOSE_BRACKET;
    return isSpace(byte);
  }

  *#cut(rest: Uint8Array): Generator<PieceOrProblem> {
    const line = this.#startLine;
    const bytes = this.#bytes + rest.length;
    const chunks = [...this.#chunks, rest];
    this.#chunks = [];
    this.#bytes = 0;
    this.#startLine = 0;
    this.#depth = 0;
    if (bytes > this.#maxPieceBytes)
      yield { problem: `a value of ${bytes} bytes is longer than the limit of ${this.#maxPieceBytes}`, line };
    else yield { text: Buffer.concat(chunks).toString('utf8').trim(), line };
  }
}
