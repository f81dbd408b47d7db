import type { TimeNs } from '../../event/index.ts';
import { parentOf } from '../callers/ancestry.ts';
import type { Job, Task } from '../entities/entities.ts';
import type { FinishedAttempt } from '../finished.ts';
import type { RollupNode } from '../budget/rollup.ts';
import type { State } from '../state.ts';
import { timesOf } from './attempt-times.ts';
import { taskRef } from './span-location.ts';

/** Adds an attempt without a span to the rollup of its name and parent, and what was rolled up below it to that. */
export function rollUp(
  state: State,
  task: Task | undefined,
  startNs: () => TimeNs,
  job: Job,
  lifecycle: FinishedAttempt,
  below: ReadonlyMap<string, RollupNode> | undefined,
): RollupNode {
  const { rollups } = job.budget;
  const { pendingNs, ranNs, runningAtNs } = timesOf(lifecycle);
  const node = rollups.add(rollupContainer(state, task, startNs, job), {
    isAttempt: true,
    name: lifecycle.name,
    outcome: lifecycle.outcome,
    startNs: lifecycle.startNs,
    endNs: lifecycle.endNs,
    waitNs: runningAtNs === undefined ? undefined : pendingNs,
    ranNs,
  });
  if (below !== undefined) rollups.merge(node.children, below);
  state.rolledUpAttempts += 1;
  job.budget.rolledUpAttemptCount += 1;
  return node;
}

function rollupContainer(state: State, task: Task | undefined, startNs: () => TimeNs, job: Job): Map<string, RollupNode> {
  const { rollups, heldBack } = job.budget;
  // What was forgotten of it has no caller any more.
  if (task === undefined) return rollups.under();
  const parent = parentOf(task, state.options.maxDepth, startNs);
  if (parent.kind === 'job' || parent.attempt === undefined) return rollups.under();
  if (!parent.attempt.closed) return (parent.attempt.writableRareFields.rollups ??= new Map<string, RollupNode>());
  const held = parent.attempt.isHeldBack ? heldBack.find(parent.taskId, parent.number) : undefined;
  if (held !== undefined) return (held.rollups ??= new Map<string, RollupNode>());
  if (parent.attempt.rollup === undefined) return rollups.under(taskRef(parent));
  const parentRollup = parent.attempt.rollup.current;
  return parentRollup.sent ? rollups.under() : parentRollup.children;
}
