/** Why an event was rejected. The codes are stable; `docs/reference/error-codes.md` lists them. */
export const REJECTIONS = {
  event_not_object: 'The element of the array is not a JSON object',
  event_type_missing: 'No `eventType`',
  event_type_unknown: 'Event type unknown to this release. Harmless: counted by type, and logged once a type',
  event_payload_missing: 'The payload of its `eventType` is missing',
  event_field_invalid: 'A field that the bridge needs is missing or cannot be read; the message names it',
  event_session_invalid: 'No `sessionName`, or one with control characters in it: ids could collide',
  event_too_deep: 'Objects or arrays nested deeper than any event of Ray',
} as const satisfies Record<string, string>;

export type RejectionCode = keyof typeof REJECTIONS;

export interface Rejection {
  readonly code: RejectionCode;
  /**
   * One sentence that names the field and its fault. It quotes at most 80 characters of the event.
   */
  readonly message: string;
  /** Type of the event, for `event_type_unknown` only, so that metrics can count by type. */
  readonly eventType?: string;
}

export type Decoded<Event> =
  /** `ignoredTimes` counts impossible times that were read as absent; left out when 0. */
  { readonly ok: true; readonly event: Event; readonly ignoredTimes?: number } | { readonly ok: false; readonly rejection: Rejection };
