import { ScanBytes } from '../scan-bytes.ts';

const ZERO = 0x30;
const NINE = 0x39;
/** Maximum digits of a number; more than any pid has. */
const MAX_DIGITS = 9;
/** Maximum alternatives at one position of an event. The oldest is dropped. */
const MAX_ALTERNATIVES = 16;
/**
 * Maximum learned bytes. Beyond it, all shapes are dropped and learned again from the next events.
 */
const MAX_LEARNED_BYTES = 256 * 1024;
/** Slot of values that are never read. */
export const NO_SLOT = 31;

/** A value between fixed bytes: a string without escapes, any string, or digits. */
export type ValueKind = 'plain' | 'text' | 'digits';

/**
 * Fixed bytes of an event from `start` to `end`, and the value after them. The last segment has no
 * value.
 */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly kind: ValueKind | 'none';
  readonly slot: number;
}

/** What all events with the same fixed bytes share. */
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

/** The alternatives at one position. */
interface Alternatives<Common> {
  /** Oldest first. */
  readonly steps: Step<Common>[];
  /** Number of leading bytes that all alternatives share. */
  shared: number;
}

/**
 * Learns the shapes of events. Events of one kind differ only in ids, times and names. From events
 * that the decoder read it learns the fixed bytes, as a tree. It finds the values of later events
 * by comparing bytes. An event that differs from a valid one only in digits and string contents is
 * valid JSON with the same fields.
 */
export class EventShapes<Common> {
  /** Start of each value of the last match, by slot; `ends` has the ends. */
  readonly starts = new Int32Array(NO_SLOT + 1);
  readonly ends = new Int32Array(NO_SLOT + 1);
  /** Position after the last matched event. */
  end = 0;
  readonly #maxLearnedBytes: number;
  #first: Alternatives<Common> = { steps: [], shared: 0 };
  #learnedBytes = 0;

  constructor(maxLearnedBytes = MAX_LEARNED_BYTES) {
    this.#maxLearnedBytes = maxLearnedBytes;
  }

  /** Returns the shape of the event at `from`; undefined for an unknown shape. */
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

  /**
   * Sets the positions of the values as a match of these segments would. Returns their slots as
   * bits.
   */
  locate(segments: readonly Segment[]): number {
    let slots = 0;
    for (const [index, { end, kind, slot }] of segments.entries()) {
      if (kind === 'none') break;
      if (slot !== NO_SLOT) slots |= 1 << slot;
      this.starts[slot] = end;
      this.ends[slot] = segments[index + 1]?.start ?? end;
    }
    return slots;
  }

  /** Learns an event that the decoder read, cut into `segments`. */
  learn(bytes: ScanBytes, segments: readonly Segment[], common: Common): void {
    const shape = { common, slots: this.locate(segments) };
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

/**
 * Finds the matching alternative. It compares the shared prefix once; the next bytes reject nearly
 * all others.
 */
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

/** Returns the end of the value at `from`, or -1. The next fixed bytes check the closing quote. */
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
