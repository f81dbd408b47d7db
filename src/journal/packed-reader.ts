import { createMessagePack } from './message-pack.ts';

const LOW_BITS = 0x7f;
const MORE = 0x80;

const PACKR = createMessagePack();

/**
 * Reads the output of `PackedWriter`, in the same order. Throws when the bytes end early or refer
 * to an unknown shared value.
 */
export class PackedReader {
  readonly #bytes: Buffer;
  readonly #shared: unknown[] = [undefined];
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError('the bytes end too early');
    this.#at += 1;
    return byte;
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  integer(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & LOW_BITS) * factor;
      if (byte < MORE) return value;
      factor *= MORE;
    }
  }

  bigint(): bigint {
    const value = this.#bytes.readBigInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  hex(size: number): string {
    const from = this.#skip(size);
    return this.#bytes.toString('hex', from, this.#at);
  }

  latin1(): string {
    const from = this.#skip(this.integer());
    return this.#bytes.toString('latin1', from, this.#at);
  }

  text(): string {
    const text = this.#sharedOr(() => this.#newText());
    if (typeof text !== 'string') throw new RangeError('the shared value is not a text');
    return text;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the type that was written
  object<Content extends object>(): Content {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was written
    return this.#sharedOr(() => this.content<Content>()) as Content;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the type that was written
  content<Content>(): Content {
    const from = this.#skip(this.integer());
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was written
    return PACKR.unpack(this.#bytes.subarray(from, this.#at)) as Content;
  }

  #newText(): string {
    const length = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    const from = this.#skip(length);
    return this.#bytes.toString('utf8', from, this.#at);
  }

  #sharedOr(readNew: () => unknown): unknown {
    const number = this.integer();
    if (number >= this.#shared.length) throw new RangeError(`no shared value has the number ${number}`);
    if (number === 0) this.#shared.push(readNew());
    return number === 0 ? this.#shared.at(-1) : this.#shared[number];
  }

  /** Returns the position before the skip. A position past the end makes the next read throw. */
  #skip(length: number): number {
    const from = this.#at;
    this.#at += length;
    return from;
  }
}
