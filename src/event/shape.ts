import { REDACTED } from './redaction/redact-text.ts';
import { isRawObject } from './fields.ts';

/** Stands for keys that may be data of users, like those of a map of environment variables. */
export const OTHER_KEYS = '[other keys]';
/** Keys of an object that are shown. Real events have less than thirty. */
const MAX_KEYS = 64;
/** A field of an event, as Ray names them in either spelling: no digits, which keys of users have. */
const FIELD_NAME = /^(?=.{1,40}$)(?:[a-z]+(?:[A-Z][a-z]+)*|[a-z]+(?:_[a-z]+)*)$/;
/** The slots of an envelope: what is in one is a message of Ray's own making. */
const PAYLOAD_NAME = /[a-z](?:Events?|_events?)$/;
const PLACEHOLDER = /^\[(?:string|number|boolean|redacted|too deep)\]$/;
/** Objects and arrays that are looked into. */
const MAX_SHAPE_DEPTH = 8;

/**
 * A value without its content: types in place of values, and the names of its fields as far as they are those of a message and not data. The
 * first two levels of an event are such names; deeper ones may be a user's. Of a list its first element.
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
