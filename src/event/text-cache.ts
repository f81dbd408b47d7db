import { ScanBytes } from './scan-bytes.ts';

/** Makes a value of the ASCII text from `start` to `end`. */
type MakeValue<Value> = (bytes: ScanBytes, start: number, end: number) => Value;

/**
 * What was made of texts lately. Events repeat themselves: the names of a task, its function, its node are the same text in
 * thousands of them, are checked once, and are one string in memory for all. Each text has one place, and a newer text with
 * the same place takes it over, so that the size never changes and nobody can make a search long.
 */
export class TextCache<Value> {
  readonly #make: MakeValue<Value>;
  readonly #mask: number;
  /** A longer text is looked at anew each time. Bytes. */
  readonly #maxLength: number;
  readonly #texts: ScanBytes;
  readonly #lengths: Int32Array;
  readonly #values: (Value | undefined)[];

  /** `places` is a power of two. A value of undefined is not kept. */
  constructor(places: number, maxLength: number, make: MakeValue<Value>) {
    this.#make = make;
    this.#mask = places - 1;
    this.#maxLength = maxLength;
    this.#texts = new ScanBytes(Buffer.alloc(places * maxLength));
    this.#lengths = new Int32Array(places);
    this.#values = Array.from({ length: places }, () => undefined);
  }

  /** What `make` gives, now or when the text came before. */
  ofBytes(bytes: ScanBytes, start: number, end: number): Value {
    const length = end - start;
    if (length > this.#maxLength) return this.#make(bytes, start, end);
    const place = bytes.hash(start, end) & this.#mask;
    const kept = this.#values[place];
    if (kept !== undefined && this.#lengths[place] === length && bytes.isAt(start, this.#texts, place * this.#maxLength, length)) {
      return kept;
    }
    const value = this.#make(bytes, start, end);
    if (value !== undefined) {
      this.#values[place] = value;
      this.#lengths[place] = length;
      bytes.bytes.copy(this.#texts.bytes, place * this.#maxLength, start, end);
    }
    return value;
  }
}
