import type { AskFailure, HttpAnswer } from '../ask.ts';
import type { BridgeFacts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { finding, unknown, type Verdict, type Verdicts, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { failureText } from './failure-text.ts';

export const bridgeReach: Check = { name: 'bridge_reach', judge: ({ bridge }) => judge(bridge) };

const why = 'Ray keeps its events until they are taken, and loses the oldest when its buffer is full.';
const fix =
  'start the bridge (`ray-otel-bridge serve`), let it listen where Ray reaches it (--listen 0.0.0.0:8080), open the port on the way, and give its address with --bridge';

function judge(bridge: BridgeFacts): Verdicts {
  const where = publicUrl(bridge.address);
  if (bridge.url === undefined) {
    return [
      finding('address_invalid', {
        where,
        what: `${where} is not a whole URL with http:// or https://`,
        why: "Ray's client cannot post to it.",
        fix: 'write it like http://bridge:8080/v1/events',
      }),
    ];
  }
  const answers = [bridge.post, bridge.health, bridge.ready, bridge.metrics];
  if (answers.some(({ kind }) => kind === 'answered')) return [well(`something answers at ${where}`)];
  return [notReached(bridge, failureOf(bridge.post), where)];
}

function failureOf(answer: HttpAnswer): AskFailure {
  return answer.kind === 'failed' ? answer.failure : 'other';
}

function notReached({ source }: BridgeFacts, failure: AskFailure, where: string): Verdict {
  if (source === 'default')
    return unknown(
      `no --bridge is given, no address of a node is known, and at ${where}, the default of \`serve\`, ${failureText(failure)}`,
      fix,
    );
  if (failure === 'not_asked') return unknown(`${where} was not asked: the time was over`, 'run it again');
  const what = `at ${where} ${failureText(failure)}`;
  if (failure === 'tls_untrusted') {
    return finding('bridge_tls', {
      where,
      what,
      why: 'Ray checks the certificate too, and posts nothing to a bridge that it does not trust.',
      fix: 'set SSL_CERT_FILE, here and on every node, to the PEM file of the authority that signed it (Ray 2.49: REQUESTS_CA_BUNDLE), and use a name that the certificate is for',
    });
  }
  if (failure === 'tls_mismatch')
    return finding('bridge_tls', {
      where,
      what,
      why,
      fix: 'write http:// in the address, or give the bridge --tls-cert-file and --tls-key-file',
    });
  if (failure === 'not_http')
    return finding('bridge_not_http', {
      where,
      what,
      why,
      fix: 'see that host and port are those of the bridge: 4317, 6379 and 10001 belong to others',
    });
  if (failure === 'cut')
    return finding('bridge_tls', {
      where,
      what,
      why,
      fix: 'write https:// in the address if the bridge has a certificate; else look at the proxy on the way',
    });
  return finding('bridge_unreachable', { where, what, why, fix });
}
