'use strict';
// What determined when the job ended, or what it has been waiting for until now.

/** @typedef {CriticalPathAnswer['shares'][number]} PathShare */
/** @typedef {CriticalPathAnswer['steps'][number]} PathStep */

/** Tasks and folds with a mark in the list. */
const onPath = { /** @type {Set<string>} */ tasks: new Set(), /** @type {Set<string>} */ folds: new Set() };

/** @type {Readonly<Record<PathStep['phase'], Stage>>} */
const STAGE_OF_PHASE = { arguments: 'pending_args', retry: 'unfinished', node: 'pending_node', worker: 'pending_worker', running: 'running', unknown: 'unknown' };

/** @type {Readonly<Record<PathStep['phase'], string>>} */
const PHASE_WORDS = { arguments: 'waited for arguments', retry: 'waited to be tried again', node: 'waited for a node', worker: 'waited at its worker or actor', running: 'ran', unknown: 'not told' };

/** @type {Readonly<Record<PathStep['phase'], string>>} */
const PATH_WORDS = { arguments: 'tasks waited for arguments', retry: 'to be tried again', node: 'for a node', worker: 'at their workers or actors', running: 'tasks ran', unknown: 'of tasks, not told' };

let pathTotalMs = 1;

/** @type {readonly TableColumn<PathShare>[]} */
const SHARE_COLUMNS = [
  { title: 'Function', cell: (row) => (row.function === undefined ? document.createTextNode('the driver itself') : functionButton({ function: row.function })), kind: 'wide' },
  { title: 'Share', text: (row) => `${Math.round((row.totalMs / pathTotalMs) * 100)} %`, kind: 'num' },
  { title: 'In all', text: (row) => durationText(row.totalMs), kind: 'num' },
  { title: 'Ran', text: (row) => partText(row.runningMs), kind: 'num' },
  { title: 'Waited: arguments', text: (row) => partText(row.argumentsMs), kind: 'num' },
  { title: 'retry', text: (row) => partText(row.retryMs), kind: 'num' },
  { title: 'node', text: (row) => partText(row.nodeMs), kind: 'num' },
  { title: 'worker', text: (row) => partText(row.workerMs), kind: 'num' },
  { title: 'Not told', text: (row) => partText(row.unknownMs), kind: 'num' },
  { title: 'Tasks', text: (row) => (row.function === undefined ? '' : countText(row.tasks)), kind: 'num' },
];

/** Steps of one attempt, one after the other. @typedef {{first: PathStep, steps: readonly PathStep[], offsetMs: number, tookMs: number}} PathStay */

/** @type {readonly TableColumn<PathStay>[]} */
const STAY_COLUMNS = [
  { title: 'After', text: (row) => durationText(row.offsetMs), kind: 'num' },
  { title: 'Took', text: (row) => durationText(row.tookMs), kind: 'num' },
  { title: 'Task', cell: ({ first }) => (first.task === undefined ? document.createTextNode('the driver') : taskButton(first.task, first.name)) },
  { title: 'What', text: ({ steps }) => steps.map(stepText).join(', '), kind: 'wide' },
];

/** @param {PathStep} step */
function stepText({ phase, startMs, endMs, isHandedOn }) {
  return `${PHASE_WORDS[phase]} ${durationText(endMs - startMs)}${isHandedOn === true ? ' (made by the task before, it seems)' : ''}`;
}

/** @param {number} ms */
function partText(ms) {
  return ms === 0 ? '' : durationText(ms);
}

/** Finds the task in the list. @param {string} task @param {string} name */
function taskButton(task, name) {
  const button = makeButton('link', name);
  button.addEventListener('click', () => findTask(task));
  return button;
}

/** @param {TreeRow} row */
function isOnPath({ task, fold }) {
  return task === undefined ? fold !== undefined && onPath.folds.has(fold.key) : onPath.tasks.has(task.task);
}

function forgetPath() {
  onPath.tasks.clear();
  onPath.folds.clear();
  byId('path').hidden = true;
}

/** @param {CriticalPathAnswer} path */
function showPath(path) {
  const { isOver, startMs, endMs, shares, steps, stepsLeftOut, tasksLeftOut } = path;
  onPath.tasks = new Set(steps.flatMap(({ task }) => task ?? []));
  onPath.folds = new Set(steps.flatMap(({ fold }) => fold ?? []));
  pathTotalMs = Math.max(0.001, endMs - startMs);
  setText(byId('path-title'), isOver ? 'What determined the time' : 'What determines the time, until now');
  const left = [
    stepsLeftOut > 0 ? `${countText(stepsLeftOut)} steps of the beginning are not listed below.` : '',
    tasksLeftOut > 0 ? `${countText(tasksLeftOut)} attempts have no row (any more): their time is counted to their callers.` : '',
  ];
  setText(byId('path-left'), left.filter((text) => text !== '').join(' '));
  showTable('path', SHARE_COLUMNS, shares, (row) => (row.function === undefined ? 'driver' : `f:${row.function}`));
  showPathBar(steps);
  setText(byId('path-steps-title'), `Step by step: ${countText(staysOf(steps, startMs).length)}`);
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

/** The phases of all steps in sum, the driver's own time last. @param {readonly PathStep[]} steps */
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
  const wordsOf = (part) => `${part === 'driver' ? 'the driver itself' : PATH_WORDS[part]} ${durationText(sums.get(part) ?? 0)}`;
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
