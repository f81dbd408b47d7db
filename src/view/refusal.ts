import type { Context } from 'hono';
import { AUTHENTICATE } from '../http/index.ts';

/** Reasons for refusing a reader, with their HTTP status. The codes are stable. */
export const STATUS_OF_VIEW_REFUSAL = {
  token_missing: 401,
  token_invalid: 401,
  host_not_allowed: 403,
  cross_site_read: 403,
  query_invalid: 400,
  job_ambiguous: 400,
  job_not_found: 404,
  method_not_allowed: 405,
  view_busy: 503,
} as const;

export type ViewRefusalCode = keyof typeof STATUS_OF_VIEW_REFUSAL;

export interface ViewRefusal {
  readonly ok: false;
  readonly code: ViewRefusalCode;
  readonly message: string;
}

export function refuseRead(code: ViewRefusalCode, message: string): ViewRefusal {
  return { ok: false, code, message };
}

export function answerViewRefusal(context: Context, { code, message }: ViewRefusal): Response {
  const status = STATUS_OF_VIEW_REFUSAL[code];
  if (status === 401) context.header('www-authenticate', AUTHENTICATE);
  if (status === 503) context.header('retry-after', '1');
  return context.json({ error: { code, message } }, status);
}
