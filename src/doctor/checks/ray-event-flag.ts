import type { Facts } from '../facts.ts';
import { FIRST_WITH_RAY_EVENT, isAtLeast } from '../ray-release.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, type Finding, unknown, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { isFlagOn, offText } from './flags.ts';

export const rayEventFlag: Check = { name: 'ray_event_flag', judge };

function judge({ ray, local }: Facts): Verdicts {
  if (ray.release !== undefined && !isAtLeast(ray.release, FIRST_WITH_RAY_EVENT))
    return [passed(`Ray ${ray.version} does not need ${RAY_VARIABLES.rayEvent}: it sends only task events`)];
  const head = local.processes.find(({ kind, variables }) => kind === 'gcs_server' && variables !== undefined);
  if (head?.variables !== undefined) {
    return isFlagOn('rayEvent', head.variables, head.systemFlags)
      ? [passed(`${RAY_VARIABLES.rayEvent} is on at the head`)]
      : [isMissing(`gcs_server ${head.pid} on this machine`, offText('rayEvent', head.variables, head.systemFlags))];
  }
  const node = ray.nodes.find(({ isHead }) => isHead);
  const { counts, log } = node ?? {};
  if (node !== undefined && counts?.received === 0 && log?.isPosting === true && ray.release !== undefined)
    return [
      isMissing(`node ${node.name}`, 'the agent of the head has received no event, but a head with the flag sends some at its start'),
    ];
  return [unknown(`${RAY_VARIABLES.rayEvent} cannot be checked from here`, 'run this on the head as the user of Ray')];
}

function isMissing(where: string, what: string): Finding {
  return finding('ray_event_flag_missing', {
    where,
    what,
    why: 'Without it, the head sends no events of jobs, actors, nodes and workers: the jobs above the task spans have no names.',
    fix: `export ${RAY_VARIABLES.rayEvent}=1 on the head before \`ray start --head\`, and restart it`,
  });
}
