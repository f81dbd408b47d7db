import type { Facts } from '../facts.ts';
import type { MisspeltVariable } from '../variables.ts';
import { finding, type Finding, unknown, type Verdicts, verdictsOr, well } from '../verdict.ts';
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
  const nothing = 'variable here has nearly the name of one that Ray or the bridge reads';
  if (local.canLook) return verdictsOr(found, well(`no ${nothing}`));
  return verdictsOr(found, unknown(`whether a ${nothing}: there is no /proc to look into`, 'run this on a node of Ray with Linux'));
}

function describe({ name, meant }: MisspeltVariable, where: string): Finding {
  return finding('variable_misspelt', {
    where,
    what: `${name} is set, and nothing reads it: did you mean ${meant}?`,
    why: 'Names count exactly as they are written, letter case included; a variable of another name has no effect.',
    fix: `set ${meant} instead, and restart what was started with the other name`,
  });
}
