import type { PostFailure } from '../agent-log.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import type { FindingCode } from '../findings.ts';
import { publicUrl } from '../public-url.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, unknown, type Verdict, type Verdicts, verdictsOr, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes } from './no-nodes.ts';

export const nodePosts: Check = { name: 'node_posts', judge };

interface FailureText {
  readonly code: FindingCode;
  /** Completes 'the posts to http://bridge:8080/v1/events …'. */
  readonly what: string;
  readonly fix: string;
}

const address = RAY_VARIABLES.address;
const texts: Readonly<Record<PostFailure, FailureText>> = {
  cannot_connect: {
    code: 'agent_cannot_connect',
    what: 'find nobody who listens',
    fix: `start the bridge; let it listen on more than 127.0.0.1 (--listen 0.0.0.0:8080); open the port between them; localhost in ${address} is the node itself`,
  },
  unknown_host: {
    code: 'agent_unknown_host',
    what: 'name a host that the node does not know',
    fix: `correct the host in ${address}, or make it known there: on Kubernetes the Service with its namespace, bridge.NAMESPACE.svc`,
  },
  timeout: {
    code: 'agent_timeout',
    what: 'get no answer within the 3 s that Ray waits',
    fix: 'look for a firewall or network policy that drops packets on the way, and at the load of the bridge',
  },
  token_refused: {
    code: 'agent_token_refused',
    what: 'are answered 401 or 403',
    fix: `put a token of --ingest-token-file into ${address} as password, http://ray:TOKEN@bridge:8080/v1/events, and restart Ray on the node`,
  },
  path_wrong: {
    code: 'agent_path_wrong',
    what: 'are answered 404 or 405',
    fix: `let ${address} end in /v1/events, and see that the host and port are those of the bridge`,
  },
  bridge_busy: {
    code: 'agent_bridge_busy',
    what: 'are answered 5xx or 429',
    fix: "see what the bridge's /readyz and log say: most often the backend is away, or a proxy has no bridge behind it",
  },
  post_refused: {
    code: 'agent_post_refused',
    what: 'are answered with an error of 4xx',
    fix: 'look for a proxy on the way with a limit of the body (413; 1 MB is too small for 1,000 events), and at the log of the bridge',
  },
  redirected: {
    code: 'agent_redirected',
    what: 'are redirected without end',
    fix: `write into ${address} where the redirect leads to: https instead of http, most often`,
  },
  tls: {
    code: 'agent_tls',
    what: 'fail at TLS',
    fix: 'set SSL_CERT_FILE (Ray 2.49: REQUESTS_CA_BUNDLE) on the node to the PEM file of the authority that signed the certificate; https:// only where the bridge has one',
  },
  address_invalid: {
    code: 'address_invalid',
    what: 'have no URL that Ray can use',
    fix: `set ${address} to a whole URL: http://bridge:8080/v1/events`,
  },
  other: {
    code: 'agent_failing',
    what: 'fail',
    fix: 'look at the last lines of dashboard_agent.log on the node, and from there post as it does: curl -d [] -H content-type:application/json URL',
  },
};

function judge({ ray }: Facts): Verdicts {
  if (ray.nodes.length === 0) return [noNodes(ray)];
  const verdicts: Verdict[] = ray.nodes.filter(({ hasAgent }) => hasAgent !== false).flatMap(ofNode);
  if (ray.nodesLeftOut > 0) verdicts.push(unknown(`${ray.nodesLeftOut} more nodes were not asked`, 'run this on one of them to see it'));
  return verdictsOr(verdicts, well('no post of a node that could be looked at is failing'));
}

function ofNode(node: NodeFacts): readonly Verdict[] {
  const where = `node ${node.name}`;
  const { counts, log, isLogMissing } = node;
  const verdicts: Verdict[] = [];
  if (log?.hasStopped === true) {
    verdicts.push(
      finding('agent_stopped', {
        where,
        what: "the agent's publisher has ended with an error",
        why: 'Ray 2.50 to 2.54 give up for good after 1,024 failures in a row, about 1.5 hours.',
        fix: 'restart Ray on the node, and update to 2.55 or later, which never gives up',
      }),
    );
  } else if (isFailing(node)) verdicts.push(failingPosts(node, where));
  if (counts !== undefined && counts.dropped > 0) {
    verdicts.push(
      finding('events_dropped', {
        where,
        what: `${counts.dropped} events were dropped, because the agent's buffer was full`,
        why: 'While posts fail, new events push out the old ones: spans of that time have gaps.',
        fix: 'mend what keeps posts from being taken; what is lost stays lost',
      }),
    );
  }
  // Where posts arrive, nobody needs it.
  if (isLogMissing && (counts === undefined || counts.published === 0 || isFailing(node)))
    verdicts.push(
      finding('agent_log_missing', {
        where,
        what: 'the node has no dashboard_agent.log',
        why: 'There Ray tells where the agent posts to and why that fails. RAY_LOG_TO_STDERR=1 sends it to the output of `ray start` instead; or somebody removed it.',
        fix: 'look for aggregator_agent and async_publisher_client in the output of Ray on the node (`kubectl logs`, `docker logs`); or unset RAY_LOG_TO_STDERR and restart Ray there',
      }),
    );
  else if (counts === undefined && log === undefined)
    verdicts.push(
      unknown('neither its metrics port nor its log can be read from here', 'run this on a machine that reaches the node', where),
    );
  return verdicts;
}

/** 2.49 does not count failures in a row: there, failures in the log and events that are not gone tell it. */
function isFailing({ counts, log }: NodeFacts): boolean {
  if (counts?.consecutiveFailures !== undefined) return counts.consecutiveFailures > 0;
  if (log?.lastFailure === undefined) return false;
  return counts === undefined || counts.received > counts.published + counts.filtered + counts.dropped;
}

function failingPosts({ counts, log }: NodeFacts, where: string): Verdict {
  const { code, what, fix } = texts[log?.lastFailure ?? 'other'];
  const to = log?.address === undefined ? '' : ` to ${publicUrl(log.address)}`;
  const times = counts?.consecutiveFailures === undefined ? '' : ` (${counts.consecutiveFailures} times in a row)`;
  return finding(code, {
    where,
    what: `the posts${to} ${what}${times}`,
    why: 'Ray repeats the same batch until it is taken, and newer events push the oldest out of its buffer.',
    fix,
  });
}
