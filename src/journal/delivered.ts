import type { SpanKey } from './journal.ts';
import { numberedKey, numberOf, rangeOf } from './keys.ts';
import type { Level } from './store.ts';
import { decodeValue, encodeValue } from './stored-value.ts';

const KEY_HEX = 48;

export interface DeliveredWrite {
  readonly type: 'put';
  readonly key: Buffer;
  readonly value: Buffer;
}

/**
 * Spans delivered since the last checkpoint: by previous processes, and those not written to the
 * store yet.
 */
export class Delivered {
  readonly #previous = new Map<string, Set<SpanKey>>();
  readonly #unwritten: { readonly exporter: string; readonly keys: Buffer }[] = [];
  #next = 0;
  bytes = 0;

  /** Calls `onDamaged` for each unreadable record. */
  async load(level: Level, onDamaged: () => void): Promise<void> {
    for await (const [key, value] of level.iterator(rangeOf('delivered'))) {
      this.#next = numberOf(key);
      this.bytes += value.length;
      const content = decodeValue(value)?.content;
      if (isRecord(content)) this.#add(content);
      else onDamaged();
    }
  }

  was(exporter: string, key: SpanKey): boolean {
    return this.#previous.get(exporter)?.has(key) === true;
  }

  get remembers(): boolean {
    return this.#previous.size > 0;
  }

  note(exporter: string, keys: Buffer): void {
    this.#unwritten.push({ exporter, keys });
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.length > 0;
  }

  /** The records to write. Call `written` with them afterwards. */
  unwritten(): readonly DeliveredWrite[] {
    return this.#unwritten.map(({ exporter, keys }, index) => ({
      type: 'put',
      key: numberedKey('delivered', this.#next + index + 1),
      value: encodeValue([exporter, keys]),
    }));
  }

  written(writes: readonly DeliveredWrite[]): void {
    this.#unwritten.splice(0, writes.length);
    this.#next += writes.length;
    for (const { value } of writes) this.bytes += value.length;
  }

  /** Number of the last record. A checkpoint makes the records up to it obsolete. */
  get end(): number {
    return this.#next;
  }

  async removeTo(level: Level, end: number): Promise<void> {
    await level.clear({ gte: rangeOf('delivered').gte, lte: numberedKey('delivered', end) });
    if (this.#next === end) this.bytes = 0;
    this.#previous.clear();
  }

  #add([exporter, bytes]: readonly [string, Uint8Array]): void {
    let keys = this.#previous.get(exporter);
    if (keys === undefined) {
      keys = new Set();
      this.#previous.set(exporter, keys);
    }
    const hex = Buffer.from(bytes).toString('hex');
    for (let start = 0; start < hex.length; start += KEY_HEX) keys.add(hex.slice(start, start + KEY_HEX));
  }
}

function isRecord(content: unknown): content is readonly [string, Uint8Array] {
  return Array.isArray(content) && typeof content[0] === 'string' && content[1] instanceof Uint8Array;
}
