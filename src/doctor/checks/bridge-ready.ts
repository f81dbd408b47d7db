import type { BridgeFacts } from '../facts.ts';
import { parseJson, textAt } from '../json.ts';
import { publicUrl } from '../public-url.ts';
import { finding, unknown, type Verdicts, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { failureText } from './failure-text.ts';
import { isForeign, noBridge } from './foreign.ts';

export const bridgeReady: Check = { name: 'bridge_ready', judge: ({ bridge }) => judge(bridge) };

function judge(bridge: BridgeFacts): Verdicts {
  const { ready, health, address } = bridge;
  if (isForeign(bridge)) return [noBridge(bridge)];
  const where = publicUrl(address);
  const fix = 'see that a proxy on the way lets /readyz and /healthz through, or ask them on the machine of the bridge';
  if (ready.kind === 'failed') return [unknown(`/readyz does not answer: ${failureText(ready.failure)}`, fix)];
  const status = textAt(parseJson(ready.text), 'status');
  if (ready.status === 200 && status === 'ready') return [well('the bridge is ready')];
  if (ready.status === 503 && status === 'not ready') {
    const reason = textAt(parseJson(ready.text), 'reason') ?? 'it does not say why';
    return [
      finding('bridge_not_ready', {
        where,
        what: `the bridge is not ready: ${reason}`,
        why: 'Until it is, posts may be answered 503, and a Service of Kubernetes may send none.',
        fix: 'fix what it says; while it rebuilds its state after a start, wait',
      }),
    ];
  }
  const alive = health.kind === 'answered' && health.status === 200;
  return [unknown(`/readyz answers ${ready.status}, not as a bridge does${alive ? ', though /healthz answers 200' : ''}`, fix)];
}
