import { failureText } from '../ask.ts';
import type { BridgeFacts } from '../facts.ts';
import { parseJson } from '../../runtime/index.ts';
import { textAt } from '../json.ts';
import { publicUrl } from '../public-url.ts';
import { finding, unknown, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';

import { isForeign, noBridge } from './foreign.ts';

export const bridgeReady: Check = { name: 'bridge_ready', judge: ({ bridge }) => judge(bridge) };

function judge(bridge: BridgeFacts): Verdicts {
  const { ready, health, address } = bridge;
  if (isForeign(bridge)) return [noBridge(bridge)];
  const where = publicUrl(address);
  const fix = 'check that a proxy on the way forwards /readyz and /healthz, or run this on the machine of the bridge';
  if (ready.kind === 'failed') return [unknown(`/readyz does not answer: ${failureText(ready.failure)}`, fix)];
  const status = textAt(parseJson(ready.text), 'status');
  if (ready.status === 200 && status === 'ready') return [passed('the bridge is ready')];
  if (ready.status === 503 && status === 'not ready') {
    const reason = textAt(parseJson(ready.text), 'reason') ?? 'it gives no reason';
    return [
      finding('bridge_not_ready', {
        where,
        what: `the bridge is not ready: ${reason}`,
        why: 'Until then it may answer posts with 503, and a Kubernetes Service may forward none.',
        fix: 'fix this reason; if the bridge is rebuilding its state after a start, wait',
      }),
    ];
  }
  const alive = health.kind === 'answered' && health.status === 200;
  return [unknown(`/readyz answers ${ready.status}, not as a bridge does${alive ? ', though /healthz answers 200' : ''}`, fix)];
}
