/**
 * Why a whole request was refused. The codes are stable; `docs/reference/error-codes.md` lists
 * them.
 */
export type RefusalCode =
  | 'browser_post'
  | 'token_missing'
  | 'token_invalid'
  | 'body_not_json'
  | 'body_incomplete'
  | 'body_too_large'
  | 'body_too_many_events'
  | 'content_type_unsupported'
  | 'content_encoding_unsupported'
  | 'host_not_allowed'
  | 'cross_site_read'
  | 'method_not_allowed'
  | 'not_found'
  | 'receiver_busy'
  | 'too_many_open_attempts'
  | 'too_many_open_records'
  | 'too_many_open_bytes'
  | 'stopping'
  | 'journal_full'
  | 'journal_unavailable'
  | 'forward_failed'
  | 'internal_error';

export interface Refusal {
  readonly ok: false;
  readonly code: RefusalCode;
  /** For people. Never contains a value from an event. */
  readonly message: string;
  /** For a 503: when to retry. */
  readonly retryAfterMs?: number;
}

/**
 * The HTTP status of each refusal. Ray repeats a refused batch forever, so a refusal is only for
 * what a retry or an operator can fix. A bad event is rejected instead, within a batch that is
 * answered 200.
 */
export const STATUS_OF_REFUSAL = {
  browser_post: 403,
  token_missing: 401,
  token_invalid: 401,
  body_not_json: 400,
  body_incomplete: 400,
  body_too_large: 413,
  body_too_many_events: 413,
  content_type_unsupported: 415,
  content_encoding_unsupported: 415,
  host_not_allowed: 403,
  cross_site_read: 403,
  method_not_allowed: 405,
  not_found: 404,
  receiver_busy: 503,
  too_many_open_attempts: 503,
  too_many_open_records: 503,
  too_many_open_bytes: 503,
  stopping: 503,
  journal_full: 503,
  journal_unavailable: 503,
  forward_failed: 503,
  internal_error: 500,
} as const satisfies Record<RefusalCode, number>;

export function refuse(code: RefusalCode, message: string, retryAfterMs?: number): Refusal {
  return { ok: false, code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
