import type { BridgeCounts } from '../bridge-metrics.ts';
import type { BridgeFacts, Facts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { isForeign, noBridge } from './foreign.ts';

export const bridgeIntake: Check = { name: 'bridge_intake', judge };

function judge(facts: Facts): Verdicts {
  const { bridge } = facts;
  if (bridge.counts === undefined) return [unknownCounters(bridge)];
  const verdicts = [
    ...refusedSenders(bridge, bridge.counts),
    ...arrivals(facts, bridge.counts),
    ...frequentPosts(facts),
    ...rejected(bridge, bridge.counts),
  ];
  return verdictsOr(verdicts, passed(`the bridge has received ${bridge.counts.received} events`));
}

/** Verdict when the counters of the bridge are unknown. */
export function unknownCounters(bridge: BridgeFacts): Verdict {
  if (isForeign(bridge)) return noBridge(bridge);
  const { metrics, source } = bridge;
  const isLocked = metrics.kind === 'answered' && metrics.status === 401;
  const andAddress = source === 'agent_log' || source === 'process' ? ', and the address with --bridge' : '';
  return isLocked
    ? unknown(
        "the bridge's /metrics require a token",
        `give a reader token of the bridge with --read-token-file or RAY_OTEL_READ_TOKEN${andAddress}`,
      )
    : unknown(
        "the bridge's /metrics cannot be read",
        'check that a proxy on the way forwards /metrics, or run this on the machine of the bridge',
      );
}

/** Findings about refused posts. Refusals that still increase are a fault. */
function refusedSenders({ countsLater, address }: BridgeFacts, counts: BridgeCounts): readonly Finding[] {
  if (counts.refusedByCode.size === 0) return [];
  const where = publicUrl(address);
  const codes = [...counts.refusedByCode].map(([code, count]) => `${code} ${count}`).join(', ');
  const growing = [...(countsLater?.refusedByCode ?? [])]
    .filter(([code, count]) => count > (counts.refusedByCode.get(code) ?? 0))
    .map(([code]) => code);
  const isAboutTokens = (growing.length > 0 ? growing : [...counts.refusedByCode.keys()]).some((code) => code.startsWith('token_'));
  const fix = isAboutTokens
    ? `put a token of --ingest-token-file into ${RAY_VARIABLES.address} of every node; the log of the bridge names the refused senders`
    : 'docs/reference/error-codes.md explains the codes; the log of the bridge names the refused senders';
  if (growing.length > 0) {
    const what = `the bridge is refusing posts now (${growing.join(', ')})`;
    return [
      finding('senders_refused', {
        where,
        what,
        why: 'The refused nodes lose their oldest events when their buffer is full.',
        fix,
      }),
    ];
  }
  const what = `the bridge has refused posts since its start (${codes}), but none in the last seconds`;
  return [finding('senders_were_refused', { where, what, why: 'The cause may be fixed, or the sender may have stopped.', fix })];
}

function arrivals({ ray, bridge }: Facts, counts: BridgeCounts): readonly Finding[] {
  const where = publicUrl(bridge.address);
  const published = ray.nodes.reduce((sum, node) => sum + (node.counts?.published ?? 0), 0);
  if (counts.received === 0 && published > 0) {
    return [
      finding('posts_go_elsewhere', {
        where,
        what: `the nodes have delivered ${published} events, but this bridge has received none since its start`,
        why: 'They went to another receiver, or a redirect lost them. Or the bridge was restarted, and no event came since.',
        fix: `compare ${RAY_VARIABLES.address} of the nodes with the address of this bridge, run a task, and then run this again`,
      }),
    ];
  }
  if (counts.received === 0) {
    return [
      finding('nothing_received', {
        where,
        what: 'the bridge has received no event since its start',
        why: 'Ray posts nothing while its variables are unset or the cluster is idle.',
        fix: 'fix the findings about Ray and its nodes; if there are none, run a task, and then run this again',
      }),
    ];
  }
  if (counts.attempts > 0 || counts.received < 20) return [];
  return [
    finding('no_tasks_received', {
      where,
      what: `the bridge has received ${counts.received} events, but none of tasks`,
      why: 'The head sends the events of jobs, actors and nodes. Workers and drivers send those of tasks, and have their own flag.',
      fix: `export ${RAY_VARIABLES.taskEvent}=1 on every node and for every driver, and include the types of task events in the list of event types`,
    }),
  ];
}

/** Posts in a second, of all agents, that are worth an advice. */
const MAX_POSTS_PER_SECOND = 500;
/** Posts of one agent in a second above which it has not followed the advice. */
const MAX_POSTS_OF_AGENT = 1.5;

function frequentPosts({ ray, bridge }: Facts): readonly Finding[] {
  const { postsPerSecond = 0 } = bridge;
  const nodes = ray.nodes.length + ray.nodesLeftOut;
  if (postsPerSecond <= MAX_POSTS_PER_SECOND || (nodes > 0 && postsPerSecond / nodes <= MAX_POSTS_OF_AGENT)) return [];
  return [
    finding('posts_frequent', {
      where: publicUrl(bridge.address),
      what: `the bridge receives ${Math.round(postsPerSecond)} posts in a second${nodes === 0 ? '' : ` from ${nodes} nodes`}`,
      why: 'An agent posts 0.1 s after its first waiting event, so posts are many and small. Each costs CPU on both sides.',
      fix: `export ${RAY_VARIABLES.sendInterval}=1 on every node before ray start: a quarter of the posts, with the same events`,
    }),
  ];
}

function rejected({ address }: BridgeFacts, { rejectedByCode }: BridgeCounts): readonly Finding[] {
  if (rejectedByCode.size === 0) return [];
  const codes = [...rejectedByCode].map(([code, count]) => `${code} ${count}`).join(', ');
  return [
    finding('events_rejected', {
      where: publicUrl(address),
      what: `the bridge rejected events: ${codes}`,
      why: 'event_type_unknown is harmless and comes from a newer Ray. Other codes mean that another program posts, or a bug.',
      fix: 'see them with `ray-otel-bridge quarantine list --data-dir FOLDER`',
    }),
  ];
}
