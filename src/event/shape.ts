import { REDACTED } from './redaction/redact-text.ts';
import { isRawObject } from './fields.ts';

/** Replaces keys that may be user data, such as names of environment variables. */
export const OTHER_KEYS = '[other keys]';
/** Maximum keys shown of an object. Real events have fewer than thirty. */
const MAX_KEYS = 64;
/**
 * Field names as Ray spells them, in either spelling. They have no digits, which user keys often
 * have.
 */
const FIELD_NAME = /^(?=.{1,40}$)(?:[a-z]+(?:[A-Z][a-z]+)*|[a-z]+(?:_[a-z]+)*)$/;
/** Payload fields of an envelope, which contain a message of Ray. */
const PAYLOAD_NAME = /[a-z](?:Events?|_events?)$/;
const PLACEHOLDER = /^\[(?:string|number|boolean|redacted|too deep)\]$/;
/** Maximum depth of objects and arrays that is examined. */
const MAX_SHAPE_DEPTH = 8;

/**
 * Replaces a value by its shape: types in place of values, with names of message fields. Only the
 * first two levels of an event are field names; deeper keys may be user data. A list becomes the
 * shape of its first element.
 */
export function shapeOf(value: unknown, isField: boolean, depth = 0): unknown {
  if (typeof value === 'string') return PLACEHOLDER.test(value) ? value : '[string]';
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object') return `[${typeof value}]`;
  if (depth >= MAX_SHAPE_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.slice(0, 1).map((element) => shapeOf(element, false, depth + 1));
  return isRawObject(value) ? shapeOfObject(value, isField, depth) : null;
}

function shapeOfObject(value: Readonly<Record<string, unknown>>, isField: boolean, depth: number): unknown {
  const shape: Record<string, unknown> = {};
  const keys = Object.keys(value);
  for (const key of keys.slice(0, MAX_KEYS)) {
    if (isField && FIELD_NAME.test(key)) shape[key] = shapeOf(value[key], PAYLOAD_NAME.test(key), depth + 1);
  }
  if (Object.keys(shape).length < keys.length) shape[OTHER_KEYS] = REDACTED;
  return shape;
}
