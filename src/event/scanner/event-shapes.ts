import { ScanBytes } from '../scan-bytes.ts';

const ZERO = 0x30;
const NINE = 0x39;
/** Digits of a number; more than any pid has. */
const MAX_DIGITS = 9;
/** Different bytes that may stand at one place of an event. The oldest gives way. */
const MAX_ALTERNATIVES = 16;
/** All bytes that were learned. Beyond, everything is forgotten, and what still comes is learned anew. */
const MAX_LEARNED_BYTES = 256 * 1024;
/** The slot of values that nobody reads. */
export const NO_SLOT = 31;

/** What stands between fixed bytes: the inside of a string without escapes, that of any string, or some digits. */
export type ValueKind = 'plain' | 'text' | 'digits';

/** Fixed bytes of an event, from `start` to `end`, and the value behind them, but for the last. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly kind: ValueKind | 'none';
  readonly slot: number;
}

/** What all events with the same fixed bytes have in common. */
export interface EventShape<Common> {
  readonly common: Common;
  /** Bit n is set when slot n has a value. */
  readonly slots: number;
}

interface Step<Common> {
  readonly bytes: ScanBytes;
  readonly kind: ValueKind | 'none';
  readonly slot: number;
  readonly next: Alternatives<Common>;
  shape: EventShape<Common> | undefined;
}

/** What may stand at one place. */
interface Alternatives<Common> {
  /** The oldest first. */
  readonly steps: Step<Common>[];
  /** Bytes at their begin that all of them share. */
  shared: number;
}

/**
 * Events of one kind are the same bytes but for the ids, times and names in them. From those that the decoder read it learns
 * which bytes are fixed, as a tree, and finds the values of the next ones by comparing bytes. What differs from a good event in
 * digits and the inside of strings alone is JSON too, with the same fields.
 */
export class EventShapes<Common> {
  /** Where the values stand that the last match found, by slot. */
  readonly starts = new Int32Array(NO_SLOT + 1);
  readonly ends = new Int32Array(NO_SLOT + 1);
  /** Behind the event that the last match found. */
  end = 0;
  readonly #maxLearnedBytes: number;
  #first: Alternatives<Common> = { steps: [], shared: 0 };
  #learnedBytes = 0;

  constructor(maxLearnedBytes = MAX_LEARNED_BYTES) {
    this.#maxLearnedBytes = maxLearnedBytes;
  }

  /** The shape of the event that begins at `from`; undefined for one that was not learned. */
  match(bytes: ScanBytes, from: number): EventShape<Common> | undefined {
    let position = from;
    let alternatives = this.#first;
    for (;;) {
      const step = findStep(bytes, position, alternatives);
      if (step === undefined) return undefined;
      position += step.bytes.length;
      if (step.kind === 'none') {
        this.end = position;
        return step.shape;
      }
      const end = endOfValue(bytes, position, step.kind);
      if (end < 0) return undefined;
      this.starts[step.slot] = position;
      this.ends[step.slot] = end;
      position = end;
      alternatives = step.next;
    }
  }

  /** As if a match had found the values of these segments. Gives their slots. */
  place(segments: readonly Segment[]): number {
    let slots = 0;
    for (const [index, { end, kind, slot }] of segments.entries()) {
      if (kind === 'none') break;
      if (slot !== NO_SLOT) slots |= 1 << slot;
      this.starts[slot] = end;
      this.ends[slot] = segments[index + 1]?.start ?? end;
    }
    return slots;
  }

  /** `segments` are the whole of an event that the decoder read. */
  learn(bytes: ScanBytes, segments: readonly Segment[], common: Common): void {
    const shape = { common, slots: this.place(segments) };
    if (this.#learnedBytes > this.#maxLearnedBytes) {
      this.#first = { steps: [], shared: 0 };
      this.#learnedBytes = 0;
    }
    let alternatives = this.#first;
    for (const segment of segments) {
      const step = alternatives.steps.find((known) => isStep(known, bytes, segment)) ?? this.#add(bytes, segment, alternatives);
      if (segment.kind === 'none') step.shape ??= shape;
      alternatives = step.next;
    }
  }

  learnedBytes(): number {
    return this.#learnedBytes;
  }

  #add(bytes: ScanBytes, { start, end, kind, slot }: Segment, alternatives: Alternatives<Common>): Step<Common> {
    const step: Step<Common> = {
      bytes: new ScanBytes(Buffer.from(bytes.bytes.subarray(start, end))),
      kind,
      slot,
      next: { steps: [], shared: 0 },
      shape: undefined,
    };
    if (alternatives.steps.length >= MAX_ALTERNATIVES) alternatives.steps.shift();
    alternatives.steps.push(step);
    alternatives.shared = sharedLength(alternatives.steps);
    this.#learnedBytes += end - start;
    return step;
  }
}

/** Of many that begin alike, nearly all are told apart by their first bytes that differ. */
function findStep<Common>(bytes: ScanBytes, position: number, { steps, shared }: Alternatives<Common>): Step<Common> | undefined {
  const first = steps[0];
  if (first === undefined || !bytes.isAt(position, first.bytes, 0, shared)) return undefined;
  for (let index = 0; index < steps.length; index += 1) {
    const step = steps[index];
    if (step !== undefined && bytes.isAt(position + shared, step.bytes, shared, step.bytes.length - shared)) return step;
  }
  return undefined;
}

function sharedLength(steps: readonly Step<unknown>[]): number {
  let shared = 0;
  while (steps.every(({ bytes }) => shared < bytes.length && bytes.at(shared) === steps[0]?.bytes.at(shared))) shared += 1;
  return shared;
}

function isStep(step: Step<unknown>, bytes: ScanBytes, { start, end, kind, slot }: Segment): boolean {
  return step.kind === kind && step.slot === slot && step.bytes.length === end - start && bytes.isAt(start, step.bytes, 0, end - start);
}

/** The end of the value at `from`; that the quote of a string stands there is for the next fixed bytes to say. -1 for none. */
function endOfValue(bytes: ScanBytes, from: number, kind: ValueKind): number {
  if (kind === 'plain') return bytes.endOfPlain(from);
  return kind === 'text' ? bytes.endOfString(from) : endOfDigits(bytes, from);
}

function endOfDigits(bytes: ScanBytes, from: number): number {
  if (bytes.at(from) === ZERO) return from + 1;
  let position = from;
  while (position - from <= MAX_DIGITS && isDigit(bytes.at(position))) position += 1;
  return position > from && position - from <= MAX_DIGITS ? position : -1;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
