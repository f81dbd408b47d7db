import { formatCount } from '../../terminal/index.ts';
import type { Facts } from '../facts.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, unknown, type Verdict, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { sendsTaskEvents, systemFlagsOf } from './flags.ts';

export const drivers: Check = { name: 'drivers', judge };

const WHY = 'Without it, tasks submitted by that driver have no name, no parent and no end.';
const FIX = `export ${RAY_VARIABLES.taskEvent}=1 in the shell that starts the driver, or set it in the script before \`import ray\``;

function judge({ local, ray }: Facts): Verdicts {
  if (!local.hasProcFolder)
    return [unknown('this system has no /proc, so drivers cannot be checked', 'check that each driver has the variable')];
  const systemFlags = systemFlagsOf(local);
  const { shell } = local;
  const verdicts: Verdict[] = local.drivers.flatMap(({ pid, jobId, variables }): readonly Verdict[] => {
    const where = `driver ${pid} of job ${jobId}`;
    if (variables === undefined) return [unknown('this user cannot read its environment', 'run this as the user of the driver', where)];
    if (sendsTaskEvents(variables, systemFlags)) return [];
    const what = `it was started without ${RAY_VARIABLES.taskEvent}; the script may have set it since`;
    return [finding('driver_flag_missing', { where, what, why: WHY, fix: FIX })];
  });
  if (shell.address && !sendsTaskEvents(shell, systemFlags)) {
    const what = `this shell has ${RAY_VARIABLES.address}, but not ${RAY_VARIABLES.taskEvent}`;
    verdicts.push(finding('driver_flag_missing', { where: 'this shell', what, why: WHY, fix: FIX }));
  }
  if (ray.version === undefined && verdicts.length === 0)
    return [unknown('without the dashboard, the running drivers are unknown', 'give --ray-address')];
  const count = local.drivers.length;
  return verdictsOr(
    verdicts,
    passed(count === 0 ? 'no known driver runs on this machine' : `${formatCount(count, 'driver')} on this machine with the flag`),
  );
}
