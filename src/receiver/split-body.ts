/** The position of one event in a body, in bytes. */
export interface BodyElement {
  readonly start: number;
  readonly end: number;
  /** Maximum nesting of objects and arrays. */
  readonly depth: number;
}

export type NextElement = BodyElement | 'taken' | 'end' | 'invalid';

/**
 * Tries to read the element at `start`. Returns the position after it, or -1 when it cannot read
 * it.
 */
export type TakeElement = (start: number) => number;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Splits a body (a JSON array, or one object) into events without parsing them. A large body can
 * then be parsed in pieces, in several time slices, and the nesting of an event is known before it
 * is parsed.
 *
 * - An element has balanced brackets, but must still be parsed.
 * - 'taken': `take` has read the element of the array.
 * - 'invalid': the body is not an array or object, or is not separated and closed as in JSON.
 */
export function splitBody(bytes: Uint8Array, take: TakeElement = () => -1): () => NextElement {
  const startsWithMark = BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte);
  let position = skipSpace(bytes, startsWithMark ? BYTE_ORDER_MARK.length : 0);
  if (bytes[position] === OPEN_BRACE) return singleElement(bytes, position);
  if (bytes[position] !== OPEN_BRACKET) return () => 'invalid';
  position = skipSpace(bytes, position + 1);
  let isEnded = false;
  let isFirst = true;

  return () => {
    if (isEnded) return 'end';
    if (isFirst && bytes[position] === CLOSE_BRACKET) return finish();
    isFirst = false;
    const takenUntil = take(position);
    const element = takenUntil < 0 ? scanElement(bytes, position) : 'taken';
    if (element === 'invalid') return 'invalid';
    position = skipSpace(bytes, element === 'taken' ? takenUntil : element.end);
    if (bytes[position] === COMMA) position = skipSpace(bytes, position + 1);
    else if (finish() === 'invalid') return 'invalid';
    return element;
  };

  function finish(): 'end' | 'invalid' {
    if (bytes[position] !== CLOSE_BRACKET || skipSpace(bytes, position + 1) !== bytes.length) return 'invalid';
    isEnded = true;
    return 'end';
  }
}

/** Whether an element of an array can end at this position. */
export function isEndOfElement(bytes: Uint8Array, position: number): boolean {
  const next = bytes[skipSpace(bytes, position)];
  return next === COMMA || next === CLOSE_BRACKET;
}

function singleElement(bytes: Uint8Array, start: number): () => NextElement {
  let isEnded = false;
  return () => {
    if (isEnded) return 'end';
    isEnded = true;
    const element = scanElement(bytes, start);
    return element !== 'invalid' && skipSpace(bytes, element.end) === bytes.length ? element : 'invalid';
  };
}

/** Finds the end of a value: the next comma or bracket outside it, or the end of the bytes. */
function scanElement(bytes: Uint8Array, start: number): BodyElement | 'invalid' {
  let depth = 0;
  let deepest = 0;
  let position = start;
  for (; position < bytes.length; position += 1) {
    const byte = bytes[position];
    if (byte === QUOTE) {
      position = closingQuote(bytes, position);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) break;
      depth -= 1;
    } else if (byte === COMMA && depth === 0) break;
  }
  if (position > bytes.length || depth > 0 || position === start) return 'invalid';
  return { start, end: position, depth: deepest };
}

/** Position of the closing quote, or past the end when it is missing. */
function closingQuote(bytes: Uint8Array, openingQuote: number): number {
  let position = openingQuote + 1;
  while (position < bytes.length && bytes[position] !== QUOTE) position += bytes[position] === BACKSLASH ? 2 : 1;
  return position < bytes.length ? position : bytes.length + 1;
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let position = from;
  for (; position < bytes.length; position += 1) {
    const byte = bytes[position];
    if (byte !== SPACE && byte !== LINE_FEED && byte !== CARRIAGE_RETURN && byte !== TAB) break;
  }
  return position;
}
