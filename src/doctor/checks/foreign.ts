import { STATUS_OF_REFUSAL } from '../../http/index.ts';
import type { HttpAnswer } from '../ask.ts';
import type { BridgeFacts } from '../facts.ts';
import { at, parseJson, textAt } from '../json.ts';
import { publicUrl } from '../public-url.ts';
import { unknown, type Verdict } from '../verdict.ts';

/** A proxy in front of a bridge answers with these by itself, so they do not prove that no bridge is behind it. */
const OF_A_PROXY: ReadonlySet<number> = new Set([301, 302, 303, 307, 308, 401, 407, 413, 429, 502, 503, 504]);

/** Whether another program listens at the address: it answers, but neither as a bridge nor as a proxy in front of one. */
export function isForeign(bridge: BridgeFacts): boolean {
  if (hasBridge(bridge)) return false;
  const { post, health, ready, metrics } = bridge;
  const deciding = post.kind === 'answered' ? [post] : [health, ready, metrics];
  const statuses = deciding.flatMap((answer) => (answer.kind === 'answered' ? [answer.status] : []));
  return statuses.length > 0 && !statuses.some((status) => OF_A_PROXY.has(status));
}

/** Whether any answer shows that a bridge is there. */
export function hasBridge({ post, health, ready, metrics, counts }: BridgeFacts): boolean {
  return counts !== undefined || [post, health, ready, metrics].some(isOfBridge);
}

/** A bridge answers a post with counts, refuses with a code of its own, and reports in `/readyz` whether it is ready. */
export function isOfBridge(answer: HttpAnswer): boolean {
  if (answer.kind !== 'answered') return false;
  const body = parseJson(answer.text);
  if (typeof at(body, 'accepted') === 'number') return true;
  if (Object.hasOwn(STATUS_OF_REFUSAL, textAt(body, 'error', 'code') ?? '')) return true;
  return ['ready', 'not ready'].includes(textAt(body, 'status') ?? '');
}

/** Verdict of a check that needs a bridge where another program listens. */
export function noBridge({ address }: BridgeFacts): Verdict {
  return unknown(`the program at ${publicUrl(address)} is not a ray-otel-bridge`, 'give the address of the bridge with --bridge');
}
