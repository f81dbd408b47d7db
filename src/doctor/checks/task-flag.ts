import type { Facts, ProcessFacts } from '../facts.ts';
import { FIRST_WITH_RAY_EVENT, isAtLeast } from '../ray-release.ts';
import { RAY_VARIABLES, type RayVariables } from '../variables.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { offText, receivedByNodes, systemFlagsOf, tellsTasks } from './flags.ts';

export const taskFlag: Check = { name: 'task_flag', judge };

function judge(facts: Facts): Verdicts {
  const here = ofThisMachine(facts);
  const everywhere = ofCounts(facts);
  if (here?.kind === 'finding' || everywhere === undefined) return [here ?? notKnown()];
  return here === undefined || everywhere.kind === 'finding' ? [everywhere] : [here];
}

/** What the processes on this machine were started with; undefined when that cannot be read or does not decide it. */
function ofThisMachine({ local }: Facts): Verdict | undefined {
  const systemFlags = systemFlagsOf(local);
  const verdicts = local.processes.flatMap((process) => ofProcess(process, systemFlags) ?? []);
  return verdicts.find(({ kind }) => kind === 'finding') ?? verdicts[0];
}

function ofProcess({ kind, pid, variables }: ProcessFacts, systemFlags: RayVariables | undefined): Verdict | undefined {
  if (kind !== 'raylet' || variables === undefined) return undefined;
  const where = `raylet ${pid} on this machine`;
  const interval = systemFlags?.taskInterval ?? variables.taskInterval;
  if (interval !== undefined && Number(interval) === 0 && interval.trim() !== '') {
    return finding('task_events_off', {
      where,
      what: `${RAY_VARIABLES.taskInterval} is 0`,
      why: 'Workers then send no events of tasks at all.',
      fix: `unset ${RAY_VARIABLES.taskInterval} on every node and restart Ray`,
    });
  }
  if (tellsTasks(variables, systemFlags)) return well(`${RAY_VARIABLES.taskEvent} is on in the Ray of this machine`);
  // A head elsewhere may give the flag to all by --system-config.
  return systemFlags === undefined ? undefined : isMissing(where, offText('taskEvent', variables, systemFlags));
}

/** Every task that ran makes more than one event: fewer events than tasks means that tasks tell nothing. */
function ofCounts(facts: Facts): Verdict | undefined {
  const { taskCount, nodes } = facts.ray;
  const received = receivedByNodes(facts);
  if (taskCount === undefined || received === undefined || nodes.some(({ log }) => log?.isPosting === false)) return undefined;
  if (taskCount === 0) return unknown('no task has run yet', 'run a task, and then this again');
  if (received >= taskCount) {
    // Events of the cluster alone can be as many; those of 2.49 are of tasks only.
    const tellsTasksOnly = facts.ray.release !== undefined && !isAtLeast(facts.ray.release, FIRST_WITH_RAY_EVENT);
    const hasTasks = tellsTasksOnly || (facts.bridge.counts?.attempts ?? 0) > 0;
    return hasTasks ? well(`the nodes got ${received} events, those of tasks among them`) : undefined;
  }
  return isMissing(undefined, `${taskCount} tasks have run, but the agents of the nodes got only ${received} events`);
}

function isMissing(where: string | undefined, what: string): Finding {
  return finding('task_flag_missing', {
    ...(where === undefined ? {} : { where }),
    what,
    why: 'Workers then send no events of tasks: no task becomes a span.',
    fix: `export ${RAY_VARIABLES.taskEvent}=1 on every node before \`ray start\`, and in the shell of every driver, and restart both`,
  });
}

function notKnown(): Verdict {
  return unknown(`whether ${RAY_VARIABLES.taskEvent} is on cannot be told from here`, 'run this on a node, with the user of Ray');
}
