import { type StateTransition, TASK_STATE_NAMES, TASK_STATES, type TimeNs } from '../../event/index.ts';

/**
 * The transitions of one attempt in one text: of each the number of its state (1 character) and its time (9 characters of 7 bits, lowest first);
 * a state that is not in the table has number 0 and its name behind the time, with its length. Three states take 48 B of heap and one object,
 * as an array of objects with bigints 392 B and seven. Only ever made and read here.
 */
export type PackedStates = string;

export const NO_STATES: PackedStates = '';

const NUMBERS: ReadonlyMap<string, number> = new Map(TASK_STATES.map(({ name, number }) => [name, number]));
const TIME_LENGTH = 9;
const LENGTH = 1 + TIME_LENGTH;
/** Longer texts are not made: 60 of Ray's states. */
const MAX_PACKED = 600;
/** Up to here texts are made flat; a longer one, and one of wide characters, is left to the engine, which keeps its pieces. */
const MAX_FLAT_LENGTH = 400;
const MAX_LATIN1 = 0xff;
/** A text is put together here: of all that a recording's events made the garbage collector do, arrays of character codes were a tenth. */
const scratch = Buffer.alloc(MAX_FLAT_LENGTH);

const ns = new BigUint64Array(1);
const halves = new Uint32Array(ns.buffer);

/** Adds the transitions that are new. For few of them: each is looked for among all. */
export function addStates(known: PackedStates, added: readonly StateTransition[]): PackedStates {
  let packed = known;
  for (const transition of added) {
    const one = pack(transition);
    if (!includes(packed, one)) packed = joined(packed, one);
  }
  return packed;
}

/** There may be too many to pack. */
export function areMany(known: PackedStates, added: readonly StateTransition[]): boolean {
  return known.length + added.length * LENGTH > MAX_PACKED;
}

let lastPacked: PackedStates = NO_STATES;
let lastUnpacked: readonly StateTransition[] = [];

/** Returns the states in order of arrival. Keeps the last result, because closing an attempt asks several times. */
export function unpackStates(packed: PackedStates): readonly StateTransition[] {
  if (packed === lastPacked) return lastUnpacked;
  const transitions: StateTransition[] = [];
  for (let at = 0; at < packed.length; at = next(packed, at)) transitions.push({ state: nameAt(packed, at), timeNs: timeAt(packed, at) });
  lastPacked = packed;
  lastUnpacked = transitions;
  return transitions;
}

/** `state` must be one of Ray's. */
export function hasState(packed: PackedStates, state: string): boolean {
  const number = NUMBERS.get(state);
  for (let at = 0; at < packed.length; at = next(packed, at)) if (packed.charCodeAt(at) === number) return true;
  return false;
}

function pack({ state, timeNs }: StateTransition): PackedStates {
  const number = NUMBERS.get(state);
  ns[0] = timeNs;
  const low = halves[0] ?? 0;
  const high = halves[1] ?? 0;
  const one = String.fromCharCode(
    number ?? 0,
    low & 127,
    (low >>> 7) & 127,
    (low >>> 14) & 127,
    (low >>> 21) & 127,
    (low >>> 28) | ((high & 7) << 4),
    (high >>> 3) & 127,
    (high >>> 10) & 127,
    (high >>> 17) & 127,
    (high >>> 24) & 127,
  );
  return number === undefined ? `${one}${String.fromCharCode(state.length)}${state}` : one;
}

function joined(packed: PackedStates, one: PackedStates): PackedStates {
  const length = packed.length + one.length;
  if (packed.length === 0) return one;
  if (length > MAX_FLAT_LENGTH || !putCodes(packed, 0) || !putCodes(one, packed.length)) return packed + one;
  return scratch.toString('latin1', 0, length);
}

/** Into `scratch`, from `at` on; false where a character takes more than a byte. */
function putCodes(text: PackedStates, at: number): boolean {
  let all = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    all |= code;
    scratch[at + index] = code;
  }
  return all <= MAX_LATIN1;
}

function includes(packed: PackedStates, one: PackedStates): boolean {
  for (let at = 0; at < packed.length; at = next(packed, at)) if (packed.startsWith(one, at)) return true;
  return false;
}

/** Where the transition after the one at `at` begins. */
function next(packed: PackedStates, at: number): number {
  return packed.charCodeAt(at) === 0 ? at + LENGTH + 1 + packed.charCodeAt(at + LENGTH) : at + LENGTH;
}

function nameAt(packed: PackedStates, at: number): string {
  const number = packed.charCodeAt(at);
  if (number > 0) return TASK_STATE_NAMES[number] ?? '';
  return packed.slice(at + LENGTH + 1, next(packed, at));
}

function timeAt(packed: PackedStates, at: number): TimeNs {
  const code = (index: number): number => packed.charCodeAt(at + index);
  halves[0] = code(1) | (code(2) << 7) | (code(3) << 14) | (code(4) << 21) | (code(5) << 28);
  halves[1] = (code(5) >> 4) | (code(6) << 3) | (code(7) << 10) | (code(8) << 17) | (code(9) << 24);
  return ns[0] ?? 0n;
}
