import { taskSpanId } from '../span/index.ts';
import type { CriticalPath, PathPhase, PathStep } from './critical-path.ts';
import type { AttemptView, JobView } from './records.ts';
import type { SessionNow } from './session-now.ts';
import type { CriticalPathAnswer, RollupRow, PathShareRow, PathStepRow } from './shapes.ts';
import { densityOf } from './density.ts';
import { isOver, noCounts } from './stage.ts';
import { rollupKeyOf, type SelectedRollup } from './tree.ts';

/** Maximum steps in one answer; the latest ones are kept. */
const MAX_PATH_STEPS = 500;

export function describeRollup({ key, members, below, isExpanded }: SelectedRollup, now: SessionNow): RollupRow {
  const stages = noCounts();
  let [startMs, runningMs, runUntilMs, endMs] = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
  let [queueSumMs, runSumMs, runMaxMs, retried, lastMs] = [0, 0, 0, 0, Number.NaN];
  let areAllOver = true;
  for (const attempt of members) {
    stages[attempt.stage] += 1;
    if (!isOver(attempt.stage)) areAllOver = false;
    for (let each = attempt.previous; each !== undefined; each = each.previous) {
      retried += 1;
      startMs = least(startMs, each.startMs);
      runningMs = least(runningMs, each.runningMs);
      if (!Number.isNaN(each.runningMs)) runUntilMs = -least(-runUntilMs, -each.endMs);
    }
    startMs = least(startMs, attempt.startMs);
    runningMs = least(runningMs, attempt.runningMs);
    const untilMs = now.untilMs(attempt);
    lastMs = -least(-lastMs, -untilMs);
    endMs = -least(-endMs, -attempt.endMs);
    if (!Number.isNaN(attempt.runningMs)) {
      const runMs = Math.max(0, untilMs - attempt.runningMs);
      runSumMs += runMs;
      runUntilMs = -least(-runUntilMs, -untilMs);
      runMaxMs = Math.max(runMaxMs, runMs);
      queueSumMs += Math.max(0, attempt.runningMs - attempt.startMs);
    } else if (!isOver(attempt.stage) && !Number.isNaN(attempt.startMs)) queueSumMs += Math.max(0, untilMs - attempt.startMs);
  }
  return {
    key,
    function: members[0]?.function.name ?? '',
    tasks: members.length,
    below,
    isUnfolded: isExpanded,
    stages,
    retried,
    ...(Number.isNaN(startMs) ? {} : { startMs: rounded(startMs) }),
    ...(Number.isNaN(runningMs) ? {} : { runningMs: rounded(runningMs) }),
    ...(Number.isNaN(runUntilMs) ? {} : { runUntilMs: rounded(runUntilMs) }),
    ...(areAllOver && !Number.isNaN(endMs) ? { endMs: rounded(endMs) } : {}),
    ...(!areAllOver && lastMs < now.nowMs ? { untilMs: rounded(lastMs) } : {}),
    queueSumMs: rounded(queueSumMs),
    runSumMs: rounded(runSumMs),
    runMaxMs: rounded(runMaxMs),
    ...(Number.isNaN(startMs) ? {} : { density: densityOf(members, { startMs, endMs: lastMs }, now) }),
  };
}

const SHARE_OF_PHASE = {
  arguments: 'argumentsMs',
  retry: 'retryMs',
  node: 'nodeMs',
  worker: 'workerMs',
  running: 'runningMs',
  unknown: 'unknownMs',
} as const satisfies Readonly<Record<PathPhase, keyof PathShareRow>>;

type Share = { -readonly [Key in keyof PathShareRow]: PathShareRow[Key] };

export function describeCriticalPath(
  job: JobView,
  { steps, tasksLeftOut }: CriticalPath,
): Pick<CriticalPathAnswer, 'shares' | 'steps' | 'stepsLeftOut' | 'tasksLeftOut'> {
  const shares = new Map<string | undefined, Share>();
  const seen = new Set<string>();
  for (const { attempt, phase, startMs, endMs } of steps) {
    const name = attempt?.function.name;
    const share = shares.get(name) ?? newShare(name);
    shares.set(name, share);
    share[SHARE_OF_PHASE[phase]] += endMs - startMs;
    share.totalMs += endMs - startMs;
    if (attempt === undefined || seen.has(attempt.taskId)) continue;
    seen.add(attempt.taskId);
    share.tasks += 1;
  }
  return {
    shares: [...shares.values()].toSorted((a, b) => b.totalMs - a.totalMs),
    steps: steps.slice(-MAX_PATH_STEPS).map((step) => describeStep(job, step)),
    stepsLeftOut: Math.max(0, steps.length - MAX_PATH_STEPS),
    tasksLeftOut: tasksLeftOut + job.withoutRow + job.untracked,
  };
}

function newShare(name: string | undefined): Share {
  const none = { tasks: 0, argumentsMs: 0, retryMs: 0, nodeMs: 0, workerMs: 0, runningMs: 0, unknownMs: 0, totalMs: 0 };
  return name === undefined ? none : { function: name, ...none };
}

function describeStep(job: JobView, { attempt, phase, startMs, endMs, isHandedOn }: PathStep): PathStepRow {
  const when = { phase, startMs: rounded(startMs), endMs: rounded(endMs), ...(isHandedOn ? { isHandedOn } : {}) };
  if (attempt === undefined) return { name: 'driver', ...when };
  return {
    task: attempt.taskId,
    attempt: attempt.number,
    name: attempt.name === '' ? attempt.function.name : attempt.name,
    function: attempt.function.name,
    spanId: taskSpanId(job.session.name, attempt.taskId, attempt.number),
    fold: rollupKeyOf(attempt, hasCallerInSight(job, attempt)),
    ...when,
  };
}

function hasCallerInSight(job: JobView, { parentTaskId }: AttemptView): boolean {
  return parentTaskId !== undefined && job.session.lastAttempts.get(parentTaskId)?.job === job;
}

function least(known: number, ms: number): number {
  return known <= ms ? known : Number.isNaN(ms) ? known : ms;
}

/** Rounds to microseconds, which are enough for readers and take half the space. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
