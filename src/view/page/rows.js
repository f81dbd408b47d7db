'use strict';
// The list of tasks. It requests and draws only visible rows, so its cost does not grow with the number of tasks.

/** A bar. @typedef {{stage: Stage, startMs: number, endMs: number, kind: '' | 'earlier' | 'rollup' | 'rollup waits'}} Phase */

const ROW_HEIGHT = 24;
const PAGE_ROWS = 200;
/** Maximum number of cached pages; the farthest from view are dropped first. */
const MAX_PAGES = 20;
const MARGIN_ROWS = 10;
/** Deeper rows are not indented any further. */
const MAX_INDENT_DEPTH = 10;
/** Minimum time between two refreshes of the visible pages while the job runs. */
const REFRESH_MS = 1000;

/** State of the list. */
const list = {
  /** @type {{session: string, job: string} | undefined} */ of: undefined,
  /** @type {Record<string, string>} */ filter: {},
  total: 0,
  tasks: 0,
  withoutRow: 0,
  nowMs: 0,
  firstMs: 0,
  lastMs: 1,
  /** The visible time range; undefined is the whole range. @type {{fromMs: number, toMs: number} | undefined} */ zoom: undefined,
  /** @type {Map<number, readonly TreeRow[]>} */ pages: new Map(),
  /** Keys of expanded rollups. @type {Set<string>} */ expanded: new Set(),
  /** Pages with a request in flight. @type {Set<number>} */ asked: new Set(),
  /** Rises whenever answers in flight become obsolete. */ epoch: 0,
  chosen: -1,
  /** The rows belong to an earlier filter: the answer for the current one has not arrived yet. */ isOld: true,
  isDrawn: false,
};

/** @param {{session: string, job: string} | undefined} of */
function openList(of) {
  list.of = of;
  list.pages.clear();
  list.total = 0;
  list.tasks = 0;
  setText(byId('tasks-note'), '');
  list.zoom = undefined;
  list.expanded.clear();
  const form = byId('filter');
  if (form instanceof HTMLFormElement) form.reset();
  list.filter = readFilter();
  resetList();
}

/** Requests other rows. The old ones stay, greyed out, until the answer arrives. */
function resetList() {
  list.epoch += 1;
  list.asked.clear();
  list.isOld = true;
  list.chosen = -1;
  byId('rows').scrollTop = 0;
  // The page requests no tasks until the bridge has confirmed that the job exists.
  if (!byId('job-body').hidden) void askPage(0);
  drawSoon();
}

/** @param {number} page */
async function askPage(page) {
  const { of, epoch } = list;
  if (of === undefined || list.asked.has(page)) return;
  list.asked.add(page);
  const answer = await askRows(of, { session: of.session, offset: String(page * PAGE_ROWS), limit: String(PAGE_ROWS) });
  if (epoch !== list.epoch) return;
  list.asked.delete(page);
  if (answer === undefined) return;
  if (list.isOld) list.pages.clear();
  list.isOld = false;
  list.total = answer.total;
  list.chosen = Math.min(list.chosen, list.total - 1);
  list.tasks = answer.tasks;
  list.withoutRow = answer.withoutRow;
  list.nowMs = answer.nowMs;
  list.firstMs = answer.firstMs ?? 0;
  list.lastMs = Math.max(list.firstMs + 1, answer.lastMs ?? 0);
  list.pages.set(page, answer.rows);
  forgetPages(page);
  drawSoon();
}

/** Requests a page of rows, in the form of tree rows for every order. @param {{job: string}} of @param {Record<string, string>} page @returns {Promise<TreeAnswer | undefined>} */
async function askRows(of, page) {
  const path = `jobs/${encodeURIComponent(of.job)}`;
  if (isRolledUpView(list.filter)) {
    const query = new URLSearchParams({ ...page, unfold: [...list.expanded].join(',') });
    return /** @type {TreeAnswer | undefined} */ ((await askApi(`${path}/tree?${query}`)).answer);
  }
  const { order } = list.filter;
  const query = new URLSearchParams({ ...page, ...list.filter, order: order === 'start' ? order : 'tree' });
  const answer = /** @type {AttemptsAnswer | undefined} */ ((await askApi(`${path}/tasks?${query}`)).answer);
  return answer && { ...answer, rows: answer.tasks.map((task) => ({ depth: task.depth ?? 0, task })), tasks: answer.total };
}

/** Drops the pages that are farthest from one page. @param {number} near */
function forgetPages(near) {
  const far = [...list.pages.keys()].sort((a, b) => Math.abs(b - near) - Math.abs(a - near));
  for (const page of far.slice(0, Math.max(0, list.pages.size - MAX_PAGES))) list.pages.delete(page);
}

/** Requests the visible rows again, because the job has changed. */
const refreshList = atMostEvery(REFRESH_MS, askInSight);

/** Requests the visible rows again and ignores answers in flight. The drawn rows stay until then. */
function askAgain() {
  list.epoch += 1;
  list.asked.clear();
  askInSight();
}

function askInSight() {
  if (list.isOld) return void askPage(0);
  const { first, last } = inSight();
  const [firstPage, lastPage] = [Math.floor(first / PAGE_ROWS), Math.floor(last / PAGE_ROWS)];
  for (const page of list.pages.keys()) if (page < firstPage || page > lastPage) list.pages.delete(page);
  for (let page = firstPage; page <= lastPage; page += 1) void askPage(page);
}

function inSight() {
  const box = byId('rows');
  const first = Math.max(0, Math.floor(box.scrollTop / ROW_HEIGHT) - MARGIN_ROWS);
  const last = Math.max(first, Math.min(list.total - 1, Math.ceil((box.scrollTop + box.clientHeight) / ROW_HEIGHT) + MARGIN_ROWS));
  return { first, last };
}

function drawSoon() {
  if (list.isDrawn) return;
  list.isDrawn = true;
  requestAnimationFrame(() => {
    list.isDrawn = false;
    drawRows();
  });
}

function timeRange() {
  const open = list.zoom ?? { fromMs: list.firstMs, toMs: list.lastMs };
  return open.toMs > open.fromMs ? open : { fromMs: open.fromMs, toMs: open.fromMs + 1 };
}

function drawRows() {
  const space = byId('rows-space');
  space.style.height = `${list.total * ROW_HEIGHT}px`;
  byId('rows').style.setProperty('--rows', String(list.total));
  const { first, last } = inSight();
  const rows = [];
  for (let index = first; index <= last && list.total > 0; index += 1) {
    const page = Math.floor(index / PAGE_ROWS);
    if (!list.pages.has(page) && !list.isOld && !bridgeLink.isLost) void askPage(page);
    rows.push({ index, row: rowAt(index) });
  }
  keep(space, rows, ({ index }) => String(index), createRow, updateRow);
  const { fromMs, toMs } = timeRange();
  setText(byId('axis-from'), list.total === 0 ? '' : clockText(fromMs));
  setText(byId('axis-to'), list.total === 0 ? '' : `${clockText(toMs)} (${durationText(toMs - fromMs)})`);
  const rest = list.withoutRow > 0 ? ` ${countText(list.withoutRow)} attempt${list.withoutRow === 1 ? ' has' : 's have'} no row.` : '';
  const inRows = list.tasks === list.total ? '' : `, in ${countText(list.total)} row${list.total === 1 ? '' : 's'}`;
  byId('rows').classList.toggle('old', list.isOld);
  if (!list.isOld) setText(byId('tasks-note'), `${countText(list.tasks)} task${list.tasks === 1 ? '' : 's'}${inRows}.${rest}`);
  const chosen = rows.some(({ index }) => index === list.chosen);
  if (chosen) byId('rows').setAttribute('aria-activedescendant', `row-${list.chosen}`);
  else byId('rows').removeAttribute('aria-activedescendant');
}

function createRow() {
  const row = make(
    'div',
    'row',
    make('div', 'what', make('span', 'sign'), make('span', 'unseen'), make('span', 'title'), make('span', 'crit'), make('span', 'took')),
    make('div', 'track'),
  );
  row.setAttribute('role', 'treeitem');
  for (const sign of row.querySelectorAll('.sign, .crit')) sign.setAttribute('aria-hidden', 'true');
  return row;
}

/** @param {number} index */
function rowAt(index) {
  return list.pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
}

/** @param {HTMLElement} element @param {{index: number, row: TreeRow | undefined}} item */
function updateRow(element, { index, row }) {
  element.style.top = `${index * ROW_HEIGHT}px`;
  element.id = `row-${index}`;
  element.classList.toggle('chosen', index === list.chosen);
  element.setAttribute('aria-selected', String(index === list.chosen));
  element.setAttribute('aria-posinset', String(index + 1));
  element.setAttribute('aria-setsize', String(list.total));
  const [what, track] = [...element.children];
  const [sign, stage, title, crit, took] = [...(what?.children ?? [])];
  if (!track || !sign || !stage || !(title instanceof HTMLElement) || !crit || !took) return;
  if (row?.fold === undefined) element.removeAttribute('aria-expanded');
  else element.setAttribute('aria-expanded', String(row.fold.isUnfolded));
  if (row === undefined) {
    setText(title, '…');
    track.replaceChildren();
    return;
  }
  const { depth, task, fold } = row;
  element.setAttribute('aria-level', String(depth + 1));
  element.classList.toggle('rollup', fold !== undefined);
  title.style.paddingLeft = `${Math.min(depth, MAX_INDENT_DEPTH) * 12}px`;
  const isCritical = isOnPath(row);
  element.classList.toggle('critical', isCritical);
  setText(crit, isCritical ? '◆' : '');
  const critical = isCritical ? ', on the critical path' : '';
  if (fold !== undefined) {
    sign.className = `sign ${fold.stages.failed > 0 ? 'failed' : ''}`;
    setText(sign, fold.isUnfolded ? '▾' : '▸');
    setText(stage, `${fold.isUnfolded ? 'expanded' : 'collapsed'}${critical}`);
    setText(title, rollupText(fold));
    setText(took, fold.startMs === undefined ? '' : durationText((fold.endMs ?? fold.untilMs ?? list.nowMs) - fold.startMs));
    drawTrack(track, phasesOfRollup(fold));
  }
  if (task === undefined) return;
  sign.className = `sign ${task.stage}`;
  setText(sign, STAGE_SIGNS[task.stage]);
  setText(stage, `${STAGE_WORDS[task.stage]}${critical}`);
  setText(title, taskText(task));
  setText(took, task.startMs === undefined ? '' : durationText((task.endMs ?? task.untilMs ?? list.nowMs) - task.startMs));
  drawTrack(track, [...(task.earlier ?? []).flatMap((each) => phasesOf(each, 'earlier')), ...phasesOf(task)]);
}

/** @param {AttemptRow} task */
function taskText(task) {
  const tries = task.attempt === 0 ? '' : ` (try ${task.attempt + 1})`;
  const why = task.waitsFor !== undefined ? ` — waits for ${task.waitsFor}` : task.error !== undefined ? ` — ${task.error.message || task.error.type}` : '';
  return `${task.name}${tries}${why}`;
}

/** @param {Element} track @param {readonly Phase[]} phases */
function drawTrack(track, phases) {
  const { fromMs, toMs } = timeRange();
  const seen = phases.filter((part) => part.endMs >= fromMs && part.startMs <= toMs);
  while (track.childElementCount > seen.length) track.lastElementChild?.remove();
  while (track.childElementCount < seen.length) track.append(make('span', ''));
  for (const [index, part] of seen.entries()) {
    const bar = track.children[index];
    if (!(bar instanceof HTMLElement)) continue;
    const left = (Math.max(part.startMs, fromMs) - fromMs) / (toMs - fromMs);
    const right = (Math.min(part.endMs, toMs) - fromMs) / (toMs - fromMs);
    bar.className = `p-${part.stage} ${part.kind}`;
    bar.style.left = `${left * 100}%`;
    bar.style.width = `${(right - left) * 100}%`;
  }
}

/** One bar for each stage of an attempt. @param {AttemptRow} attempt @param {Phase['kind']} kind @returns {Phase[]} */
function phasesOf(attempt, kind = '') {
  if (attempt.startMs === undefined) return [];
  const endMs = attempt.endMs ?? attempt.untilMs ?? list.nowMs;
  /** @type {{stage: Stage, startMs: number}[]} */
  const begins = [];
  /** @param {Stage} stage @param {number | undefined} startMs */
  const begin = (stage, startMs) => {
    if (startMs !== undefined) begins.push({ stage, startMs });
  };
  begin('pending_args', attempt.startMs);
  begin('pending_node', attempt.nodeWaitMs);
  begin('pending_worker', attempt.workerWaitMs);
  begin(attempt.stage === 'failed' ? 'failed' : 'running', attempt.runningMs);
  // An attempt that failed before it ran gets a bar of no width, which the style makes visible.
  if (attempt.stage === 'failed' && attempt.runningMs === undefined) begin('failed', endMs);
  return begins.map((phase, index) => ({ ...phase, endMs: begins[index + 1]?.startMs ?? endMs, kind }));
}
