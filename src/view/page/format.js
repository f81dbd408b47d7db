'use strict';

/** @type {readonly Stage[]} */
const STAGES = ['pending_args', 'pending_node', 'pending_worker', 'running', 'finished', 'failed', 'cancelled', 'unfinished', 'unknown'];

/** @type {Readonly<Record<Stage, string>>} */
const STAGE_WORDS = {
  pending_args: 'pending: arguments',
  pending_node: 'pending: node',
  pending_worker: 'pending: worker',
  running: 'running',
  finished: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
  unfinished: 'unfinished',
  unknown: 'not reported',
};

/** @type {Readonly<Record<string, string>>} */
const END_REASON_WORDS = { driver_ended: 'ended with its driver', intended_exit: 'its process exited on purpose' };

/** A symbol beside the colour, for readers who cannot distinguish the colours. @type {Readonly<Record<Stage, string>>} */
const STAGE_SIGNS = {
  pending_args: '◌',
  pending_node: '◌',
  pending_worker: '◌',
  running: '▶',
  finished: '✓',
  failed: '✗',
  cancelled: '⊘',
  unfinished: '?',
  unknown: '·',
};

/** @param {number} count */
function countText(count) {
  return count.toLocaleString('en-US');
}

/** @param {number | undefined} ms */
function durationText(ms) {
  if (ms === undefined || !Number.isFinite(ms)) return '';
  if (ms < 1) return `${Math.max(0, Math.round(ms * 1000))} µs`;
  if (ms < 999.5) return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 59_950) return `${ms < 9995 ? (ms / 1000).toFixed(2) : (ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3600)}h`;
}

/** @param {number} bytes */
function bytesText(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 2 ** 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

/** @param {number} ms */
function clockText(ms) {
  const date = new Date(ms);
  return `${date.toLocaleTimeString('en-GB')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** @param {StageCounts} counts */
function pendingOf(counts) {
  return counts.pending_args + counts.pending_node + counts.pending_worker;
}

/** @param {number} rate */
function rateText(rate) {
  return rate === 0 ? '' : `${rate.toFixed(rate < 10 ? 1 : 0)} a second`;
}

/** Draws a stacked bar of stages, from ended to pending.
 * @param {Element} bar @param {StageCounts} counts */
function showBar(bar, counts) {
  /** @type {readonly Stage[]} */
  const order = ['finished', 'failed', 'cancelled', 'unfinished', 'running', 'pending_worker', 'pending_node', 'pending_args', 'unknown'];
  const parts = order.filter((stage) => counts[stage] > 0);
  keep(
    bar,
    parts,
    (stage) => stage,
    (stage) => make('span', `p-${stage}`),
    (part, stage) => {
      part.style.flexGrow = String(counts[stage]);
      part.title = `${countText(counts[stage])} ${STAGE_WORDS[stage]}`;
    },
  );
  bar.setAttribute('role', 'img');
  bar.setAttribute('aria-label', countsText(counts));
}

/** @param {StageCounts} counts */
function countsText(counts) {
  const parts = STAGES.filter((stage) => counts[stage] > 0).map((stage) => `${countText(counts[stage])} ${STAGE_WORDS[stage]}`);
  return parts.length === 0 ? 'no tasks yet' : parts.join(', ');
}

/** @param {Element} legend @param {readonly Stage[]} stages */
function showLegend(legend, stages) {
  legend.setAttribute('role', 'group');
  legend.replaceChildren(...stages.map((stage) => make('span', '', make('i', `p-${stage}`), STAGE_WORDS[stage])));
}
