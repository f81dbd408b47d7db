import { STATUS_OF_REFUSAL } from '../../http/index.ts';
import type { HttpAnswer } from '../ask.ts';
import type { BridgeFacts } from '../facts.ts';
import { parseJson } from '../../runtime/index.ts';
import { at, textAt } from '../json.ts';
import { publicUrl } from '../public-url.ts';
import { unknown, type Verdict } from '../verdict.ts';

/** Statuses that a proxy sends by itself. They do not prove that no bridge is behind it. */
const PROXY_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308, 401, 407, 413, 429, 502, 503, 504]);

/** Whether another program listens at the address: it answers neither as a bridge nor as a proxy in front of one. */
export function isForeign(bridge: BridgeFacts): boolean {
  if (hasBridge(bridge)) return false;
  const { post, health, ready, metrics } = bridge;
  const deciding = post.kind === 'answered' ? [post] : [health, ready, metrics];
  const statuses = deciding.flatMap((answer) => (answer.kind === 'answered' ? [answer.status] : []));
  return statuses.length > 0 && !statuses.some((status) => PROXY_STATUSES.has(status));
}

/** Whether any answer comes from a bridge. */
export function hasBridge({ post, health, ready, metrics, counts }: BridgeFacts): boolean {
  return counts !== undefined || [post, health, ready, metrics].some(isOfBridge);
}

/** Whether an answer comes from a bridge: it has counts of events, one of the bridge's error codes, or a state of `/readyz`. */
export function isOfBridge(answer: HttpAnswer): boolean {
  if (answer.kind !== 'answered') return false;
  const body = parseJson(answer.text);
  if (typeof at(body, 'accepted') === 'number') return true;
  if (Object.hasOwn(STATUS_OF_REFUSAL, textAt(body, 'error', 'code') ?? '')) return true;
  return ['ready', 'not ready'].includes(textAt(body, 'status') ?? '');
}

/** Verdict of a check that needs a bridge, when another program listens at its address. */
export function noBridge({ address }: BridgeFacts): Verdict {
  return unknown(`the program at ${publicUrl(address)} is not a ray-otel-bridge`, 'give the address of the bridge with --bridge');
}
