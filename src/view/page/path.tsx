import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { CriticalPathAnswer, PathShareRow, PathStepRow, TreeRow } from '../shapes.ts';
import type { Stage } from '../stage.ts';
import { countText, durationText } from './format.ts';
import { type Column, Table } from './parts.tsx';
import { criticalPath } from './store.ts';
import { FunctionLink, TaskLink } from './tables.tsx';

type Part = PathStepRow['phase'] | 'driver';

/** Steps and functions with a smaller share are left out: they determined nothing. */
const MIN_SHARE = 0.05;

const STAGE_OF_PHASE: Readonly<Record<PathStepRow['phase'], Stage>> = {
  arguments: 'pending_args',
  retry: 'unfinished',
  node: 'pending_node',
  worker: 'pending_worker',
  running: 'running',
  unknown: 'unknown',
};

const STEP_WORDS: Readonly<Record<PathStepRow['phase'], string>> = {
  arguments: 'waited for arguments',
  retry: 'waited for a retry',
  node: 'waited for a node',
  worker: 'waited at its worker or actor',
  running: 'ran',
  unknown: 'not reported',
};

const SUM_WORDS: Readonly<Record<Part, string>> = {
  arguments: 'tasks waited for arguments',
  retry: 'for a retry',
  node: 'for a node',
  worker: 'at their workers or actors',
  running: 'tasks ran',
  unknown: 'not reported',
  driver: 'driver itself',
};

const ORDER: readonly Part[] = ['arguments', 'retry', 'node', 'worker', 'running', 'unknown', 'driver'];

/** Consecutive steps of one attempt. */
interface Stay {
  readonly first: PathStepRow;
  readonly steps: PathStepRow[];
  tookMs: number;
}

function staysOf(steps: readonly PathStepRow[]): readonly Stay[] {
  const stays: Stay[] = [];
  for (const step of steps) {
    const last = stays.at(-1);
    const tookMs = step.endMs - step.startMs;
    if (last === undefined || last.first.task !== step.task || last.first.attempt !== step.attempt)
      stays.push({ first: step, steps: [step], tookMs });
    else {
      last.steps.push(step);
      last.tookMs += tookMs;
    }
  }
  return stays;
}

interface Marked {
  readonly tasks: ReadonlySet<string>;
  readonly rollups: ReadonlySet<string>;
}

const NOTHING: Marked = { tasks: new Set(), rollups: new Set() };

/** Tasks and rollups on the critical path with a share worth a mark. */
export const marked = computed<Marked>(() => {
  const path = criticalPath.value;
  if (path === undefined) return NOTHING;
  const minMs = MIN_SHARE * totalOf(path);
  const taskMs = new Map<string, number>();
  const rollupMs = new Map<string, number>();
  for (const { task, fold, startMs, endMs } of path.steps) {
    if (task !== undefined) taskMs.set(task, (taskMs.get(task) ?? 0) + endMs - startMs);
    if (fold !== undefined) rollupMs.set(fold, (rollupMs.get(fold) ?? 0) + endMs - startMs);
  }
  const worth = (sums: ReadonlyMap<string, number>): ReadonlySet<string> =>
    new Set([...sums].flatMap(([key, ms]) => (ms >= minMs ? [key] : [])));
  return { tasks: worth(taskMs), rollups: worth(rollupMs) };
});

export function isOnPath({ task, fold }: TreeRow): boolean {
  const { tasks, rollups } = marked.value;
  return task === undefined ? fold !== undefined && rollups.has(fold.key) : tasks.has(task.task);
}

function totalOf({ startMs, endMs }: CriticalPathAnswer): number {
  return Math.max(0.001, endMs - startMs);
}

function partText(ms: number): string {
  return ms === 0 ? '' : durationText(ms);
}

function shareText(ms: number, path: CriticalPathAnswer): string {
  return `${Math.round((ms / totalOf(path)) * 100)} %`;
}

function shareColumns(path: CriticalPathAnswer): readonly Column<PathShareRow>[] {
  return [
    { title: 'Function', cell: (row) => (row.function === undefined ? 'driver' : <FunctionLink name={row.function} />), kind: 'wide' },
    { title: 'Share', cell: (row) => shareText(row.totalMs, path), kind: 'num' },
    { title: 'Total', cell: (row) => durationText(row.totalMs), kind: 'num' },
    { title: 'Ran', cell: (row) => partText(row.runningMs), kind: 'num' },
    { title: 'Arguments', cell: (row) => partText(row.argumentsMs), kind: 'num' },
    { title: 'Retry', cell: (row) => partText(row.retryMs), kind: 'num' },
    { title: 'Node', cell: (row) => partText(row.nodeMs), kind: 'num' },
    { title: 'Worker', cell: (row) => partText(row.workerMs), kind: 'num' },
    { title: 'Not reported', cell: (row) => partText(row.unknownMs), kind: 'num' },
    { title: 'Tasks', cell: (row) => (row.function === undefined ? '' : countText(row.tasks)), kind: 'num' },
  ];
}

function stayColumns({ startMs }: CriticalPathAnswer): readonly Column<Stay>[] {
  return [
    { title: 'After', cell: ({ first }) => durationText(first.startMs - startMs), kind: 'num' },
    { title: 'Took', cell: (row) => durationText(row.tookMs), kind: 'num' },
    { title: 'Task', cell: ({ first }) => (first.task === undefined ? 'driver' : <TaskLink task={first.task}>{first.name}</TaskLink>) },
    { title: 'Activity', cell: ({ steps }) => steps.map(stepText).join(', '), kind: 'wide' },
  ];
}

function stepText({ phase, startMs, endMs, isHandedOn }: PathStepRow): string {
  return `${STEP_WORDS[phase]} ${durationText(endMs - startMs)}${isHandedOn === true ? ' (probably made by the previous task)' : ''}`;
}

export function PathTab(): JSX.Element {
  const path = criticalPath.value;
  if (path === undefined) return <p class="empty">Searching…</p>;
  const minMs = MIN_SHARE * totalOf(path);
  const stays = staysOf(path.steps);
  const shares = path.shares.filter(({ totalMs }) => totalMs >= minMs / 10);
  const main = stays.filter(({ tookMs }) => tookMs >= minMs);
  const left = [
    path.stepsLeftOut > 0 ? `${countText(path.stepsLeftOut)} steps at the beginning are left out.` : '',
    path.tasksLeftOut > 0 ? `${countText(path.tasksLeftOut)} attempts have no row, so the path may lack steps.` : '',
  ];
  return (
    <div id="path">
      <h3 id="path-title">{path.isOver ? 'What determined the duration' : 'What determines the duration so far'}</h3>
      <p class="note">
        The critical path: the chain of tasks that most likely set the duration. Ray does not report what a caller waited for, so the bridge
        follows calls and end times back from the end. A ◆ marks these tasks in the timeline, from a share of 5 % on.
      </p>
      <PathBar steps={path.steps} />
      <ol class="chain" aria-label="Steps with a share of 5 % and more">
        {main.map(({ first, tookMs }, index) => (
          <li key={`${first.task ?? ''}/${first.startMs}`}>
            <span>
              {first.task === undefined ? 'driver' : <TaskLink task={first.task}>{first.name}</TaskLink>} {durationText(tookMs)},{' '}
              {shareText(tookMs, path)}
            </span>
            {index < main.length - 1 && <i>then</i>}
          </li>
        ))}
      </ol>
      <Table label="Shares of the critical path" columns={shareColumns(path)} rows={shares} keyOf={(row) => row.function ?? ''} />
      <p class="note">{left.filter((text) => text !== '').join(' ')}</p>
      <details id="path-steps">
        <summary>All steps</summary>
        <div id="path-list">
          <Table
            label="All steps"
            columns={stayColumns(path)}
            rows={stays}
            keyOf={({ first }) => `${first.task ?? ''}/${first.attempt ?? 0}/${first.startMs}`}
          />
        </div>
      </details>
    </div>
  );
}

/** The sum of each phase over all steps, the driver's own time last. */
function PathBar({ steps }: { steps: readonly PathStepRow[] }): JSX.Element {
  const sums = new Map<Part, number>();
  for (const { task, phase, startMs, endMs } of steps) {
    const part = task === undefined ? 'driver' : phase;
    sums.set(part, (sums.get(part) ?? 0) + endMs - startMs);
  }
  const parts = ORDER.filter((part) => (sums.get(part) ?? 0) > 0);
  const words = (part: Part): string => `${SUM_WORDS[part]} ${durationText(sums.get(part) ?? 0)}`;
  return (
    <>
      <div id="path-bar" class="bar" role="img" aria-label={parts.map(words).join(', ')}>
        {parts.map((part) => (
          <span key={part} class={classOf(part)} style={{ flexGrow: sums.get(part) ?? 0 }} title={words(part)} />
        ))}
      </div>
      <p class="legend" aria-hidden="true">
        {parts.map((part) => (
          <span key={part}>
            <i class={`sw ${classOf(part)}`} />
            {words(part)}
          </span>
        ))}
      </p>
    </>
  );
}

function classOf(part: Part): string {
  return part === 'driver' ? 'c-driver' : `c-${STAGE_OF_PHASE[part]}`;
}
