import { type AskFailure, failureText } from '../ask.ts';
import type { Facts, RayFacts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { finding, unknown, type Verdict, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';

export const rayDashboard: Check = { name: 'ray_dashboard', judge };

const WHY = 'Doctor reads the nodes, their counters and their logs from the dashboard.';
const FIX_ADDRESS =
  "give the dashboard's address with --ray-address: http://HEAD:8265, as `ray start --head` prints it (not port 6379 or 10001), or forward the port; a head without ray[default] has no dashboard";

function judge({ ray, local }: Facts): Verdicts {
  const where = publicUrl(ray.url);
  const { answer } = ray;
  if (ray.version === undefined && local.isDashboardOff) return [isOff()];
  if (answer.kind === 'failed') return [notReached(ray, answer.failure, where)];
  if (ray.version !== undefined) return [passed(`Ray ${ray.version} answers at ${where}`)];
  if (answer.status === 401 || answer.status === 403) return [token(ray, where)];
  return [
    finding('ray_not_dashboard', {
      where,
      what: `${where} answers with ${answer.status}${answer.location === undefined ? '' : `, to ${publicUrl(answer.location)}`}, but it is not Ray's dashboard`,
      why: WHY,
      fix: FIX_ADDRESS,
    }),
  ];
}

function isOff(): Verdict {
  return finding('ray_dashboard_off', {
    what: 'the head on this machine was started with --include-dashboard=false',
    why: 'Nodes still post. But jobs cannot be submitted, so their events are missing, and nodes on other machines are unknown here.',
    fix: 'nothing, if this is intended: run this on each node. Otherwise start the head without --include-dashboard=false',
  });
}

function notReached(ray: RayFacts, failure: AskFailure, where: string): Verdict {
  if (ray.source === 'default')
    return unknown(`no --ray-address is given, and the default ${where} cannot be reached: ${failureText(failure)}`, FIX_ADDRESS);
  if (failure === 'not_asked') return unknown(`${where} was not asked: ${failureText(failure)}`, 'run this again');
  if (failure === 'not_http')
    return finding('ray_not_dashboard', { where, what: `the program at ${where} does not speak HTTP`, why: WHY, fix: FIX_ADDRESS });
  return finding('ray_unreachable', { where, what: `cannot reach ${where}: ${failureText(failure)}`, why: WHY, fix: FIX_ADDRESS });
}

function token({ tokenFrom }: RayFacts, where: string): Verdict {
  const why = 'Ray can require a token from 2.52, and does so by default for `ray.init()` from 2.59.';
  if (tokenFrom === undefined) {
    return finding('ray_token_missing', {
      where,
      what: `${where} requires Ray's token, but RAY_AUTH_TOKEN, the file of RAY_AUTH_TOKEN_PATH and ~/.ray/auth_token contain none`,
      why,
      fix: 'run `ray get-auth-token` on the head, and export RAY_AUTH_TOKEN=... here',
    });
  }
  return finding('ray_token_invalid', {
    where,
    what: `${where} rejects the token from ${tokenFrom}`,
    why,
    fix: `put the token that \`ray get-auth-token\` prints on the head into ${tokenFrom}`,
  });
}
