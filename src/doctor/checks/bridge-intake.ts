import type { BridgeCounts } from '../bridge-metrics.ts';
import type { BridgeFacts, Facts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, verdictsOr, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { isForeign, noBridge } from './foreign.ts';

export const bridgeIntake: Check = { name: 'bridge_intake', judge };

function judge(facts: Facts): Verdicts {
  const { bridge } = facts;
  if (bridge.counts === undefined) return [notKnown(bridge)];
  const verdicts = [...refusedSenders(bridge, bridge.counts), ...arrivals(facts, bridge.counts), ...rejected(bridge, bridge.counts)];
  return verdictsOr(verdicts, well(`the bridge has received ${bridge.counts.received} events`));
}

export function notKnown(bridge: BridgeFacts): Verdict {
  if (isForeign(bridge)) return noBridge(bridge);
  const { metrics, source } = bridge;
  const isLocked = metrics.kind === 'answered' && metrics.status === 401;
  const andAddress = source === 'agent_log' || source === 'process' ? ', and the address with --bridge' : '';
  return isLocked
    ? unknown(
        "the bridge's /metrics ask for a token",
        `give a token of --read-token-file with the same flag here, or in RAY_OTEL_READ_TOKEN${andAddress}`,
      )
    : unknown(
        "the bridge's /metrics cannot be read",
        'see that a proxy on the way lets /metrics through, or run this on the machine of the bridge',
      );
}

/** Codes of refusals that are about who posts and what, not about the room in the bridge. */
function refusedSenders({ countsLater, address }: BridgeFacts, counts: BridgeCounts): readonly Finding[] {
  if (counts.refusedByCode.size === 0) return [];
  const where = publicUrl(address);
  const codes = [...counts.refusedByCode].map(([code, count]) => `${code} ${count}`).join(', ');
  const growing = [...(countsLater?.refusedByCode ?? [])]
    .filter(([code, count]) => count > (counts.refusedByCode.get(code) ?? 0))
    .map(([code]) => code);
  const isAboutTokens = (growing.length > 0 ? growing : [...counts.refusedByCode.keys()]).some((code) => code.startsWith('token_'));
  const fix = isAboutTokens
    ? `put a token of --ingest-token-file into ${RAY_VARIABLES.address} of every node; the log of the bridge names the addresses that it refused`
    : 'docs/reference/error-codes.md explains the codes; the log of the bridge has the addresses';
  if (growing.length > 0) {
    const what = `posts are being refused right now (${growing.join(', ')})`;
    return [
      finding('senders_refused', {
        where,
        what,
        why: 'The nodes that post so lose the oldest of their events when their buffer is full.',
        fix,
      }),
    ];
  }
  const what = `posts were refused since the bridge started (${codes}), none in the last seconds`;
  return [finding('senders_were_refused', { where, what, why: 'It may be mended, or come from somebody who no longer tries.', fix })];
}

function arrivals({ ray, bridge }: Facts, counts: BridgeCounts): readonly Finding[] {
  const where = publicUrl(bridge.address);
  const published = ray.nodes.reduce((sum, node) => sum + (node.counts?.published ?? 0), 0);
  if (counts.received === 0 && published > 0) {
    return [
      finding('posts_go_elsewhere', {
        where,
        what: `the nodes have delivered ${published} events, and this bridge has received none since it started`,
        why: 'They went to another receiver, or were lost in a redirect; or the bridge was restarted and nothing has happened since.',
        fix: `compare ${RAY_VARIABLES.address} of the nodes with the address of this bridge, then run a task and this again`,
      }),
    ];
  }
  if (counts.received === 0) {
    return [
      finding('nothing_received', {
        where,
        what: 'the bridge has received no event since it started',
        why: 'Ray posts nothing at all while its variables are unset, and nothing happens in an idle cluster.',
        fix: 'mend what the checks of Ray and its nodes say; if they say nothing, run a task and this again',
      }),
    ];
  }
  if (counts.attempts > 0 || counts.received < 20) return [];
  return [
    finding('no_tasks_received', {
      where,
      what: `the bridge has received ${counts.received} events, and none of a task`,
      why: 'Events of jobs, actors and nodes come from the head; those of tasks from workers and drivers, with a flag of their own.',
      fix: `export ${RAY_VARIABLES.taskEvent}=1 on every node and for every driver, and let the list of event types have those of tasks`,
    }),
  ];
}

function rejected({ address }: BridgeFacts, { rejectedByCode }: BridgeCounts): readonly Finding[] {
  if (rejectedByCode.size === 0) return [];
  const codes = [...rejectedByCode].map(([code, count]) => `${code} ${count}`).join(', ');
  return [
    finding('events_rejected', {
      where: publicUrl(address),
      what: `events could not be used: ${codes}`,
      why: 'event_type_unknown is harmless, from a newer Ray; other codes mean that something else than Ray posts, or a bug.',
      fix: 'with --data-dir: `ray-otel-bridge quarantine list` shows them',
    }),
  ];
}
