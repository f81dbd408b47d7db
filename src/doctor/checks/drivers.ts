import { formatCount } from '../../terminal/index.ts';
import type { Facts } from '../facts.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, unknown, type Verdict, type Verdicts, verdictsOr, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { systemFlagsOf, tellsTasks } from './flags.ts';

export const drivers: Check = { name: 'drivers', judge };

const why = 'Without it only the workers tell: attempts have no definition (name, parent) and no end.';
const fix = `export ${RAY_VARIABLES.taskEvent}=1 in the shell that starts the driver, or set it in the script before \`import ray\``;

function judge({ local, ray }: Facts): Verdicts {
  if (!local.canLook) return [unknown('this system has no /proc to look into', 'see that each driver has the variable')];
  const systemFlags = systemFlagsOf(local);
  const { shell } = local;
  const verdicts: Verdict[] = local.drivers.flatMap(({ pid, jobId, variables }): readonly Verdict[] => {
    const where = `driver ${pid} of job ${jobId}`;
    if (variables === undefined)
      return [unknown('its environment cannot be read by this user', 'run this with the user of the driver', where)];
    if (tellsTasks(variables, systemFlags)) return [];
    const what = `it was started without ${RAY_VARIABLES.taskEvent}; the script may have set it since`;
    return [finding('driver_flag_missing', { where, what, why, fix })];
  });
  if (shell.address && !tellsTasks(shell, systemFlags)) {
    const what = `this shell has ${RAY_VARIABLES.address}, but not ${RAY_VARIABLES.taskEvent}`;
    verdicts.push(finding('driver_flag_missing', { where: 'this shell', what, why, fix }));
  }
  if (ray.version === undefined && verdicts.length === 0)
    return [unknown('which drivers run is not known without the dashboard', 'give --ray-address')];
  const count = local.drivers.length;
  return verdictsOr(
    verdicts,
    well(count === 0 ? 'no driver is known to run on this machine' : `${formatCount(count, 'driver')} on this machine, with the flag`),
  );
}
