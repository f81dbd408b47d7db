import type { Facts } from '../facts.ts';
import { FIRST_WITH_ALL, FIRST_WITH_TASK_LIFECYCLE, isAtLeast, parseEventTypes, type RayRelease } from '../ray-release.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, unknown, type Verdict, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import type { Check } from './check.ts';

export const eventTypes: Check = { name: 'event_types', judge };

const FIX = `set ${RAY_VARIABLES.eventTypes} to the list that \`ray-otel-bridge serve\` prints (it works with every release; ALL works from 2.54), and restart Ray`;

function judge({ ray, local }: Facts): Verdicts {
  const lists = local.processes.flatMap(({ kind, pid, variables }) =>
    kind === 'raylet' && variables?.eventTypes ? [{ where: `raylet ${pid} on this machine`, text: variables.eventTypes }] : [],
  );
  const verdicts: Verdict[] = lists.flatMap(({ where, text }) => ofList(text, where, ray.release));
  const isNamed = verdicts.some(({ kind }) => kind === 'finding');
  for (const { name, counts, isHere } of ray.nodes) {
    const excludesAll = counts !== undefined && counts.filtered > 0 && counts.published === 0;
    if (!excludesAll || (isHere && isNamed)) continue;
    verdicts.push(
      finding('events_all_filtered', {
        where: `node ${name}`,
        what: `the agent receives events, but ${RAY_VARIABLES.eventTypes} excludes all of them`,
        why: 'The node drops all events that the list does not name. Ray before 2.54 does not know ALL.',
        fix: FIX,
      }),
    );
  }
  if (verdicts.length > 0) return verdictsOr(verdicts, passed(''));
  const hasCounted = ray.nodes.some(({ counts }) => counts !== undefined && counts.published > 0);
  if (lists.length === 0 && !hasCounted)
    return [
      unknown(
        'the lists of the nodes cannot be read, and no node has posted yet',
        'run this on a node as the user of Ray, or after a task has run',
      ),
    ];
  return [passed(lists.length > 0 ? 'the list of this machine fits its release' : 'the nodes post events')];
}

function ofList(text: string, where: string, release: RayRelease | undefined): readonly Verdict[] {
  const { isAll, names, unknownNames } = parseEventTypes(text);
  const verdicts: Verdict[] = [];
  const outdated = outdatedBecause(isAll, names, release);
  if (outdated === 'release_unknown')
    verdicts.push(unknown("without the dashboard, it is unknown whether the list fits Ray's release", 'give --ray-address', where));
  else if (outdated !== undefined) verdicts.push(finding('event_types_outdated', { where, ...outdated, fix: FIX }));
  if (unknownNames.length > 0) {
    const shown = unknownNames.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 60)));
    verdicts.push(
      finding('event_types_unknown', {
        where,
        what: `no release of Ray knows ${shown.join(', ')}${unknownNames.length > shown.length ? ` and ${unknownNames.length - shown.length} more` : ''}`,
        why: 'Ray silently ignores such a name. Names are exact, in capitals, and separated by commas.',
        fix: FIX,
      }),
    );
  }
  return verdicts;
}

function outdatedBecause(isAll: boolean, names: ReadonlySet<string>, release: RayRelease | undefined) {
  const [hasExecution, hasLifecycle] = [names.has('TASK_EXECUTION_EVENT'), names.has('TASK_LIFECYCLE_EVENT')];
  if (!isAll && hasExecution === hasLifecycle && hasLifecycle) return undefined;
  if (release === undefined) return 'release_unknown';
  if (isAll) {
    if (isAtLeast(release, FIRST_WITH_ALL)) return undefined;
    return {
      what: 'the list is ALL, which Ray knows only from 2.54',
      why: 'Older releases post nothing, because ALL is not the name of an event type.',
    };
  }
  const isNew = isAtLeast(release, FIRST_WITH_TASK_LIFECYCLE);
  const [needed, has] = isNew ? ['TASK_LIFECYCLE_EVENT', hasLifecycle] : ['TASK_EXECUTION_EVENT', hasExecution];
  return has
    ? undefined
    : { what: `the list has no ${needed}`, why: 'These events contain the states of tasks: without them no attempt begins or ends.' };
}
