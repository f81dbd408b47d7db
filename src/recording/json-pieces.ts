/** One JSON value, or one element of a top-level array, cut out of a longer text but not parsed. */
export interface JsonPiece {
  readonly text: string;
  /** Line on which it begins, from 1. */
  readonly line: number;
}

export type PieceOrProblem = JsonPiece | { readonly problem: string; readonly line: number };

const quote = 0x22;
const backslash = 0x5c;
const newline = 0x0a;
const openArray = 0x5b;
const closeArray = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;
const comma = 0x2c;

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === newline || byte === 0x0d || byte === 0x09;
}

/**
 * Cuts a stream of bytes into JSON values by following brackets and quotes, so that an array of any length is read one element at a time.
 * Top-level arrays are opened, and there may be several of them; other values at the top end at white space outside of brackets.
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
      if (byte === newline) this.#line += 1;
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
        if (byte === closeArray) this.#isInArray = false;
        continue;
      }
      if (byte === quote) this.#isInString = true;
      else if (byte === openArray || byte === openObject) this.#depth += 1;
      else if (byte === closeArray || byte === closeObject) this.#depth -= 1;
    }
    if (start !== -1) {
      this.#bytes += chunk.length - start;
      // Beyond the limit only the length is kept: the piece is refused when it ends.
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
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) this.#isInString = false;
  }

  /** Whether `byte` is the first of a piece; opens and closes top-level arrays on the way. */
  #begins(byte: number): boolean {
    if (isSpace(byte) || byte === comma) return false;
    if (byte === openArray && !this.#isInArray) this.#isInArray = true;
    else if (byte === closeArray && this.#isInArray) this.#isInArray = false;
    else return true;
    return false;
  }

  #isEndBefore(byte: number): boolean {
    if (this.#depth > 0) return false;
    if (this.#isInArray) return byte === comma || byte === closeArray;
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
