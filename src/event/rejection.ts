/** Why an event was set aside. The codes are stable; the README lists them. */
export type RejectionCode =
  | 'event_not_object'
  | 'event_type_missing'
  | 'event_type_unknown'
  | 'event_payload_missing'
  | 'event_field_invalid'
  | 'event_session_invalid'
  | 'event_too_deep';

export interface Rejection {
  readonly code: RejectionCode;
  /** One sentence that names the field and what is wrong with it; holds no value of the event beyond 80 characters. */
  readonly message: string;
  /** For `event_type_unknown`: the type, so that it can be counted. */
  readonly eventType?: string;
}

export type Decoded<Event> = { readonly ok: true; readonly event: Event } | { readonly ok: false; readonly rejection: Rejection };
