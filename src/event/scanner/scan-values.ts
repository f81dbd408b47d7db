import type { EventShapes } from './event-shapes.ts';
import type { Problem } from '../fields.ts';
import { hexFromBase64Bytes, ID_BYTES, type IdBytes, isNilId } from '../hex-id.ts';
import type { TimeNs } from '../ray-event.ts';
import { ScanBytes } from '../scan-bytes.ts';
import { scanTimestamp } from './scan-time.ts';
import { idsOf, MAX_TEXT_LENGTH, NIL_ID, PLAIN_TEXTS } from '../shared-values.ts';

const ZERO = 0x30;
const NINE = 0x39;
/** Maximum digits of a number; a double holds all such numbers exactly. */
const MAX_DIGITS = 15;

const DELETE = '\u007f';
const NO_MEMBERS = new ScanBytes(Buffer.from('{}'));

/**
 * Reads the values of an event at the positions that `EventShapes` found, by slot. An unusual value
 * sets `isUnusual`. The result is then discarded, and `decodeEvent` reads the event.
 */
export class ScannedValues {
  isUnusual = false;
  #bytes = new ScanBytes(Buffer.alloc(0));
  #slots = 0;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  constructor({ starts, ends }: Pick<EventShapes<unknown>, 'starts' | 'ends'>) {
    this.#starts = starts;
    this.#ends = ends;
  }

  /** Starts an event. `slots` has a bit for each slot with a value. */
  begin(bytes: ScanBytes, slots: number): void {
    this.#bytes = bytes;
    this.#slots = slots;
    this.isUnusual = false;
  }

  has(slot: number): boolean {
    return ((this.#slots >>> slot) & 1) !== 0;
  }

  /** Whether any slot of these bits has a value. */
  hasAny(slots: number): boolean {
    return (this.#slots & slots) !== 0;
  }

  /**
   * Reads a text that needs no cleaning, shared by all events that contain it; `''` when absent.
   */
  text(slot: number): string {
    if (!this.has(slot)) return '';
    const start = this.#start(slot);
    const end = this.#end(slot);
    if (end - start > MAX_TEXT_LENGTH) return this.#unusual('');
    return PLAIN_TEXTS.ofBytes(this.#bytes, start, end) ?? this.#unusual('');
  }

  /**
   * Reads a unique string without control characters. DEL is the only one a plain value can
   * contain.
   */
  uniqueText(slot: number, limit: number): string {
    const length = this.#end(slot) - this.#start(slot);
    if (!this.has(slot) || length < 1 || length > limit) return this.#unusual('');
    const text = this.#bytes.text(this.#start(slot), this.#end(slot));
    return text.includes(DELETE) ? this.#unusual('') : text;
  }

  /** Reads an id; `NIL_ID` when absent. */
  id(slot: number, size: IdBytes): string {
    if (!this.has(slot)) return NIL_ID;
    return idsOf(size).ofBytes(this.#bytes, this.#start(slot), this.#end(slot)) ?? this.#unusual(NIL_ID);
  }

  /**
   * Reads the id of the event's task. It occurs four or five times only, so a cache would cost more
   * than decoding.
   */
  taskId(slot: number): string {
    if (!this.has(slot)) return this.#unusual('');
    const hex = hexFromBase64Bytes(this.#bytes.bytes, this.#start(slot), this.#end(slot), ID_BYTES.task);
    return hex === undefined || isNilId(hex) ? this.#unusual('') : hex;
  }

  /** Reads a count or pid; 0 when absent. */
  integer(slot: number): number {
    return this.count(slot) ?? 0;
  }

  count(slot: number): number | undefined {
    if (!this.has(slot)) return undefined;
    const end = this.#end(slot);
    let position = this.#start(slot);
    if (position === end || end - position > MAX_DIGITS) return this.#unusual(0);
    let value = 0;
    for (; position < end; position += 1) {
      const byte = this.#bytes.at(position);
      if (byte < ZERO || byte > NINE) return this.#unusual(0);
      value = value * 10 + (byte - ZERO);
    }
    return value;
  }

  time(slot: number): TimeNs {
    if (!this.has(slot)) return this.#unusual(0n);
    return scanTimestamp(this.#bytes, this.#start(slot), this.#end(slot)) ?? this.#unusual(0n);
  }

  /** Reads a text that may have escapes; `''` when absent. */
  parsed(slot: number): string {
    const start = this.#start(slot);
    const end = this.#end(slot);
    return this.has(slot) && start < end ? String(JSON.parse(this.#bytes.text(start - 1, end + 1))) : '';
  }

  isEmptyObject(slot: number): boolean {
    const start = this.#start(slot);
    return this.has(slot) && this.#end(slot) - start === NO_MEMBERS.length && this.#bytes.isAt(start, NO_MEMBERS, 0, NO_MEMBERS.length);
  }

  session(slot: number): string {
    return this.text(slot) || this.#unusual('');
  }

  rejectOn({ message }: Problem): void {
    if (message !== undefined) this.isUnusual = true;
  }

  #start(slot: number): number {
    return this.#starts[slot] ?? 0;
  }

  #end(slot: number): number {
    return this.#ends[slot] ?? 0;
  }

  #unusual<Value>(value: Value): Value {
    this.isUnusual = true;
    return value;
  }
}
