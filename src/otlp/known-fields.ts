import type { Block } from './byte-writer.ts';

/** Values of one key that are kept encoded. */
const VALUES_MAX = 32;
/** Longer ones are not kept. */
const VALUE_LENGTH_MAX = 256;
/** Where the values were used so seldom before there was no more room, the key has too many of them: then nothing is kept. */
const USES_MIN = 8 * VALUES_MAX;

/**
 * Fields that were written before, by their value: the job, the type, the worker, the state... of most spans are one of few. An attempt's span
 * takes 1.9 us to write with them, and 2.6 without.
 */
export class KnownFields {
  #fields: Map<unknown, Block> | undefined = new Map();
  #uses = 0;
  #lastValue: unknown;
  #lastField: Block | undefined;

  find(value: unknown): Block | undefined {
    if (value !== this.#lastValue) {
      this.#lastValue = value;
      this.#lastField = this.#fields?.get(value);
    }
    if (this.#lastField !== undefined) this.#uses += 1;
    return this.#lastField;
  }

  /** Whether `add` would keep it. */
  takes(value: unknown): boolean {
    return this.#fields !== undefined && (typeof value === 'string' ? value.length <= VALUE_LENGTH_MAX : typeof value !== 'object');
  }

  add(value: unknown, field: Block): void {
    if (this.#fields === undefined) return;
    if (this.#fields.size >= VALUES_MAX) {
      if (this.#uses < USES_MIN) {
        this.#fields = undefined;
        return;
      }
      this.#fields.clear();
      this.#uses = 0;
    }
    this.#fields.set(value, field);
    if (value === this.#lastValue) this.#lastField = field;
  }
}
