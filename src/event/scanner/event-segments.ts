import { NO_SLOT, type Segment, type ValueKind } from './event-shapes.ts';
import { snakeName } from '../fields.ts';
import type { ScanBytes } from '../scan-bytes.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
const ONE_OF = '*';

/** Role of a value in `EventShapes`. A value without a role is fixed. */
export interface Role {
  /** Slot of the value. Inside a list it is the slot of the first element. */
  readonly slot?: number;
  /** Default `plain`, which cannot learn a string with escapes. */
  readonly kind?: ValueKind;
  /** Fields of an object, by both spellings of their names. */
  readonly fields?: ReadonlyMap<string, Field>;
  /** Role of the elements of a list. */
  readonly elements?: Role;
  /** An event with this value cannot be learned. */
  readonly isNotLearned?: boolean;
}

interface Field {
  readonly role: Role | undefined;
  /** The decoder reads one field of a group, so an object with two of them cannot be learned. */
  readonly group: string;
}

/**
 * Makes the role of an object. The two spellings of a name form a group, and so do all names of
 * `oneOf`.
 */
export function objectRole(roles: Readonly<Record<string, Role>>, oneOf: readonly string[] = []): Role {
  const fields = new Map<string, Field>();
  for (const name of [...Object.keys(roles), ...oneOf]) {
    const field = { role: roles[name], group: oneOf.includes(name) ? ONE_OF : name };
    fields.set(name, field);
    fields.set(snakeName(name), field);
  }
  return { fields };
}

/**
 * Cuts an event, valid JSON from `start` to `end`, into fixed bytes and values. Returns undefined
 * when the event cannot be learned:
 * 1. A field occurs twice: JSON.parse takes the last one, the scanner could take either.
 * 2. A string has escapes or is not ASCII.
 * 3. A list is too long.
 */
export function segmentsOf(bytes: ScanBytes, start: number, end: number, role: Role): readonly Segment[] | undefined {
  const cutter = new Cutter(bytes, start, end);
  return cutter.cut(role) ? cutter.segments : undefined;
}

class Cutter {
  readonly segments: Segment[] = [];
  readonly #bytes: ScanBytes;
  readonly #end: number;
  readonly #taken = new Set<number>();
  #position: number;
  #fixedFrom: number;
  /** Index in the current list. */
  #elementIndex = 0;

  constructor(bytes: ScanBytes, start: number, end: number) {
    this.#bytes = bytes;
    this.#position = start;
    this.#fixedFrom = start;
    this.#end = end;
  }

  cut(role: Role): boolean {
    if (!this.#value(role) || this.#position > this.#end) return false;
    this.segments.push({ start: this.#fixedFrom, end: this.#position, kind: 'none', slot: NO_SLOT });
    return true;
  }

  #value(role: Role | undefined): boolean {
    if (role?.isNotLearned === true) return false;
    const byte = this.#bytes.at(this.#position);
    if (byte === OPEN_BRACE && role?.fields !== undefined) return this.#object(role.fields);
    if (byte === OPEN_BRACKET && role?.elements !== undefined) return this.#list(role.elements);
    if (byte === QUOTE) return this.#string(role);
    if (isDigit(byte) && role?.slot !== undefined) return this.#digits(role.slot);
    return this.#fixed();
  }

  #object(fields: ReadonlyMap<string, Field>): boolean {
    const groups = new Set<string>();
    this.#skip(1);
    while (this.#bytes.at(this.#position) === QUOTE) {
      const end = this.#bytes.endOfPlain(this.#position + 1);
      // An escape could spell the name of a field with a role.
      if (this.#bytes.at(end) !== QUOTE) return false;
      const field = fields.get(this.#bytes.text(this.#position + 1, end));
      if (field !== undefined && groups.has(field.group)) return false;
      if (field !== undefined) groups.add(field.group);
      this.#position = end;
      this.#skip(1);
      if (this.#bytes.at(this.#position) !== COLON) return false;
      this.#skip(1);
      if (!this.#value(field?.role)) return false;
      this.#skip(0);
      if (this.#bytes.at(this.#position) === COMMA) this.#skip(1);
    }
    return this.#close(CLOSE_BRACE);
  }

  #list(elements: Role): boolean {
    this.#skip(1);
    for (this.#elementIndex = 0; this.#bytes.at(this.#position) !== CLOSE_BRACKET; this.#elementIndex += 1) {
      if (!this.#value(elements)) return false;
      this.#skip(0);
      if (this.#bytes.at(this.#position) === COMMA) this.#skip(1);
    }
    this.#elementIndex = 0;
    return this.#close(CLOSE_BRACKET);
  }

  #string(role: Role | undefined): boolean {
    const start = this.#position + 1;
    const end = this.#bytes.endOfString(start);
    if (end < 0) return false;
    const kind = role?.kind ?? 'plain';
    if (role?.slot !== undefined) {
      if (kind === 'plain' && this.#bytes.endOfPlain(start) !== end) return false;
      if (!this.#cutOut(start, end, kind, role.slot)) return false;
    }
    this.#position = end + 1;
    return true;
  }

  #digits(slot: number): boolean {
    const start = this.#position;
    while (isDigit(this.#bytes.at(this.#position))) this.#position += 1;
    // A fraction or exponent would be part of the value.
    const next = this.#bytes.at(this.#position);
    const isWhole = next === COMMA || next === CLOSE_BRACE || next === CLOSE_BRACKET || next <= SPACE;
    return isWhole && this.#cutOut(start, this.#position, 'digits', slot);
  }

  #cutOut(start: number, end: number, kind: ValueKind, firstSlot: number): boolean {
    const slot = firstSlot === NO_SLOT ? NO_SLOT : firstSlot + this.#elementIndex;
    if (slot > NO_SLOT || (slot !== NO_SLOT && this.#taken.has(slot)) || (slot === NO_SLOT && firstSlot !== NO_SLOT)) return false;
    this.#taken.add(slot);
    this.segments.push({ start: this.#fixedFrom, end: start, kind, slot });
    this.#fixedFrom = end;
    return true;
  }

  /** Skips `count` bytes, and the whitespace after them. */
  #skip(count: number): void {
    this.#position += count;
    while (this.#position < this.#end && this.#bytes.at(this.#position) <= SPACE) this.#position += 1;
  }

  #close(bracket: number): boolean {
    if (this.#bytes.at(this.#position) !== bracket) return false;
    this.#position += 1;
    return true;
  }

  /** Skips a value with its content. */
  #fixed(): boolean {
    let levels = 0;
    for (; this.#position < this.#end; this.#position += 1) {
      const byte = this.#bytes.at(this.#position);
      if (byte === QUOTE) {
        this.#position = this.#bytes.endOfString(this.#position + 1);
        if (this.#position < 0) return false;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        levels += 1;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === COMMA) {
        if (levels === 0) return true;
        if (byte !== COMMA) levels -= 1;
      }
    }
    return levels === 0;
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
