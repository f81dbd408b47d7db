import type { Facts } from '../facts.ts';
import { FIRST_WITH_ALL, FIRST_WITH_TASK_LIFECYCLE, isAtLeast, parseEventTypes, type RayRelease } from '../ray-release.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, unknown, type Verdict, type Verdicts, verdictsOr, well } from '../verdict.ts';
import type { Check } from './check.ts';

export const eventTypes: Check = { name: 'event_types', judge };

const fix = `set ${RAY_VARIABLES.eventTypes} to the list that \`ray-otel-bridge serve\` prints (it works with every release; ALL from 2.54 on), and restart Ray`;

function judge({ ray, local }: Facts): Verdicts {
  const lists = local.processes.flatMap(({ kind, pid, variables }) =>
    kind === 'raylet' && variables?.eventTypes ? [{ where: `raylet ${pid} on this machine`, text: variables.eventTypes }] : [],
  );
  const verdicts: Verdict[] = lists.flatMap(({ where, text }) => ofList(text, where, ray.release));
  const isNamed = verdicts.some(({ kind }) => kind === 'finding');
  for (const { name, counts, isHere } of ray.nodes) {
    const letsNoneThrough = counts !== undefined && counts.filtered > 0 && counts.published === 0;
    if (!letsNoneThrough || (isHere && isNamed)) continue;
    verdicts.push(
      finding('events_all_filtered', {
        where: `node ${name}`,
        what: `the agent got events, and ${RAY_VARIABLES.eventTypes} lets none of them through`,
        why: 'What the list does not name is thrown away on the node. ALL is no list before Ray 2.54.',
        fix,
      }),
    );
  }
  if (verdicts.length > 0) return verdictsOr(verdicts, well(''));
  const hasCounted = ray.nodes.some(({ counts }) => counts !== undefined && counts.published > 0);
  if (lists.length === 0 && !hasCounted)
    return [
      unknown(
        'no list of a node can be read, and no node has posted yet',
        'run this on a node with the user of Ray, or after a task has run',
      ),
    ];
  return [well(lists.length > 0 ? 'the list of this machine fits its release' : 'the nodes post events')];
}

function ofList(text: string, where: string, release: RayRelease | undefined): readonly Verdict[] {
  const { isAll, names, unknownNames } = parseEventTypes(text);
  const verdicts: Verdict[] = [];
  const outdated = outdatedBecause(isAll, names, release);
  if (outdated === 'release_unknown')
    verdicts.push(unknown("whether the list fits Ray's release cannot be told without the dashboard", 'give --ray-address', where));
  else if (outdated !== undefined) verdicts.push(finding('event_types_outdated', { where, ...outdated, fix }));
  if (unknownNames.length > 0) {
    const shown = unknownNames.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 60)));
    verdicts.push(
      finding('event_types_unknown', {
        where,
        what: `no release of Ray knows ${shown.join(', ')}${unknownNames.length > shown.length ? ` and ${unknownNames.length - shown.length} more` : ''}`,
        why: 'Ray ignores such a name without a word; names are exact, in capitals, with commas between.',
        fix,
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
    return { what: 'the list is ALL, which Ray knows from 2.54 on', why: 'Before, it is a name that fits no event: nothing is posted.' };
  }
  const isNew = isAtLeast(release, FIRST_WITH_TASK_LIFECYCLE);
  const [needed, has] = isNew ? ['TASK_LIFECYCLE_EVENT', hasLifecycle] : ['TASK_EXECUTION_EVENT', hasExecution];
  return has
    ? undefined
    : { what: `the list has no ${needed}`, why: 'The states of tasks are in these events: without them no attempt begins or ends.' };
}
