'use strict';
// Siblings of one function as one row of the list, until somebody unfolds them.

/** The bridge takes no more; what was unfolded first is folded again. */
const UNFOLDED_MAX = 100;

/** Whoever looks for something sees what was found, folded nowhere. @param {Record<string, string>} filter */
function isFoldedView(filter) {
  return filter['order'] === 'folded' && Object.keys(filter).length === 1;
}

/** @param {RollupRow} fold @param {boolean} wanted */
function setUnfolded(fold, wanted) {
  if (fold.isUnfolded === wanted) return;
  list.unfolded.delete(fold.key);
  if (wanted) list.unfolded.add(fold.key);
  for (const key of list.unfolded) if (list.unfolded.size > UNFOLDED_MAX) list.unfolded.delete(key);
  askAgain();
}

/** @param {RollupRow} fold */
function foldText(fold) {
  const { stages } = fold;
  const parts = [
    stages.failed > 0 ? `${countText(stages.failed)} failed` : '',
    stages.running > 0 ? `${countText(stages.running)} running` : '',
    pendingOf(stages) > 0 ? `${countText(pendingOf(stages))} pending` : '',
    fold.retried > 0 ? `${countText(fold.retried)} retried` : '',
    fold.runSumMs > 0 ? `ran ${durationText(fold.runSumMs)} in sum` : '',
    fold.below > 0 ? `${countText(fold.below)} below` : '',
  ];
  const told = parts.filter((part) => part !== '').join(', ');
  return `${fold.function} × ${countText(fold.tasks)}${told === '' ? '' : ` — ${told}`}`;
}

/** What ran, between what only waits: from the first submission to the first that runs, and from the last that ran on. @param {RollupRow} fold @returns {Phase[]} */
function phasesOfFold({ startMs, runningMs, runUntilMs, untilMs = list.nowMs, endMs = untilMs, stages, tasks }) {
  if (startMs === undefined) return [];
  const beganMs = runningMs ?? endMs;
  const lastMs = Math.max(beganMs, runUntilMs ?? beganMs);
  /** @type {Phase[]} */
  const phases = [
    waitsOfFold(startMs, beganMs),
    { stage: stages.failed === tasks ? 'failed' : 'running', startMs: beganMs, endMs: lastMs, kind: 'fold' },
    waitsOfFold(lastMs, endMs),
  ];
  return phases.filter((phase) => phase.endMs > phase.startMs);
}

/** @param {number} startMs @param {number} endMs @returns {Phase} */
function waitsOfFold(startMs, endMs) {
  return { stage: 'pending_node', startMs, endMs, kind: 'fold waits' };
}
