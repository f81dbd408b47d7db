'use strict';
// Sibling tasks of one function form one row of the list until the reader expands it.

/** Limit of the bridge for one request. Beyond it, the row that was expanded first collapses. */
const MAX_EXPANDED = 100;

/** True without a filter: search results are always shown expanded. @param {Record<string, string>} filter */
function isRolledUpView(filter) {
  return filter['order'] === 'rolled-up' && Object.keys(filter).length === 1;
}

/** @param {RollupRow} rollup @param {boolean} wanted */
function setExpanded(rollup, wanted) {
  if (rollup.isUnfolded === wanted) return;
  list.expanded.delete(rollup.key);
  if (wanted) list.expanded.add(rollup.key);
  for (const key of list.expanded) if (list.expanded.size > MAX_EXPANDED) list.expanded.delete(key);
  askAgain();
}

/** @param {RollupRow} rollup */
function rollupText(rollup) {
  const { stages } = rollup;
  const parts = [
    stages.failed > 0 ? `${countText(stages.failed)} failed` : '',
    stages.running > 0 ? `${countText(stages.running)} running` : '',
    pendingOf(stages) > 0 ? `${countText(pendingOf(stages))} pending` : '',
    rollup.retried > 0 ? `${countText(rollup.retried)} retried` : '',
    rollup.runSumMs > 0 ? `ran ${durationText(rollup.runSumMs)} in total` : '',
    rollup.below > 0 ? `${countText(rollup.below)} below` : '',
  ];
  const facts = parts.filter((part) => part !== '').join(', ');
  return `${rollup.function} × ${countText(rollup.tasks)}${facts === '' ? '' : ` — ${facts}`}`;
}

/** Three bars: waiting until the first task ran, running, and waiting after the last task ran. @param {RollupRow} rollup @returns {Phase[]} */
function phasesOfRollup({ startMs, runningMs, runUntilMs, untilMs = list.nowMs, endMs = untilMs, stages, tasks }) {
  if (startMs === undefined) return [];
  const beganMs = runningMs ?? endMs;
  const lastMs = Math.max(beganMs, runUntilMs ?? beganMs);
  /** @type {Phase[]} */
  const phases = [
    waitsOfRollup(startMs, beganMs),
    { stage: stages.failed === tasks ? 'failed' : 'running', startMs: beganMs, endMs: lastMs, kind: 'rollup' },
    waitsOfRollup(lastMs, endMs),
  ];
  return phases.filter((phase) => phase.endMs > phase.startMs);
}

/** @param {number} startMs @param {number} endMs @returns {Phase} */
function waitsOfRollup(startMs, endMs) {
  return { stage: 'pending_node', startMs, endMs, kind: 'rollup waits' };
}
