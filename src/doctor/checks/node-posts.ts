import type { PostFailure } from '../agent-log.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import type { FindingCode } from '../findings.ts';
import { publicUrl } from '../public-url.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, unknown, type Verdict, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes } from './no-nodes.ts';

export const nodePosts: Check = { name: 'node_posts', judge };

interface FailureText {
  readonly code: FindingCode;
  /** Completes 'the posts to http://bridge:8080/v1/events …'. */
  readonly what: string;
  readonly fix: string;
}

const ADDRESS = RAY_VARIABLES.address;
const FAILURES: Readonly<Record<PostFailure, FailureText>> = {
  cannot_connect: {
    code: 'agent_cannot_connect',
    what: 'cannot connect',
    fix: `start the bridge, make it listen on more than 127.0.0.1 (--listen 0.0.0.0:8080), and open the port between them; note that localhost in ${ADDRESS} is the node itself`,
  },
  unknown_host: {
    code: 'agent_unknown_host',
    what: 'use a host that the node cannot resolve',
    fix: `correct the host in ${ADDRESS}, or make the node resolve it: on Kubernetes, name the Service with its namespace, bridge.NAMESPACE.svc`,
  },
  timeout: {
    code: 'agent_timeout',
    what: 'get no answer within the 3 s that Ray waits',
    fix: 'check for a firewall or network policy that drops packets, and check the load of the bridge',
  },
  token_refused: {
    code: 'agent_token_refused',
    what: 'are answered with 401 or 403',
    fix: `put a token of --ingest-token-file into ${ADDRESS} as the password, http://ray:TOKEN@bridge:8080/v1/events, and restart Ray on the node`,
  },
  path_wrong: {
    code: 'agent_path_wrong',
    what: 'are answered with 404 or 405',
    fix: `end ${ADDRESS} with /v1/events, and check that the host and port are those of the bridge`,
  },
  bridge_busy: {
    code: 'agent_bridge_busy',
    what: 'are answered with 5xx or 429',
    fix: "check the bridge's /readyz and log: usually the backend is unreachable, or a proxy has no bridge behind it",
  },
  post_refused: {
    code: 'agent_post_refused',
    what: 'are answered with another 4xx error',
    fix: 'check the log of the bridge, and the body limit of a proxy on the way (413: 1 MB is too small for 1,000 events)',
  },
  redirected: {
    code: 'agent_redirected',
    what: 'are redirected without end',
    fix: `set ${ADDRESS} to the target of the redirect, usually https instead of http`,
  },
  tls: {
    code: 'agent_tls',
    what: 'fail with a TLS error',
    fix: 'set SSL_CERT_FILE (Ray 2.49: REQUESTS_CA_BUNDLE) on the node to the PEM file of the authority that signed the certificate; use https:// only if the bridge has a certificate',
  },
  address_invalid: {
    code: 'address_invalid',
    what: 'use an invalid URL',
    fix: `set ${ADDRESS} to a complete URL: http://bridge:8080/v1/events`,
  },
  other: {
    code: 'agent_failing',
    what: 'fail',
    fix: 'check the last lines of dashboard_agent.log on the node, and post from there: curl -d [] -H content-type:application/json URL',
  },
};

function judge({ ray }: Facts): Verdicts {
  if (ray.nodes.length === 0) return [noNodes(ray)];
  const verdicts: Verdict[] = ray.nodes.filter(({ hasAgent }) => hasAgent !== false).flatMap(ofNode);
  if (ray.nodesLeftOut > 0) verdicts.push(unknown(`${ray.nodesLeftOut} more nodes were not asked`, 'run this on each of them'));
  return verdictsOr(verdicts, passed('no checked node has failing posts'));
}

function ofNode(node: NodeFacts): readonly Verdict[] {
  const where = `node ${node.name}`;
  const { counts, log, isLogMissing } = node;
  const verdicts: Verdict[] = [];
  if (log?.hasStopped === true) {
    verdicts.push(
      finding('agent_stopped', {
        where,
        what: "the agent's publisher has stopped with an error",
        why: 'Ray 2.50 to 2.54 stop posting after 1,024 failures in a row, which take about 1.5 hours.',
        fix: 'restart Ray on the node, and update to Ray 2.55 or later, which never stops',
      }),
    );
  } else if (isFailing(node)) verdicts.push(failingPosts(node, where));
  if (counts !== undefined && counts.dropped > 0) {
    verdicts.push(
      finding('events_dropped', {
        where,
        what: `the agent dropped ${counts.dropped} events, because its buffer was full`,
        why: 'While posts fail, new events replace the oldest ones: spans of that time have gaps.',
        fix: 'fix the cause of the failing posts; the dropped events are lost',
      }),
    );
  }
  // The log is needed only if posts do not arrive.
  if (isLogMissing && (counts === undefined || counts.published === 0 || isFailing(node)))
    verdicts.push(
      finding('agent_log_missing', {
        where,
        what: 'the node has no dashboard_agent.log',
        why: 'That log shows where the agent posts to and why posts fail. With RAY_LOG_TO_STDERR=1 Ray writes it to the output of `ray start` instead. Or the file was removed.',
        fix: 'search for aggregator_agent and async_publisher_client in the output of Ray on the node (`kubectl logs`, `docker logs`); or unset RAY_LOG_TO_STDERR and restart Ray there',
      }),
    );
  else if (counts === undefined && log === undefined)
    verdicts.push(unknown('its metrics port and its log cannot be read from here', 'run this on a machine that reaches the node', where));
  return verdicts;
}

/** Whether posts fail. Ray 2.49 does not count failures in a row: there, the log has failures and some events are not delivered. */
function isFailing({ counts, log }: NodeFacts): boolean {
  if (counts?.consecutiveFailures !== undefined) return counts.consecutiveFailures > 0;
  if (log?.lastFailure === undefined) return false;
  return counts === undefined || counts.received > counts.published + counts.filtered + counts.dropped;
}

function failingPosts({ counts, log }: NodeFacts, where: string): Verdict {
  const { code, what, fix } = FAILURES[log?.lastFailure ?? 'other'];
  const to = log?.address === undefined ? '' : ` to ${publicUrl(log.address)}`;
  const times = counts?.consecutiveFailures === undefined ? '' : ` (${counts.consecutiveFailures} times in a row)`;
  return finding(code, {
    where,
    what: `the posts${to} ${what}${times}`,
    why: 'Ray retries the same batch until it is accepted. Meanwhile, new events replace the oldest in its buffer.',
    fix,
  });
}
