'use strict';
// Actions on the list of tasks: filter, zoom, select, show details.

/** @param {'name' | 'state'} name */
function filterSelect(name) {
  const select = byId('filter').querySelector(`select[name=${name}]`);
  if (!(select instanceof HTMLSelectElement)) throw new Error(`no ${name}`);
  return select;
}

/** @param {string} text */
function filterByFunction(text) {
  filterSelect('name').value = text;
  applyFilter();
  byId('tasks').scrollIntoView();
  byId('rows').focus({ preventScroll: true });
}

/** @param {string} id */
function findTask(id) {
  const search = byId('filter').querySelector('input');
  if (search !== null) search.value = id;
  filterByFunction('');
}

/** @returns {Record<string, string>} */
function readFilter() {
  const form = byId('filter');
  /** @type {Record<string, string>} */
  const filter = {};
  if (!(form instanceof HTMLFormElement)) return filter;
  for (const [name, value] of new FormData(form)) if (typeof value === 'string' && value !== '') filter[name] = value.slice(0, 200);
  return filter;
}

function applyFilter() {
  const filter = readFilter();
  if (JSON.stringify(filter) === JSON.stringify(list.filter)) return;
  list.filter = filter;
  resetList();
}

/** Fills the menu of functions. It changes only when the functions do, because the reader may have it open. @param {readonly string[]} functions */
function offerFunctions(functions) {
  const select = filterSelect('name');
  const wanted = ['', ...functions.toSorted((a, b) => a.localeCompare(b))];
  if (select.dataset['key'] === JSON.stringify(wanted)) return;
  const { value } = select;
  select.dataset['key'] = JSON.stringify(wanted);
  select.replaceChildren(...wanted.map((each) => new Option(each === '' ? 'any' : each, each)));
  select.value = wanted.includes(value) ? value : '';
}

/** @param {string} how */
function zoom(how) {
  const { fromMs, toMs } = timeRange();
  const width = toMs - fromMs;
  const steps = { in: [0.25, -0.25], out: [-0.5, 0.5], left: [-0.25, -0.25], right: [0.25, 0.25] };
  const step = how === 'in' || how === 'out' || how === 'left' || how === 'right' ? steps[how] : undefined;
  if (step === undefined) list.zoom = undefined;
  else {
    const next = { fromMs: fromMs + width * (step[0] ?? 0), toMs: toMs + width * (step[1] ?? 0) };
    const isAll = next.fromMs <= list.firstMs && next.toMs >= list.lastMs;
    if (next.toMs - next.fromMs >= 0.01) list.zoom = isAll ? undefined : next;
  }
  drawSoon();
}

/** @param {number} index */
function choose(index) {
  if (list.total === 0) return;
  list.chosen = Math.max(0, Math.min(list.total - 1, index));
  const box = byId('rows');
  const top = list.chosen * ROW_HEIGHT;
  if (top < box.scrollTop) box.scrollTop = top;
  if (top + ROW_HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW_HEIGHT - box.clientHeight;
  drawSoon();
}

/** @param {KeyboardEvent} event */
function onListKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor(byId('rows').clientHeight / ROW_HEIGHT) - 1);
  /** @type {Record<string, () => void>} */
  const actions = {
    ArrowDown: () => choose(list.chosen + 1),
    ArrowUp: () => choose(list.chosen - 1),
    PageDown: () => choose(list.chosen + page),
    PageUp: () => choose(list.chosen - page),
    Home: () => choose(0),
    End: () => choose(list.total - 1),
    Enter: () => openRow(list.chosen),
    ' ': () => openRow(list.chosen),
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

/** Expands or collapses a rolled-up row, as the arrow keys do in any tree. @param {boolean} wanted true: expanded @param {() => void} otherwise for other rows */
function expandOrElse(wanted, otherwise) {
  const fold = rowAt(list.chosen)?.fold;
  if (fold === undefined) otherwise();
  else setExpanded(fold, wanted);
}

/** Opens a task; expands or collapses a rolled-up row. @param {number} index */
function openRow(index) {
  const row = rowAt(index);
  if (row?.fold !== undefined) setExpanded(row.fold, !row.fold.isUnfolded);
  if (row?.task !== undefined) showDetails(row.task);
}

/** @param {AttemptRow} task */
function showDetails(task) {
  setText(byId('details-title'), task.name);
  const body = byId('details-body');
  body.replaceChildren();
  for (const attempt of [task, ...(task.earlier ?? [])]) {
    if (task.earlier !== undefined) body.append(make('h4', '', `Attempt ${attempt.attempt}`));
    if (attempt.traceUrl !== undefined) {
      const label = attempt.endMs === undefined ? 'Span (exported after the attempt ends)' : 'Span in the trace';
      body.append(make('p', '', traceLink(attempt.traceUrl, label)));
    }
    body.append(factsOf(attempt));
    if (attempt.error !== undefined) body.append(make('p', 'error', `${attempt.error.type}\n${attempt.error.message}`));
  }
  const details = byId('details');
  if (details instanceof HTMLDialogElement) details.showModal();
}

/** @param {AttemptRow} attempt */
function factsOf(attempt) {
  const facts = make('dl', '');
  /** @param {string} name @param {string | number | undefined} value @param {boolean} [isId] */
  const add = (name, value, isId = false) => {
    if (value === undefined || value === '') return;
    const text = String(value);
    facts.append(make('dt', '', name), isId ? make('dd', '', make('span', 'id', text), copyButton(text, name)) : make('dd', '', text));
  };
  add('State', `${STAGE_WORDS[attempt.stage]}${attempt.state === '' ? '' : ` (${attempt.state})`}`);
  add('Waits for', attempt.waitsFor);
  add('Function', attempt.function);
  add('Started', attempt.startMs === undefined ? undefined : clockText(attempt.startMs));
  for (const { stage, startMs, endMs } of phasesOf(attempt)) if (endMs > startMs) add(`— ${STAGE_WORDS[stage]}`, durationText(endMs - startMs));
  add('Ended', attempt.endMs === undefined ? undefined : clockText(attempt.endMs));
  add('End inferred', attempt.endInferred);
  add('End reason', attempt.endReason === undefined ? undefined : END_REASON_WORDS[attempt.endReason] ?? attempt.endReason);
  if (attempt.clockSkewMs !== undefined) add('Clock skew', `owner and executor differ by at least ${durationText(attempt.clockSkewMs)}`);
  add('Node', attempt.nodeName);
  add('Process', attempt.pid);
  add('Task id', attempt.task, true);
  add('Span id', attempt.spanId, true);
  add('Trace id', shownTraceId, true);
  if (attempt.isFolded) add('Rolled up', 'no span of its own, because of the span budget of its trace');
  add('Actor id', attempt.actor, true);
  add('Node id', attempt.node, true);
  add('Parent task', attempt.parentTask, true);
  return facts;
}

function setUpTasks() {
  byId('path-steps').addEventListener('toggle', () => {
    if (lastPath !== undefined) showSteps(lastPath);
  });
  filterSelect('state').append(new Option('any', ''), new Option('pending', 'pending'), ...STAGES.map((stage) => new Option(STAGE_WORDS[stage], stage)));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  byId('filter').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(applyFilter, 200);
  });
  byId('filter').addEventListener('submit', (event) => {
    event.preventDefault();
    applyFilter();
  });
  for (const button of byId('filter').querySelectorAll('button'))
    button.addEventListener('click', () => zoom(button.dataset['zoom'] ?? 'all'));
  const rows = byId('rows');
  rows.addEventListener('scroll', drawSoon, { passive: true });
  rows.addEventListener('keydown', onListKey);
  rows.addEventListener('click', (event) => {
    const row = event.target instanceof Element ? event.target.closest('.row') : null;
    if (!(row instanceof HTMLElement)) return;
    choose(Number(row.dataset['key']));
    openRow(list.chosen);
  });
  new ResizeObserver(drawSoon).observe(rows);
}
