import { computed, effect, signal } from '@preact/signals';
import type { AttemptRow, AttemptsAnswer, RollupRow, TreeRow } from '../shapes.ts';
import type { Stage } from '../stage.ts';
import { countOf, countText, durationText, pendingOf, STAGE_SIGNS, STAGE_WORDS } from './format.ts';
import { isOnPath, marked } from './path.tsx';
import { ask, askTasks, askTree, atMostEvery, changes, connection, job, jobPart, type Route, route, setParams } from './store.ts';

// The list of tasks. It requests and draws only visible rows, so its cost does not grow with the number of
// tasks. It changes elements itself: thousands of rows pass by while a reader scrolls.

/** A bar. */
interface Phase {
  readonly stage: Stage;
  readonly startMs: number;
  readonly endMs: number;
  readonly isEarlier: boolean;
  readonly isOpen: boolean;
}

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const ROW_HEIGHT = 28;
/** On a phone the bars of a row are below its name. */
const PHONE_ROW_HEIGHT = 48;
const phone = window.matchMedia('(max-width: 640px)');
const PAGE_ROWS = 200;
/** Maximum number of cached pages; the farthest from view are dropped first. */
const MAX_PAGES = 20;
const MARGIN_ROWS = 10;
/** Deeper rows are not indented any further. */
const MAX_INDENT_DEPTH = 10;
/** Minimum time between two refreshes of the visible pages while the job runs. */
const REFRESH_MS = 1000;
/** Limit of the bridge for one request. Beyond it, the row that was expanded first collapses. */
export const MAX_EXPANDED = 100;
/** Minimum visible time range. */
const MIN_RANGE_MS = 0.01;
/** What the API calls it. */
const EXPAND_PARAMETER = 'unfold';
const SVG = 'http://www.w3.org/2000/svg';

const FILTERS = ['search', 'state', 'name', 'order'] as const;

/** First and last time of the listed tasks. */
export const extent = signal({ firstMs: 0, lastMs: 1, nowMs: 0 });
export const totals = signal({ rows: 0, tasks: 0, withoutRow: 0, isOld: true });

const list = {
  of: undefined as Route | undefined,
  query: '',
  pages: new Map<number, readonly TreeRow[]>(),
  /** Pages with a request in flight. */
  asked: new Set<number>(),
  /** Rises whenever answers in flight become obsolete. */
  epoch: 0,
  chosen: -1,
  isDrawn: false,
};

let box: HTMLElement | undefined;
let space: HTMLElement | undefined;

/** The visible time range. */
export const range = computed<TimeRange>(() => {
  const { firstMs, lastMs } = extent.value;
  const { from, to } = route.value.params;
  const [fromMs, toMs] = [Number(from ?? Number.NaN), Number(to ?? Number.NaN)];
  if (toMs - fromMs >= MIN_RANGE_MS) return { fromMs, toMs };
  return { fromMs: firstMs, toMs: lastMs > firstMs ? lastMs : firstMs + 1 };
});

export function isZoomed(): boolean {
  return route.value.params['from'] !== undefined;
}

/** Shows a time range; the whole one if it leaves nothing out. */
export function showRange({ fromMs, toMs }: TimeRange): void {
  const { firstMs, lastMs } = extent.value;
  if (toMs - fromMs < MIN_RANGE_MS) return;
  const isAll = fromMs <= firstMs && toMs >= lastMs;
  setParams({ from: isAll ? undefined : fromMs.toFixed(3), to: isAll ? undefined : toMs.toFixed(3) });
}

export type Zoom = 'in' | 'out' | 'left' | 'right' | 'all';

export function zoom(how: Zoom): void {
  const { fromMs, toMs } = range.value;
  const width = toMs - fromMs;
  const steps = { in: [0.25, -0.25], out: [-0.5, 0.5], left: [-0.25, -0.25], right: [0.25, 0.25] } as const;
  if (how === 'all') return setParams({ from: undefined, to: undefined });
  const [left, right] = steps[how];
  showRange({ fromMs: fromMs + width * left, toMs: toMs + width * right });
}

/** Zooms by a factor and keeps the time at `share` of the width where it is. */
export function zoomAt(share: number, factor: number): void {
  const { fromMs, toMs } = range.value;
  const at = fromMs + (toMs - fromMs) * share;
  showRange({ fromMs: at - (at - fromMs) * factor, toMs: at + (toMs - at) * factor });
}

export function expandedKeys(): readonly string[] {
  const keys = (route.value.params['open'] ?? '').split(',').filter((key) => key !== '');
  return keys.slice(-MAX_EXPANDED);
}

function filterOf({ params }: Route): Readonly<Record<string, string>> {
  return Object.fromEntries(FILTERS.flatMap((name) => (params[name] === undefined ? [] : [[name, params[name].slice(0, 200)]])));
}

/** True without a filter: search results are always shown expanded. */
function isRolledUp({ params }: Route): boolean {
  return FILTERS.every((name) => params[name] === undefined);
}

/** Keeps the list in an element up to date until the returned function is called. */
export function attachRows(rows: HTMLElement, inner: HTMLElement): () => void {
  box = rows;
  space = inner;
  const resized = new ResizeObserver(drawSoon);
  resized.observe(rows);
  rows.addEventListener('scroll', drawSoon, { passive: true });
  const stops = [
    effect(() => {
      const of = route.value;
      if (jobPart.value === 'job' && of.kind === 'job') follow(of);
    }),
    effect(() => {
      if (changes.value > 0) refresh();
    }),
    effect(() => {
      // Reads all that the drawing depends on besides the rows.
      void [range.value, route.value.params['task'], connection.value.isLost, marked.value];
      drawSoon();
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    resized.disconnect();
    box = undefined;
    space = undefined;
  };
}

/** Requests other rows when the job or the filter is another one. The old rows stay, greyed out, until the answer arrives. */
function follow(of: Route): void {
  const filter = JSON.stringify(filterOf(of));
  const query = JSON.stringify([of.session, of.job, filter]);
  const before = list.of;
  list.of = of;
  if (query !== list.query) {
    const isOtherJob = before === undefined || before.session !== of.session || before.job !== of.job;
    if (isOtherJob) {
      list.pages.clear();
      totals.value = { rows: 0, tasks: 0, withoutRow: 0, isOld: true };
    }
    list.query = query;
    list.epoch += 1;
    list.asked.clear();
    list.chosen = -1;
    totals.value = { ...totals.peek(), isOld: true };
    if (box !== undefined) box.scrollTop = 0;
    void askPage(0);
  } else if (before?.params['open'] !== of.params['open']) askAgain();
  drawSoon();
}

async function askPage(page: number): Promise<void> {
  const { of, epoch } = list;
  if (of === undefined || list.asked.has(page)) return;
  list.asked.add(page);
  const answer = await askRows(of, { offset: String(page * PAGE_ROWS), limit: String(PAGE_ROWS) });
  if (epoch !== list.epoch) return;
  list.asked.delete(page);
  if (answer === undefined) return;
  if (totals.peek().isOld) list.pages.clear();
  list.pages.set(page, answer.rows);
  list.chosen = Math.min(list.chosen, answer.total - 1);
  totals.value = { rows: answer.total, tasks: answer.tasks, withoutRow: answer.withoutRow, isOld: false };
  const firstMs = answer.firstMs ?? 0;
  extent.value = { firstMs, lastMs: Math.max(firstMs + 1, answer.lastMs ?? 0), nowMs: answer.nowMs };
  forgetPages(page);
  drawSoon();
}

interface Rows {
  readonly rows: readonly TreeRow[];
  readonly total: number;
  readonly tasks: number;
  readonly withoutRow: number;
  readonly nowMs: number;
  readonly firstMs?: number;
  readonly lastMs?: number;
}

/** Requests a page of rows, in the form of tree rows for every order. */
async function askRows(of: Route, page: Readonly<Record<string, string>>): Promise<Rows | undefined> {
  if (isRolledUp(of)) return (await askTree(of, { ...page, [EXPAND_PARAMETER]: expandedKeys().join(',') })).answer;
  const { order } = of.params;
  const { answer } = await askTasks(of, { ...page, ...filterOf(of), order: order === 'start' ? order : 'tree' });
  return answer === undefined
    ? undefined
    : { ...answer, rows: answer.tasks.map((task) => ({ depth: task.depth ?? 0, task })), tasks: answer.total };
}

/** Drops the pages that are farthest from one page. */
function forgetPages(near: number): void {
  const far = [...list.pages.keys()].sort((a, b) => Math.abs(b - near) - Math.abs(a - near));
  for (const page of far.slice(0, Math.max(0, list.pages.size - MAX_PAGES))) list.pages.delete(page);
}

/** Requests the visible rows again, because the job has changed. */
const refresh = atMostEvery(REFRESH_MS, askInSight);

/** Requests the visible rows again and ignores answers in flight. The drawn rows stay until then. */
function askAgain(): void {
  list.epoch += 1;
  list.asked.clear();
  askInSight();
}

function askInSight(): void {
  if (box === undefined) return;
  if (totals.peek().isOld) return void askPage(0);
  const { first, last } = inSight(box);
  const [firstPage, lastPage] = [Math.floor(first / PAGE_ROWS), Math.floor(last / PAGE_ROWS)];
  for (const page of list.pages.keys()) if (page < firstPage || page > lastPage) list.pages.delete(page);
  for (let page = firstPage; page <= lastPage; page += 1) void askPage(page);
}

function rowHeight(): number {
  return phone.matches ? PHONE_ROW_HEIGHT : ROW_HEIGHT;
}

function inSight(rows: HTMLElement): { readonly first: number; readonly last: number } {
  const height = rowHeight();
  const first = Math.max(0, Math.floor(rows.scrollTop / height) - MARGIN_ROWS);
  const last = Math.min(totals.peek().rows - 1, Math.ceil((rows.scrollTop + rows.clientHeight) / height) + MARGIN_ROWS);
  return { first, last: Math.max(first, last) };
}

export function drawSoon(): void {
  if (list.isDrawn) return;
  list.isDrawn = true;
  requestAnimationFrame(() => {
    list.isDrawn = false;
    if (box !== undefined && space !== undefined) drawRows(box, space);
  });
}

function rowAt(index: number): TreeRow | undefined {
  return list.pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
}

function drawRows(rows: HTMLElement, inner: HTMLElement): void {
  const { rows: total, isOld } = totals.peek();
  inner.style.height = `${total * rowHeight()}px`;
  rows.style.setProperty('--rows', String(total));
  rows.classList.toggle('old', isOld);
  const { first, last } = inSight(rows);
  const known = new Map<string, HTMLElement>();
  for (const child of inner.children) if (child instanceof HTMLElement) known.set(child.dataset['key'] ?? '', child);
  let next = inner.firstElementChild;
  for (let index = first; index <= Math.min(last, total - 1); index += 1) {
    if (!list.pages.has(Math.floor(index / PAGE_ROWS)) && !isOld && !connection.peek().isLost) void askPage(Math.floor(index / PAGE_ROWS));
    const key = String(index);
    const element = known.get(key) ?? createRow(key);
    known.delete(key);
    updateRow(element, index, rowAt(index));
    if (element === next) next = next.nextElementSibling;
    else inner.insertBefore(element, next);
  }
  for (const element of known.values()) element.remove();
  if (list.chosen >= first && list.chosen <= last && total > 0) rows.setAttribute('aria-activedescendant', `row-${list.chosen}`);
  else rows.removeAttribute('aria-activedescendant');
}

function make(tag: string, name: string, ...children: readonly Node[]): HTMLElement {
  const made = document.createElement(tag);
  if (name !== '') made.className = name;
  made.append(...children);
  return made;
}

function createRow(key: string): HTMLElement {
  const words = ['sign', 'unseen', 'title', 'crit', 'took'].map((name) => make('span', name));
  const row = make('div', 'row', make('div', 'what', ...words), make('div', 'track'));
  row.dataset['key'] = key;
  row.setAttribute('role', 'treeitem');
  for (const sign of row.querySelectorAll('.sign, .crit')) sign.setAttribute('aria-hidden', 'true');
  return row;
}

/** Sets a text only where it differs, so that the reader's selection survives. */
function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function updateRow(element: HTMLElement, index: number, row: TreeRow | undefined): void {
  element.style.top = `${index * rowHeight()}px`;
  element.id = `row-${index}`;
  element.classList.toggle('chosen', index === list.chosen);
  element.setAttribute('aria-selected', String(index === list.chosen));
  element.setAttribute('aria-posinset', String(index + 1));
  element.setAttribute('aria-setsize', String(totals.peek().rows));
  const [what, track] = [...element.children];
  const [sign, stage, title, crit, took] = [...(what?.children ?? [])];
  if (!(track instanceof HTMLElement) || !sign || !stage || !(title instanceof HTMLElement) || !crit || !took) return;
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
  element.classList.toggle('sel', task !== undefined && task.task === route.peek().params['task']);
  title.style.paddingLeft = `${Math.min(depth, MAX_INDENT_DEPTH) * 14}px`;
  const isCritical = isOnPath(row);
  element.classList.toggle('critical', isCritical);
  setText(crit, isCritical ? '◆' : '');
  const critical = isCritical ? ', on the critical path' : '';
  if (fold !== undefined) {
    sign.className = `sign ${fold.stages.failed > 0 ? 'failed' : ''}`;
    setText(sign, fold.isUnfolded ? '▾' : '▸');
    setText(stage, `${fold.isUnfolded ? 'expanded' : 'collapsed'}${critical}`);
    nameRow(element, title, rollupText(fold));
    setText(took, rollupTook(fold));
    drawDensity(track, fold);
  }
  if (task === undefined) return;
  sign.className = `sign ${task.stage}`;
  setText(sign, STAGE_SIGNS[task.stage]);
  setText(stage, `${STAGE_WORDS[task.stage]}${critical}`);
  nameRow(element, title, taskText(task));
  const { nowMs } = extent.peek();
  setText(took, task.startMs === undefined ? '' : durationText((task.endMs ?? task.untilMs ?? nowMs) - task.startMs));
  drawTrack(track, [...(task.earlier ?? []).flatMap((each) => phasesOf(each, true)), ...phasesOf(task, false)]);
}

/** The whole text is a tooltip too, because the row cuts it. */
function nameRow(element: HTMLElement, title: HTMLElement, text: string): void {
  setText(title, text);
  if (element.title !== text) element.title = text;
}

/** Ray counts attempts from 0. The first attempt of a task needs no number. */
function taskText(task: AttemptRow): string {
  const number = task.attempt === 0 ? '' : ` (attempt ${task.attempt})`;
  const why =
    task.waitsFor !== undefined
      ? ` — waits for ${task.waitsFor}`
      : task.error !== undefined
        ? ` — ${task.error.message || task.error.type}`
        : '';
  return `${task.name}${number}${why}`;
}

function rollupText(rollup: RollupRow): string {
  const { stages, retried, below, tasks, function: name } = rollup;
  const parts = [
    stages.failed > 0 ? `${countText(stages.failed)} failed` : '',
    stages.running > 0 ? `${countText(stages.running)} running` : '',
    pendingOf(stages) > 0 ? `${countText(pendingOf(stages))} pending` : '',
    retried > 0 ? `${countText(retried)} retried` : '',
    rollup.runSumMs > 0 ? `ran ${durationText(rollup.runSumMs)} in total` : '',
    below > 0 ? `${countText(below)} below` : '',
  ];
  const facts = parts.filter((part) => part !== '').join(', ');
  return `${name} × ${countText(tasks)}${facts === '' ? '' : ` — ${facts}`}`;
}

/** The mean time of a task: the time from the first to the last says nothing about one of them. */
function rollupTook({ runSumMs, tasks }: RollupRow): string {
  return runSumMs > 0 ? `⌀ ${durationText(runSumMs / tasks)}` : '';
}

function place(element: HTMLElement | SVGElement, startMs: number, endMs: number): void {
  const { fromMs, toMs } = range.peek();
  element.style.left = `${((startMs - fromMs) / (toMs - fromMs)) * 100}%`;
  element.style.width = `${((endMs - startMs) / (toMs - fromMs)) * 100}%`;
}

function drawTrack(track: HTMLElement, phases: readonly Phase[]): void {
  const { fromMs, toMs } = range.peek();
  const seen = phases.filter((part) => part.endMs >= fromMs && part.startMs <= toMs);
  if (track.firstElementChild instanceof SVGElement) track.replaceChildren();
  while (track.childElementCount > seen.length) track.lastElementChild?.remove();
  while (track.childElementCount < seen.length) track.append(make('span', ''));
  for (const [index, { stage, startMs, endMs, isEarlier, isOpen }] of seen.entries()) {
    const bar = track.children[index];
    if (!(bar instanceof HTMLElement)) continue;
    bar.className = `b b-${stage}${isEarlier ? ' earlier' : ''}${isOpen ? ' open' : ''}`;
    place(bar, Math.max(startMs, fromMs), Math.min(endMs, toMs));
  }
}

/** One bar for each stage of an attempt. */
export function phasesOf(attempt: AttemptRow, isEarlier: boolean): readonly Phase[] {
  if (attempt.startMs === undefined) return [];
  const endMs = attempt.endMs ?? attempt.untilMs ?? extent.peek().nowMs;
  const begins: { readonly stage: Stage; readonly startMs: number }[] = [];
  const begin = (stage: Stage, startMs: number | undefined): void => {
    if (startMs !== undefined) begins.push({ stage, startMs });
  };
  begin('pending_args', attempt.startMs);
  begin('pending_node', attempt.nodeWaitMs);
  begin('pending_worker', attempt.workerWaitMs);
  begin(attempt.stage === 'failed' ? 'failed' : 'running', attempt.runningMs);
  // An attempt that failed before it ran gets a bar of no width, which the style makes visible.
  if (attempt.stage === 'failed' && attempt.runningMs === undefined) begin('failed', endMs);
  return begins.map((phase, index) => ({
    ...phase,
    endMs: begins[index + 1]?.startMs ?? endMs,
    isEarlier,
    isOpen: index === begins.length - 1 && attempt.endMs === undefined,
  }));
}

const STRIP_HEIGHT = 16;

/** A strip of how many tasks ran over time, how many waited, and when some failed. */
function drawDensity(track: HTMLElement, { density, key }: RollupRow): void {
  if (density === undefined) return track.replaceChildren();
  const { startMs, bucketMs, running, waiting, failed } = density;
  let svg = track.firstElementChild;
  if (!(svg instanceof SVGElement) || track.childElementCount > 1) {
    svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('class', 'strip');
    svg.setAttribute('aria-hidden', 'true');
    for (const name of ['waits', 'runs', 'fails']) {
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', name);
      svg.append(path);
    }
    track.replaceChildren(svg);
  }
  if (!(svg instanceof SVGElement)) return;
  place(svg, startMs, startMs + bucketMs * running.length);
  const content = JSON.stringify([key, startMs, bucketMs, running, waiting, failed]);
  if (svg.dataset['content'] === content) return;
  svg.dataset['content'] = content;
  svg.setAttribute('viewBox', `0 0 ${running.length} ${STRIP_HEIGHT}`);
  const peak = Math.max(0.001, ...running);
  const [waits, runs, fails] = [...svg.children];
  waits?.setAttribute('d', waiting.map((count, index) => (count >= 0.5 ? `M${index} ${STRIP_HEIGHT - 2}h1v2h-1z` : '')).join(''));
  runs?.setAttribute('d', running.map((count, index) => stripBar(count / peak, index)).join(''));
  fails?.setAttribute('d', failed.map((count, index) => (count > 0 ? `M${index} 0h1v${STRIP_HEIGHT}h-1z` : '')).join(''));
}

function stripBar(share: number, index: number): string {
  if (share <= 0) return '';
  const height = Math.max(1, share * (STRIP_HEIGHT - 2));
  return `M${index} ${(STRIP_HEIGHT - height).toFixed(1)}h0.8v${height.toFixed(1)}h-0.8z`;
}

/** Expands or collapses a rolled-up row. */
export function setExpanded({ key, isUnfolded }: Pick<RollupRow, 'key' | 'isUnfolded'>, wanted: boolean): void {
  if (isUnfolded === wanted) return;
  const others = expandedKeys().filter((each) => each !== key);
  const keys = wanted ? [...others, key] : others;
  setParams({ open: keys.slice(-MAX_EXPANDED).join(',') });
}

function choose(index: number): void {
  const { rows: total } = totals.peek();
  if (total === 0 || box === undefined) return;
  list.chosen = Math.max(0, Math.min(total - 1, index));
  const height = rowHeight();
  const top = list.chosen * height;
  if (top < box.scrollTop) box.scrollTop = top;
  if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
  drawSoon();
}

export function moveSelection(by: number): void {
  if (box === undefined) return;
  box.focus({ preventScroll: true });
  choose(list.chosen + by);
}

/** Opens a task; expands or collapses a rolled-up row. */
export function openRow(index: number): void {
  choose(index);
  const row = rowAt(index);
  if (row?.fold !== undefined) setExpanded(row.fold, !row.fold.isUnfolded);
  if (row?.task !== undefined) setParams({ task: row.task.task }, 'push');
}

export function openChosen(): void {
  openRow(list.chosen);
}

/** Expands or collapses a rolled-up row, as the arrow keys do in any tree; on other rows does something else. */
function expandOrElse(wanted: boolean, otherwise: () => void): void {
  const fold = rowAt(list.chosen)?.fold;
  if (fold === undefined) otherwise();
  else setExpanded(fold, wanted);
}

export function onRowsKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || box === undefined) return;
  const page = Math.max(1, Math.floor(box.clientHeight / rowHeight()) - 1);
  const actions: Readonly<Record<string, () => void>> = {
    ArrowDown: () => choose(list.chosen + 1),
    ArrowUp: () => choose(list.chosen - 1),
    PageDown: () => choose(list.chosen + page),
    PageUp: () => choose(list.chosen - page),
    Home: () => choose(0),
    End: () => choose(totals.peek().rows - 1),
    Enter: openChosen,
    ' ': openChosen,
    ArrowLeft: () => expandOrElse(false, () => zoom('left')),
    ArrowRight: () => expandOrElse(true, () => zoom('right')),
    '+': () => zoom('in'),
    '=': () => zoom('in'),
    '-': () => zoom('out'),
    0: () => zoom('all'),
  };
  const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
  if (action === undefined) return;
  event.preventDefault();
  action();
}

/** Opens the failed task after the open one, in the order of their starts. */
export async function goToNextFailure(): Promise<void> {
  const of = route.value;
  if (of.kind !== 'job' || job.value === undefined) return;
  const query = new URLSearchParams({ session: of.session, state: 'failed', limit: '1000' });
  const { answer } = await ask<AttemptsAnswer>(`jobs/${encodeURIComponent(of.job)}/tasks?${query}`);
  const tasks = answer?.tasks ?? [];
  const at = tasks.findIndex(({ task }) => task === of.params['task']);
  const next = tasks[(at + 1) % Math.max(1, tasks.length)];
  if (next !== undefined) setParams({ task: next.task }, 'push');
}

export function totalsText(): string {
  const { rows, tasks, withoutRow } = totals.value;
  const rest = withoutRow > 0 ? ` ${countText(withoutRow)} attempt${withoutRow === 1 ? ' has' : 's have'} no row.` : '';
  const inRows = tasks === rows ? '' : `, in ${countOf(rows, 'row')}`;
  return `${countOf(tasks, 'task')}${inRows}.${rest}`;
}
