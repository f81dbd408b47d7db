import type { Facts, ProcessFacts } from '../facts.ts';
import { FIRST_WITH_RAY_EVENT, isAtLeast } from '../ray-release.ts';
import { RAY_VARIABLES, type RayVariables } from '../variables.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { offText, receivedByNodes, sendsTaskEvents, systemFlagsOf } from './flags.ts';

export const taskFlag: Check = { name: 'task_flag', judge };

function judge(facts: Facts): Verdicts {
  const here = localVerdict(facts);
  const everywhere = counterVerdict(facts);
  if (here?.kind === 'finding' || everywhere === undefined) return [here ?? unknownFlag()];
  return here === undefined || everywhere.kind === 'finding' ? [everywhere] : [here];
}

/** Verdict by the variables of the processes on this machine. Undefined when they are unreadable or do not decide. */
function localVerdict({ local }: Facts): Verdict | undefined {
  const systemFlags = systemFlagsOf(local);
  const verdicts = local.processes.flatMap((process) => processVerdict(process, systemFlags) ?? []);
  return verdicts.find(({ kind }) => kind === 'finding') ?? verdicts[0];
}

function processVerdict({ kind, pid, variables }: ProcessFacts, systemFlags: RayVariables | undefined): Verdict | undefined {
  if (kind !== 'raylet' || variables === undefined) return undefined;
  const where = `raylet ${pid} on this machine`;
  const interval = systemFlags?.taskInterval ?? variables.taskInterval;
  if (interval !== undefined && Number(interval) === 0 && interval.trim() !== '') {
    return finding('task_events_off', {
      where,
      what: `${RAY_VARIABLES.taskInterval} is 0`,
      why: 'Workers then send no task events.',
      fix: `unset ${RAY_VARIABLES.taskInterval} on every node and restart Ray`,
    });
  }
  if (sendsTaskEvents(variables, systemFlags)) return passed(`${RAY_VARIABLES.taskEvent} is on in Ray on this machine`);
  // A head on another machine may set the flag for all nodes with --system-config.
  return systemFlags === undefined ? undefined : isMissing(where, offText('taskEvent', variables, systemFlags));
}

/** Verdict by the counters. Every task causes several events, so fewer events than tasks mean that tasks send none. */
function counterVerdict(facts: Facts): Verdict | undefined {
  const { taskCount, nodes } = facts.ray;
  const received = receivedByNodes(facts);
  if (taskCount === undefined || received === undefined || nodes.some(({ log }) => log?.isPosting === false)) return undefined;
  if (taskCount === 0) return unknown('no task has run yet', 'run a task, and then run this again');
  if (received >= taskCount) {
    // Cluster events alone can be as many. Ray 2.49 sends only task events.
    const sendsOnlyTaskEvents = facts.ray.release !== undefined && !isAtLeast(facts.ray.release, FIRST_WITH_RAY_EVENT);
    const hasTasks = sendsOnlyTaskEvents || (facts.bridge.counts?.attempts ?? 0) > 0;
    return hasTasks ? passed(`the nodes received ${received} events, including task events`) : undefined;
  }
  return isMissing(undefined, `${taskCount} tasks have run, but the agents received only ${received} events`);
}

function isMissing(where: string | undefined, what: string): Finding {
  return finding('task_flag_missing', {
    ...(where === undefined ? {} : { where }),
    what,
    why: 'Without it, workers send no task events, and tasks get no spans.',
    fix: `export ${RAY_VARIABLES.taskEvent}=1 on every node before \`ray start\`, and in the shell of every driver, and restart both`,
  });
}

function unknownFlag(): Verdict {
  return unknown(`${RAY_VARIABLES.taskEvent} cannot be checked from here`, 'run this on a node as the user of Ray');
}
