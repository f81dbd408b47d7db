import type { Block } from './byte-writer.ts';

/** Maximum values of one key that are kept encoded. */
const MAX_VALUES = 32;
/** Maximum length of a kept value. */
const MAX_VALUE_LENGTH = 256;
/** A full cache with fewer uses is disabled: the key has too many distinct values. */
const MIN_USES = 8 * MAX_VALUES;

/**
 * Caches the encoded fields of one key by value. Job, type, worker and state have few values in
 * most spans. An attempt span takes 1.9 us with this cache, and 2.6 us without.
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

  /** Whether `add` would keep the value. */
  takes(value: unknown): boolean {
    return this.#fields !== undefined && (typeof value === 'string' ? value.length <= MAX_VALUE_LENGTH : typeof value !== 'object');
  }

  add(value: unknown, field: Block): void {
    if (this.#fields === undefined) return;
    if (this.#fields.size >= MAX_VALUES) {
      if (this.#uses < MIN_USES) {
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
