import { ScanBytes } from './scan-bytes.ts';

/** Makes a value from the ASCII text between `start` and `end`. */
type MakeValue<Value> = (bytes: ScanBytes, start: number, end: number) => Value;

/**
 * Cache of values made from texts. Names of tasks, functions and nodes repeat in thousands of
 * events; each is checked once and stored as one string. Each text hashes to one slot, and a newer
 * text replaces the older one. So the size is fixed and no input can slow down a lookup.
 */
export class TextCache<Value> {
  readonly #make: MakeValue<Value>;
  readonly #mask: number;
  /** Longer texts are not cached. Bytes. */
  readonly #maxLength: number;
  readonly #texts: ScanBytes;
  readonly #lengths: Int32Array;
  readonly #values: (Value | undefined)[];

  /** `slots` is a power of two. A value of undefined is not kept. */
  constructor(slots: number, maxLength: number, make: MakeValue<Value>) {
    this.#make = make;
    this.#mask = slots - 1;
    this.#maxLength = maxLength;
    this.#texts = new ScanBytes(Buffer.alloc(slots * maxLength));
    this.#lengths = new Int32Array(slots);
    this.#values = Array.from({ length: slots }, () => undefined);
  }

  /** Returns the cached value of this text, or makes it. */
  ofBytes(bytes: ScanBytes, start: number, end: number): Value {
    const length = end - start;
    if (length > this.#maxLength) return this.#make(bytes, start, end);
    const slot = bytes.hash(start, end) & this.#mask;
    const kept = this.#values[slot];
    if (kept !== undefined && this.#lengths[slot] === length && bytes.isAt(start, this.#texts, slot * this.#maxLength, length)) {
      return kept;
    }
    const value = this.#make(bytes, start, end);
    if (value !== undefined) {
      this.#values[slot] = value;
      this.#lengths[slot] = length;
      bytes.bytes.copy(this.#texts.bytes, slot * this.#maxLength, start, end);
    }
    return value;
  }
}
