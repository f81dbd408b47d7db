'use strict';
// Texts from Ray are untrusted: they become text nodes and attribute values, never markup.

/** @typedef {import('../shapes.ts').JobRow} JobRow */
/** @typedef {import('../shapes.ts').JobAnswer} JobAnswer */
/** @typedef {import('../shapes.ts').JobsAnswer} JobsAnswer */
/** @typedef {import('../shapes.ts').StatusAnswer} StatusAnswer */
/** @typedef {import('../shapes.ts').AttemptRow} AttemptRow */
/** @typedef {import('../shapes.ts').AttemptsAnswer} AttemptsAnswer */
/** @typedef {import('../shapes.ts').TreeAnswer} TreeAnswer */
/** @typedef {import('../shapes.ts').TreeRow} TreeRow */
/** @typedef {import('../shapes.ts').RollupRow} RollupRow */
/** @typedef {import('../shapes.ts').CriticalPathAnswer} CriticalPathAnswer */
/** @typedef {import('../shapes.ts').NodeUseAnswer} NodeUseAnswer */
/** @typedef {import('../stage.ts').StageCounts} StageCounts */
/** @typedef {import('../stage.ts').Stage} Stage */

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no ${id}`);
  return found;
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {...(string | Node)} children
 */
function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** @param {string} className @param {string} text */
function makeButton(className, text) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = className;
  button.textContent = text;
  return button;
}

/** Sets a text only where it differs, so that the reader's selection survives.
 * @param {Element} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes the children of `parent` match `items`. Elements that stay are reused, so focus and scroll position survive.
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} create
 * @param {(element: HTMLElement, item: Item) => void} update
 */
function keep(parent, items, keyOf, create, update) {
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  for (const child of parent.children) if (child instanceof HTMLElement) known.set(child.dataset['key'] ?? '', child);
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let element = known.get(key);
    known.delete(key);
    if (element === undefined) {
      element = create(item);
      element.dataset['key'] = key;
    }
    update(element, item);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
  for (const element of known.values()) element.remove();
}

/** Throttles `work`: runs it at once, or as soon as `ms` have passed since its last run. @param {number} ms @param {() => void} work */
function atMostEvery(ms, work) {
  let doneMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  const run = () => {
    waiting = undefined;
    doneMs = Date.now();
    work();
  };
  return () => {
    const waitMs = doneMs + ms - Date.now();
    if (waiting !== undefined) return;
    if (waitMs <= 0) run();
    else waiting = setTimeout(run, waitMs);
  };
}

/** @param {string} text @param {string} label */
function copyButton(text, label) {
  const button = makeButton('copy', 'Copy');
  button.setAttribute('aria-label', `Copy ${label}`);
  button.addEventListener('click', () => void copyText(text, button));
  return button;
}

/** Copies a text. Without HTTPS a page may not write to the clipboard, so it selects the text instead.
 * @param {string} text @param {HTMLElement} button */
async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('aria-hidden', 'true');
    (button.closest('dialog') ?? document.body).append(area);
    area.select();
    button.textContent = document.execCommand('copy') ? 'Copied' : 'Copy by hand';
    area.remove();
  }
}

/**
 * @template Row
 * @typedef {{title: string, text?: (row: Row) => string, cell?: (row: Row) => Node, kind?: 'num' | 'wide' | 'word' | 'chart'}} TableColumn
 */

/**
 * @template Row
 * @param {string} sectionId
 * @param {readonly TableColumn<Row>[]} columns
 * @param {readonly Row[]} rows
 * @param {(row: Row) => string} keyOf
 */
function showTable(sectionId, columns, rows, keyOf) {
  const section = byId(sectionId);
  section.hidden = rows.length === 0;
  if (rows.length === 0) return;
  const head = section.querySelector('thead');
  const body = section.querySelector('tbody');
  if (head === null || body === null) return;
  if (head.childElementCount === 0) {
    const line = make('tr', '');
    for (const { title, kind } of columns) {
      const cell = make('th', kind ?? '', title);
      cell.setAttribute('scope', 'col');
      line.append(cell);
    }
    head.append(line);
  }
  keep(
    body,
    rows,
    keyOf,
    () => make('tr', '', ...columns.map(({ kind }) => make('td', kind ?? ''))),
    (line, row) => {
      for (const [index, { text, cell }] of columns.entries()) {
        const at = line.children[index];
        if (at === undefined) continue;
        if (text !== undefined) setText(at, text(row));
        else if (cell !== undefined && !at.contains(document.activeElement)) at.replaceChildren(cell(row));
      }
    },
  );
}
