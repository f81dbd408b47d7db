import { type Answered, failureText } from '../ask.ts';
import type { BridgeFacts } from '../facts.ts';
import { parseJson } from '../../runtime/index.ts';
import { textAt } from '../json.ts';
import { publicUrl } from '../public-url.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, type Finding, unknown, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';

import { hasBridge, isForeign, isOfBridge } from './foreign.ts';

export const bridgePost: Check = { name: 'bridge_post', judge: ({ bridge }) => judge(bridge) };

const ADDRESS = RAY_VARIABLES.address;
const WHY_RETRIED = 'Ray retries this batch forever, and loses its oldest events when its buffer is full.';

function judge(bridge: BridgeFacts): Verdicts {
  const { post, address: given } = bridge;
  const where = publicUrl(given);
  if (post.kind === 'failed')
    return [unknown(`cannot post to ${where}: ${failureText(post.failure)}`, 'first correct the address of the bridge')];
  const isTaken = post.status >= 200 && post.status < 300;
  if (isTaken) return [isOfBridge(post) ? passed(`${where} accepts posts`) : notABridge(post, where)];
  return [isForeign(bridge) ? notABridge(post, where) : refusal(post, where, hasBridge(bridge))];
}

function notABridge({ status }: Answered, where: string): Finding {
  return finding('bridge_not_bridge', {
    where,
    what: `${where} answers a post with ${status}, but it is not a ray-otel-bridge`,
    why: status < 300 ? 'Ray treats any 2xx as success: events that it posts there are lost.' : WHY_RETRIED,
    fix: `set ${ADDRESS}, or --bridge, to the host and port of the bridge, with its path if a proxy adds one`,
  });
}

function refusal(answer: Answered, where: string, isBridgeThere: boolean): Finding {
  const { status, location } = answer;
  const code = textAt(parseJson(answer.text), 'error', 'code');
  const what = `${where} answers a post with ${status}${code === undefined ? '' : ` (${code})`}`;
  if (status >= 300 && status < 400) {
    return finding('bridge_redirect', {
      where,
      what: `${what}${location === undefined ? '' : `, to ${publicUrl(location)}`}`,
      why: 'Ray follows 301 and 302 with a GET and treats its answer as success, so the events are lost silently. A bridge never redirects, but a proxy may.',
      fix: `set ${ADDRESS} to the target of the redirect (usually https instead of http), or disable the redirect for this path`,
    });
  }
  if (status === 401 || status === 403 || status === 407) return tokenRefused(what, code, where);
  if (status === 404 || status === 405)
    return finding('bridge_path_wrong', {
      where,
      what,
      why: WHY_RETRIED,
      fix: `end ${ADDRESS} with /v1/events, after any path that a proxy or a host application adds`,
    });
  if (status === 503 || status === 429) {
    return finding('bridge_busy', {
      where,
      what,
      why: 'The bridge has no capacity for more events. Ray keeps its events meanwhile.',
      fix:
        code === undefined
          ? 'check the proxy on the way, and that the bridge behind it runs'
          : 'check the backend, which is usually the cause: see the findings about the export, and /readyz',
    });
  }
  return finding('bridge_refuses', {
    where,
    what,
    why: WHY_RETRIED,
    fix: isBridgeThere
      ? 'check the log of the bridge, and the proxy on the way if that log does not mention the post'
      : 'check the log of the proxy on the way, and that the bridge behind it runs: no answer came from a bridge',
  });
}

function tokenRefused(what: string, code: string | undefined, where: string): Finding {
  const fix = `put a token of the bridge's --ingest-token-file into ${ADDRESS} as the password: http://ray:TOKEN@bridge:8080/v1/events`;
  if (code === 'token_missing') return finding('bridge_token_missing', { where, what, why: WHY_RETRIED, fix });
  const elsewhere = code === undefined ? '; the answer is not from a bridge, so a proxy on the way may require its own credentials' : '';
  return finding('bridge_token_invalid', { where, what, why: WHY_RETRIED, fix: `${fix}${elsewhere}` });
}
