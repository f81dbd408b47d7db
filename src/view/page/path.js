'use strict';
// The critical path: what determined the duration of a job, or what a running job waits for.

/** @typedef {CriticalPathAnswer['shares'][number]} PathShare */
/** @typedef {CriticalPathAnswer['steps'][number]} PathStep */

/** Ids of tasks and keys of rollups on the critical path; the list marks them. */
const onPath = { /** @type {Set<string>} */ tasks: new Set(), /** @type {Set<string>} */ rollups: new Set() };

/** @type {Readonly<Record<PathStep['phase'], Stage>>} */
const STAGE_OF_PHASE = { arguments: 'pending_args', retry: 'unfinished', node: 'pending_node', worker: 'pending_worker', running: 'running', unknown: 'unknown' };

/** @type {Readonly<Record<PathStep['phase'], string>>} */
const PHASE_WORDS = { arguments: 'waited for arguments', retry: 'waited for a retry', node: 'waited for a node', worker: 'waited at its worker or actor', running: 'ran', unknown: 'not reported' };

/** @type {Readonly<Record<PathStep['phase'], string>>} */
const PATH_WORDS = { arguments: 'tasks waited for arguments', retry: 'for a retry', node: 'for a node', worker: 'at their workers or actors', running: 'tasks ran', unknown: 'not reported' };

let pathTotalMs = 1;

/** @type {readonly TableColumn<PathShare>[]} */
const SHARE_COLUMNS = [
  { title: 'Function', cell: (row) => (row.function === undefined ? document.createTextNode('driver') : functionButton({ function: row.function })), kind: 'wide' },
  { title: 'Share', text: (row) => `${Math.round((row.totalMs / pathTotalMs) * 100)} %`, kind: 'num' },
  { title: 'Total', text: (row) => durationText(row.totalMs), kind: 'num' },
  { title: 'Ran', text: (row) => partText(row.runningMs), kind: 'num' },
  { title: 'Waited: arguments', text: (row) => partText(row.argumentsMs), kind: 'num' },
  { title: 'retry', text: (row) => partText(row.retryMs), kind: 'num' },
  { title: 'node', text: (row) => partText(row.nodeMs), kind: 'num' },
  { title: 'worker', text: (row) => partText(row.workerMs), kind: 'num' },
  { title: 'Not reported', text: (row) => partText(row.unknownMs), kind: 'num' },
  { title: 'Tasks', text: (row) => (row.function === undefined ? '' : countText(row.tasks)), kind: 'num' },
];

/** Consecutive steps of one attempt. @typedef {{first: PathStep, steps: readonly PathStep[], offsetMs: number, tookMs: number}} PathStay */

/** @type {readonly TableColumn<PathStay>[]} */
const STAY_COLUMNS = [
  { title: 'After', text: (row) => durationText(row.offsetMs), kind: 'num' },
  { title: 'Took', text: (row) => durationText(row.tookMs), kind: 'num' },
  { title: 'Task', cell: ({ first }) => (first.task === undefined ? document.createTextNode('driver') : taskButton(first.task, first.name)) },
  { title: 'Activity', text: ({ steps }) => steps.map(stepText).join(', '), kind: 'wide' },
];

/** @param {PathStep} step */
function stepText({ phase, startMs, endMs, isHandedOn }) {
  return `${PHASE_WORDS[phase]} ${durationText(endMs - startMs)}${isHandedOn === true ? ' (probably made by the previous task)' : ''}`;
}

/** @param {number} ms */
function partText(ms) {
  return ms === 0 ? '' : durationText(ms);
}

/** Makes a button that searches the list for the task. @param {string} task @param {string} name */
function taskButton(task, name) {
  const button = makeButton('link', name);
  button.addEventListener('click', () => findTask(task));
  return button;
}

/** @param {TreeRow} row */
function isOnPath({ task, fold }) {
  return task === undefined ? fold !== undefined && onPath.rollups.has(fold.key) : onPath.tasks.has(task.task);
}

function forgetPath() {
  onPath.tasks.clear();
  onPath.rollups.clear();
  byId('path').hidden = true;
}

/** @param {CriticalPathAnswer} path */
function showPath(path) {
  const { isOver, startMs, endMs, shares, steps, stepsLeftOut, tasksLeftOut } = path;
  onPath.tasks = new Set(steps.flatMap(({ task }) => task ?? []));
  onPath.rollups = new Set(steps.flatMap(({ fold }) => fold ?? []));
  pathTotalMs = Math.max(0.001, endMs - startMs);
  setText(byId('path-title'), isOver ? 'What determined the duration' : 'What determines the duration so far');
  const left = [
    stepsLeftOut > 0 ? `The first ${countText(stepsLeftOut)} steps are not listed below.` : '',
    tasksLeftOut > 0 ? `${countText(tasksLeftOut)} attempts have no row: their time counts for their callers.` : '',
  ];
  setText(byId('path-left'), left.filter((text) => text !== '').join(' '));
  showTable('path', SHARE_COLUMNS, shares, (row) => (row.function === undefined ? 'driver' : `f:${row.function}`));
  showPathBar(steps);
  setText(byId('path-steps-title'), `All steps: ${countText(staysOf(steps, startMs).length)}`);
  if (byId('path-steps').hasAttribute('open')) showSteps(path);
  lastPath = path;
  drawSoon();
}

/** @type {CriticalPathAnswer | undefined} */
let lastPath;

/** @param {readonly PathStep[]} steps @param {number} startMs @returns {readonly PathStay[]} */
function staysOf(steps, startMs) {
  /** @type {{first: PathStep, steps: PathStep[], offsetMs: number, tookMs: number}[]} */
  const stays = [];
  for (const step of steps) {
    const last = stays.at(-1);
    const tookMs = step.endMs - step.startMs;
    if (last === undefined || last.first.task !== step.task || last.first.attempt !== step.attempt)
      stays.push({ first: step, steps: [step], offsetMs: step.startMs - startMs, tookMs });
    else {
      last.steps.push(step);
      last.tookMs += tookMs;
    }
  }
  return stays;
}

/** @param {CriticalPathAnswer} path */
function showSteps({ steps, startMs }) {
  showTable('path-list', STAY_COLUMNS, staysOf(steps, startMs), ({ first }) => `${first.task ?? ''}/${first.attempt ?? 0}/${first.startMs}`);
}

/** @param {PathStep['phase'] | 'driver'} part */
function classOf(part) {
  return part === 'driver' ? 'p-driver' : `p-${STAGE_OF_PHASE[part]}`;
}

/** Draws the sum of each phase over all steps, the driver's own time last. @param {readonly PathStep[]} steps */
function showPathBar(steps) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { task, phase, startMs, endMs } of steps) {
    const key = task === undefined ? 'driver' : phase;
    sums.set(key, (sums.get(key) ?? 0) + endMs - startMs);
  }
  /** @type {readonly (PathStep['phase'] | 'driver')[]} */
  const order = ['arguments', 'retry', 'node', 'worker', 'running', 'unknown', 'driver'];
  const parts = order.filter((part) => (sums.get(part) ?? 0) > 0);
  keep(
    byId('path-bar'),
    parts,
    (part) => part,
    (part) => make('span', classOf(part)),
    (element, part) => {
      element.style.flexGrow = String(sums.get(part) ?? 0);
    },
  );
  /** @param {PathStep['phase'] | 'driver'} part */
  const wordsOf = (part) => `${part === 'driver' ? 'driver itself' : PATH_WORDS[part]} ${durationText(sums.get(part) ?? 0)}`;
  byId('path-bar').setAttribute('role', 'img');
  byId('path-bar').setAttribute('aria-label', parts.map(wordsOf).join(', '));
  keep(
    byId('path-sums'),
    parts,
    (part) => part,
    (part) => make('span', '', make('i', classOf(part)), make('span', '')),
    (element, part) => {
      const text = element.lastElementChild;
      if (text !== null) setText(text, wordsOf(part));
    },
  );
}
