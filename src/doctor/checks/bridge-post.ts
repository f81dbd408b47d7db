import type { Answered } from '../ask.ts';
import type { BridgeFacts } from '../facts.ts';
import { parseJson, textAt } from '../json.ts';
import { publicUrl } from '../public-url.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, type Finding, unknown, type Verdicts, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { failureText } from './failure-text.ts';
import { hasBridge, isForeign, isOfBridge } from './foreign.ts';

export const bridgePost: Check = { name: 'bridge_post', judge: ({ bridge }) => judge(bridge) };

const address = RAY_VARIABLES.address;
const repeated = 'Ray repeats such a batch for ever, and loses the oldest events when its buffer is full.';

function judge(bridge: BridgeFacts): Verdicts {
  const { post, address: given } = bridge;
  const where = publicUrl(given);
  if (post.kind === 'failed')
    return [unknown(`nothing could be posted to ${where}: ${failureText(post.failure)}`, 'first correct the address of the bridge')];
  const isTaken = post.status >= 200 && post.status < 300;
  if (isTaken) return [isOfBridge(post) ? well(`${where} takes posts`) : stranger(post, where)];
  return [isForeign(bridge) ? stranger(post, where) : refusal(post, where, hasBridge(bridge))];
}

function stranger({ status }: Answered, where: string): Finding {
  return finding('bridge_not_bridge', {
    where,
    what: `${where} answers a post with ${status}, but not as a ray-otel-bridge does`,
    why: status < 300 ? 'Ray takes any 2xx for success: events that go there are gone.' : repeated,
    fix: `another program listens there: set ${address}, or --bridge, to host and port of the bridge, with its path if a proxy adds one`,
  });
}

function refusal(answer: Answered, where: string, isBridgeThere: boolean): Finding {
  const { status, location } = answer;
  const code = textAt(parseJson(answer.text), 'error', 'code');
  const told = `${where} answers a post with ${status}${code === undefined ? '' : ` (${code})`}`;
  if (status >= 300 && status < 400) {
    return finding('bridge_redirect', {
      where,
      what: `${told}${location === undefined ? '' : `, to ${publicUrl(location)}`}`,
      why: 'Ray follows 301 and 302 with a GET and takes its answer for success: the events are lost, and nothing says so. A bridge never redirects; a proxy on the way does.',
      fix: `write into ${address} where the redirect leads to (https instead of http, most often), or turn it off for this path`,
    });
  }
  if (status === 401 || status === 403 || status === 407) return tokenRefused(told, code, where);
  if (status === 404 || status === 405)
    return finding('bridge_path_wrong', {
      where,
      what: told,
      why: repeated,
      fix: `let ${address} end in /v1/events, below whatever path a proxy or a host application adds`,
    });
  if (status === 503 || status === 429) {
    return finding('bridge_busy', {
      where,
      what: told,
      why: 'The bridge has no room for more events; Ray keeps its own until there is.',
      fix:
        code === undefined
          ? 'a proxy answers so when no bridge is behind it: look at both'
          : 'most often the backend is away: see the check of the export, and /readyz',
    });
  }
  return finding('bridge_refuses', {
    where,
    what: told,
    why: repeated,
    fix: isBridgeThere
      ? 'look at the log of the bridge, and at the proxy on the way if it has no line of this'
      : 'no answer is that of a bridge: look at the log of the proxy on the way, and whether the bridge behind it runs',
  });
}

function tokenRefused(told: string, code: string | undefined, where: string): Finding {
  const fix = `put a token of the bridge's --ingest-token-file into ${address} as password: http://ray:TOKEN@bridge:8080/v1/events`;
  if (code === 'token_missing') return finding('bridge_token_missing', { where, what: told, why: repeated, fix });
  const elsewhere = code === undefined ? '; the answer is not of a bridge: a proxy on the way may ask for credentials of its own' : '';
  return finding('bridge_token_invalid', { where, what: told, why: repeated, fix: `${fix}${elsewhere}` });
}
