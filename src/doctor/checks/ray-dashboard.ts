import type { AskFailure } from '../ask.ts';
import type { Facts, RayFacts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { finding, unknown, type Verdict, type Verdicts, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { failureText } from './failure-text.ts';

export const rayDashboard: Check = { name: 'ray_dashboard', judge };

const fixAddress =
  "give the dashboard's address with --ray-address: http://HEAD:8265 as `ray start --head` prints it (not 6379 or 10001), or forward the port; a head without ray[default] has no dashboard";

function judge({ ray, local }: Facts): Verdicts {
  const where = publicUrl(ray.url);
  const { answer } = ray;
  if (ray.version === undefined && local.isDashboardOff) return [isOff()];
  if (answer.kind === 'failed') return [notReached(ray, answer.failure, where)];
  if (ray.version !== undefined) return [well(`Ray ${ray.version} answers at ${where}`)];
  if (answer.status === 401 || answer.status === 403) return [token(ray, where)];
  return [
    finding('ray_not_dashboard', {
      where,
      what: `${where} answers with ${answer.status}${answer.location === undefined ? '' : `, to ${publicUrl(answer.location)}`}, but is not Ray's dashboard`,
      why: 'The nodes, their counters and their logs are known from there.',
      fix: fixAddress,
    }),
  ];
}

function isOff(): Verdict {
  return finding('ray_dashboard_off', {
    what: 'the head of this machine was started with --include-dashboard=false',
    why: 'Nodes post all the same. But jobs cannot be submitted, and their events are missing; and without the dashboard nodes of other machines are not known here.',
    fix: 'nothing, if it is meant so: run this on each node. Else start the head without --include-dashboard=false',
  });
}

function notReached(ray: RayFacts, failure: AskFailure, where: string): Verdict {
  if (ray.source === 'default')
    return unknown(`no --ray-address is given, and at ${where}, the default, ${failureText(failure)}`, fixAddress);
  if (failure === 'not_asked') return unknown(`${where} was not asked: the time was over`, 'run it again');
  const why = 'The nodes, their counters and their logs are known from there.';
  if (failure === 'not_http')
    return finding('ray_not_dashboard', { where, what: `what listens at ${where} does not speak HTTP`, why, fix: fixAddress });
  return finding('ray_unreachable', { where, what: `at ${where} ${failureText(failure)}`, why, fix: fixAddress });
}

function token({ tokenFrom }: RayFacts, where: string): Verdict {
  const why = 'Ray from 2.52 on can ask for a token, and does so by default for `ray.init()` from 2.59 on.';
  if (tokenFrom === undefined) {
    return finding('ray_token_missing', {
      where,
      what: `${where} asks for Ray's token, and none is found in RAY_AUTH_TOKEN, the file of RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token`,
      why,
      fix: 'on the head: `ray get-auth-token`; then here: export RAY_AUTH_TOKEN=...',
    });
  }
  return finding('ray_token_invalid', {
    where,
    what: `${where} does not take the token from ${tokenFrom}`,
    why,
    fix: `put the token that \`ray get-auth-token\` shows on the head into ${tokenFrom}`,
  });
}
