import { isControl } from './clean-text.ts';

/** Maximum length of a session name in UTF-16 units. Ray's have about 45. */
export const MAX_SESSION_LENGTH = 256;
/** Maximum length of an event id in UTF-16 units. Ray's have 40. */
export const MAX_EVENT_ID_LENGTH = 256;

export function isSession(value: unknown): value is string {
  return isPlainText(value, MAX_SESSION_LENGTH);
}

export function isEventId(value: unknown): value is string {
  return isPlainText(value, MAX_EVENT_ID_LENGTH);
}

/**
 * Whether a text can be an identity, which is used unchanged or rejected. A lone surrogate has no
 * UTF-8 form, so two such texts would hash to the same id.
 */
function isPlainText(text: unknown, limit: number): text is string {
  if (typeof text !== 'string' || text.length === 0 || text.length > limit) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (isControl(text.charCodeAt(index))) return false;
  }
  return text.isWellFormed();
}
