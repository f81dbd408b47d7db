'use strict';
// The list of tasks: only what is in sight is asked for and drawn, however many there are.

const ROW_HEIGHT = 24;
const PAGE_ROWS = 200;
/** Pages that are kept; those out of sight go first. */
const PAGES_MAX = 20;
const MARGIN_ROWS = 10;
/** What is deeper is not moved in any further. */
const DEPTH_MAX = 10;
/** Pages are asked for again at most this often while the job goes on. */
const REFRESH_MS = 1000;

/** What the list shows. */
const list = {
  /** @type {{session: string, job: string} | undefined} */ of: undefined,
  /** @type {Record<string, string>} */ filter: {},
  total: 0,
  withoutRow: 0,
  nowMs: 0,
  firstMs: 0,
  lastMs: 1,
  /** Of everything that the list holds; undefined is all of it. @type {{fromMs: number, toMs: number} | undefined} */ zoom: undefined,
  /** @type {Map<number, readonly AttemptRow[]>} */ pages: new Map(),
  /** @type {Set<number>} */ asked: new Set(),
  /** Counts what makes answers that are under way useless. */ epoch: 0,
  refreshedMs: 0,
  isStale: false,
  chosen: -1,
  isDrawn: false,
};

/** @param {{session: string, job: string} | undefined} of */
function openList(of) {
  list.of = of;
  list.zoom = undefined;
  const form = byId('filter');
  if (form instanceof HTMLFormElement) form.reset();
  list.filter = readFilter();
  resetList();
}

function resetList() {
  list.epoch += 1;
  list.pages.clear();
  list.asked.clear();
  list.total = 0;
  list.chosen = -1;
  byId('rows').scrollTop = 0;
  setText(byId('tasks-note'), '');
  if (list.of !== undefined) void askPage(0);
  drawSoon();
}

/** @param {number} page */
async function askPage(page) {
  const { of, epoch } = list;
  if (of === undefined || list.asked.has(page)) return;
  list.asked.add(page);
  const query = new URLSearchParams({ ...list.filter, session: of.session, offset: String(page * PAGE_ROWS), limit: String(PAGE_ROWS) });
  const answer = /** @type {AttemptsAnswer | undefined} */ (await askApi(`jobs/${encodeURIComponent(of.job)}/tasks?${query}`));
  if (epoch !== list.epoch) return;
  list.asked.delete(page);
  if (answer === undefined) return;
  list.total = answer.total;
  list.withoutRow = answer.withoutRow;
  list.nowMs = answer.nowMs;
  list.firstMs = answer.firstMs ?? 0;
  list.lastMs = Math.max(list.firstMs + 1, answer.lastMs ?? 0);
  list.pages.set(page, answer.tasks);
  forgetPages(page);
  drawSoon();
}

/** @param {number} near */
function forgetPages(near) {
  const far = [...list.pages.keys()].sort((a, b) => Math.abs(b - near) - Math.abs(a - near));
  for (const page of far.slice(0, Math.max(0, list.pages.size - PAGES_MAX))) list.pages.delete(page);
}

/** The job has changed: what is in sight is asked for anew, now or a moment later. */
function refreshList() {
  list.isStale = true;
  const waitMs = list.refreshedMs + REFRESH_MS - Date.now();
  if (waitMs > 0) {
    setTimeout(refreshIfStale, waitMs);
    return;
  }
  refreshIfStale();
}

function refreshIfStale() {
  if (!list.isStale || Date.now() - list.refreshedMs < REFRESH_MS - 5) return;
  list.isStale = false;
  list.refreshedMs = Date.now();
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
  const { first, last } = inSight();
  const rows = [];
  for (let index = first; index <= last && list.total > 0; index += 1) {
    const page = Math.floor(index / PAGE_ROWS);
    const task = list.pages.get(page)?.[index % PAGE_ROWS];
    if (task === undefined && !list.pages.has(page)) void askPage(page);
    rows.push({ index, task });
  }
  keep(space, rows, ({ index }) => String(index), createRow, updateRow);
  const { fromMs, toMs } = timeRange();
  setText(byId('axis-from'), list.total === 0 ? '' : clockText(fromMs));
  setText(byId('axis-to'), list.total === 0 ? '' : `${clockText(toMs)} (${durationText(toMs - fromMs)})`);
  const rest = list.withoutRow > 0 ? ` ${countText(list.withoutRow)} attempts have no row here any more.` : '';
  setText(byId('tasks-note'), `${countText(list.total)} task${list.total === 1 ? '' : 's'}.${rest}`);
  const chosen = rows.some(({ index }) => index === list.chosen);
  if (chosen) byId('rows').setAttribute('aria-activedescendant', `row-${list.chosen}`);
  else byId('rows').removeAttribute('aria-activedescendant');
}

function createRow() {
  const row = make(
    'div',
    'row',
    make('div', 'what', make('span', 'sign'), make('span', 'unseen'), make('span', 'title'), make('span', 'took')),
    make('div', 'track'),
  );
  row.setAttribute('role', 'option');
  row.querySelector('.sign')?.setAttribute('aria-hidden', 'true');
  return row;
}

/** @param {HTMLElement} row @param {{index: number, task: AttemptRow | undefined}} item */
function updateRow(row, { index, task }) {
  row.style.top = `${index * ROW_HEIGHT}px`;
  row.id = `row-${index}`;
  row.classList.toggle('chosen', index === list.chosen);
  row.setAttribute('aria-selected', String(index === list.chosen));
  row.setAttribute('aria-posinset', String(index + 1));
  row.setAttribute('aria-setsize', String(list.total));
  const [what, track] = [...row.children];
  const [sign, stage, title, took] = [...(what?.children ?? [])];
  if (track === undefined || sign === undefined || stage === undefined || title === undefined || took === undefined) return;
  if (task === undefined) {
    setText(title, '…');
    track.replaceChildren();
    return;
  }
  sign.className = `sign ${task.stage}`;
  setText(sign, STAGE_SIGNS[task.stage]);
  setText(stage, STAGE_WORDS[task.stage]);
  const tries = task.attempt === 0 ? '' : ` (try ${task.attempt + 1})`;
  const why = task.waitsFor !== undefined ? ` — waits for ${task.waitsFor}` : task.error !== undefined ? ` — ${task.error.message || task.error.type}` : '';
  setText(title, `${task.name}${tries}${why}`);
  if (title instanceof HTMLElement) title.style.paddingLeft = `${Math.min(task.depth ?? 0, DEPTH_MAX) * 12}px`;
  row.setAttribute('aria-description', task.depth === undefined || task.depth === 0 ? '' : `level ${task.depth + 1}`);
  setText(took, task.startMs === undefined ? '' : durationText((task.endMs ?? list.nowMs) - task.startMs));
  drawTrack(track, task);
}

/** @param {Element} track @param {AttemptRow} task */
function drawTrack(track, task) {
  const { fromMs, toMs } = timeRange();
  const parts = [...(task.earlier ?? []).flatMap((each) => phasesOf(each, true)), ...phasesOf(task, false)];
  const seen = parts.filter((part) => part.endMs >= fromMs && part.startMs <= toMs);
  while (track.childElementCount > seen.length) track.lastElementChild?.remove();
  while (track.childElementCount < seen.length) track.append(make('span', ''));
  for (const [index, part] of seen.entries()) {
    const bar = track.children[index];
    if (!(bar instanceof HTMLElement)) continue;
    const left = (Math.max(part.startMs, fromMs) - fromMs) / (toMs - fromMs);
    const right = (Math.min(part.endMs, toMs) - fromMs) / (toMs - fromMs);
    bar.className = `p-${part.stage}${part.isEarlier ? ' earlier' : ''}`;
    bar.style.left = `${left * 100}%`;
    bar.style.width = `${(right - left) * 100}%`;
  }
}

/** @typedef {{stage: Stage, startMs: number, endMs: number, isEarlier: boolean}} Phase */

/** From one state to the next. @param {AttemptRow} attempt @param {boolean} isEarlier @returns {Phase[]} */
function phasesOf(attempt, isEarlier) {
  if (attempt.startMs === undefined) return [];
  const endMs = attempt.endMs ?? list.nowMs;
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
  // What failed before it ran is seen to have failed.
  if (attempt.stage === 'failed' && attempt.runningMs === undefined) begin('failed', endMs);
  return begins.map((phase, index) => ({ ...phase, endMs: begins[index + 1]?.startMs ?? endMs, isEarlier }));
}
