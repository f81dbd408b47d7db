import type { Facts } from '../facts.ts';
import type { MisspeltVariable } from '../variables.ts';
import { finding, type Finding, unknown, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import type { Check } from './check.ts';

export const misspelt: Check = { name: 'misspelt', judge };

function judge({ local }: Facts): Verdicts {
  const found = [
    ...local.misspelt.map((variable) => describe(variable, 'this shell')),
    ...local.processes.flatMap(({ kind, pid, misspelt: ofProcess }) =>
      ofProcess.map((variable) => describe(variable, `${kind} ${pid} on this machine`)),
    ),
    ...local.drivers.flatMap(({ pid, jobId, misspelt: ofDriver }) =>
      ofDriver.map((variable) => describe(variable, `driver ${pid} of job ${jobId}`)),
    ),
  ];
  if (local.hasProcFolder) return verdictsOr(found, passed('no variable of this shell or of Ray here looks misspelt'));
  return verdictsOr(
    found,
    unknown('this system has no /proc, so the variables of Ray cannot be checked for typos', 'run this on a Ray node with Linux'),
  );
}

function describe({ name, meant }: MisspeltVariable, where: string): Finding {
  return finding('variable_misspelt', {
    where,
    what: `unknown variable ${name}: did you mean ${meant}?`,
    why: 'Names are case-sensitive, and a variable with another name has no effect.',
    fix: `set ${meant} instead, and restart the programs that had the wrong name`,
  });
}
