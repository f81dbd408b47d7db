import { type AskFailure, type HttpAnswer, failureText } from '../ask.ts';
import type { BridgeFacts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { finding, unknown, type Verdict, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';

export const bridgeReach: Check = { name: 'bridge_reach', judge: ({ bridge }) => judge(bridge) };

const WHY = 'Ray keeps its events until the bridge accepts them, and loses the oldest when its buffer is full.';
const FIX =
  'start the bridge (`ray-otel-bridge serve`), make it listen where Ray reaches it (--listen 0.0.0.0:8080), open the port on the way, and give its address with --bridge';

function judge(bridge: BridgeFacts): Verdicts {
  const where = publicUrl(bridge.address);
  if (bridge.url === undefined) {
    return [
      finding('address_invalid', {
        where,
        what: `${where} is not a complete URL with http:// or https://`,
        why: "Ray's client cannot post to it.",
        fix: 'write it like http://bridge:8080/v1/events',
      }),
    ];
  }
  const answers = [bridge.post, bridge.health, bridge.ready, bridge.metrics];
  if (answers.some(({ kind }) => kind === 'answered')) return [passed(`something answers at ${where}`)];
  return [notReached(bridge, failureOf(bridge.post), where)];
}

function failureOf(answer: HttpAnswer): AskFailure {
  return answer.kind === 'failed' ? answer.failure : 'other';
}

function notReached({ source }: BridgeFacts, failure: AskFailure, where: string): Verdict {
  if (source === 'default')
    return unknown(
      `no --bridge is given, no node has a known address, and the default of \`serve\`, ${where}, cannot be reached: ${failureText(failure)}`,
      FIX,
    );
  if (failure === 'not_asked') return unknown(`${where} was not asked: ${failureText(failure)}`, 'run this again');
  const what = `cannot reach ${where}: ${failureText(failure)}`;
  if (failure === 'tls_untrusted') {
    return finding('bridge_tls', {
      where,
      what,
      why: 'Ray checks the certificate, too, and does not post to a bridge that it does not trust.',
      fix: 'set SSL_CERT_FILE, here and on every node, to the PEM file of the authority that signed it (Ray 2.49: REQUESTS_CA_BUNDLE), and use a name in the certificate',
    });
  }
  if (failure === 'tls_mismatch')
    return finding('bridge_tls', {
      where,
      what,
      why: WHY,
      fix: 'write http:// in the address, or give the bridge --tls-cert-file and --tls-key-file',
    });
  if (failure === 'not_http')
    return finding('bridge_not_http', {
      where,
      what,
      why: WHY,
      fix: 'check the host and port of the bridge: 4317, 6379 and 10001 are ports of other programs',
    });
  if (failure === 'cut')
    return finding('bridge_tls', {
      where,
      what,
      why: WHY,
      fix: 'write https:// in the address if the bridge has a certificate; otherwise check the proxy on the way',
    });
  return finding('bridge_unreachable', { where, what, why: WHY, fix: FIX });
}
