import type { Context } from 'hono';
import { AUTHENTICATE } from './guard.ts';
import type { PostAnswer } from './post-request.ts';
import { type Refusal, STATUS_OF_REFUSAL } from './refusal.ts';

/** Headers of every answer. */
export const ANSWER_HEADERS = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' } as const;
export const JSON_HEADERS = { 'content-type': 'application/json', ...ANSWER_HEADERS } as const;

/** The answer to a refused request: its status, code and message, and when to retry. */
export function refusedAnswer({ code, message, retryAfterMs }: Refusal): PostAnswer {
  const status = STATUS_OF_REFUSAL[code];
  const headers = {
    ...JSON_HEADERS,
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(status === 401 ? { 'www-authenticate': AUTHENTICATE } : {}),
  };
  return { status, headers, text: JSON.stringify({ error: { code, message } }) };
}

/** The answer as a web response, for a request that Hono routed. */
export function responseOf(context: Context, { status, headers, text }: PostAnswer): Response {
  return context.body(text, status, headers);
}

export function answerRefusal(context: Context, refusal: Refusal): Response {
  return responseOf(context, refusedAnswer(refusal));
}
