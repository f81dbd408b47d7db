import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { DeathRow, JobAnswer, NodeUseAnswer } from '../shapes.ts';
import type { Stage } from '../stage.ts';
import { clockText, durationText, STAGE_WORDS, STAGES, timeText } from './format.ts';
import {
  attachRows,
  drawSoon,
  extent,
  isZoomed,
  onRowsKey,
  openRow,
  range,
  showRange,
  type TimeRange,
  totals,
  totalsText,
  type Zoom,
  zoom,
  zoomAt,
} from './rows.ts';
import { nodeUse, rayNowMs, route, setParams } from './store.ts';
import { areaOf, deathTitle } from './tables.tsx';

const ZOOMS: readonly (readonly [how: Zoom, sign: string, title: string])[] = [
  ['in', '+', 'Zoom in (+)'],
  ['out', '−', 'Zoom out (-)'],
  ['left', '←', 'Earlier (left)'],
  ['right', '→', 'Later (right)'],
  ['all', 'All', 'All of the time range (0)'],
];

/** Pause after a key before a search begins. */
const TYPING_MS = 200;
/** A pointer that moves less than this clicked. */
const MIN_DRAG_PX = 4;

/** Position of the pointer on the bars, as a share of their width. */
const cursor = signal<number | undefined>(undefined);

export function Timeline({ answer }: { answer: JobAnswer }): JSX.Element {
  const rows = useRef<HTMLDivElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const chart = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (rows.current === null || space.current === null || chart.current === null) return;
    const detach = attachRows(rows.current, space.current);
    const forget = listenToPointer(rows.current, chart.current);
    return () => {
      detach();
      forget();
    };
  }, []);
  const { rows: rowCount, isOld } = totals.value;
  const isEmpty = !isOld && rowCount === 0;
  const hasFilter = ['search', 'state', 'name'].some((name) => route.value.params[name] !== undefined);
  return (
    <div id="tasks">
      <Filter functions={answer.functions.map((row) => row.function)} />
      <Legend />
      <p id="tasks-note" class="note" role="status">
        {isEmpty && hasFilter ? 'No task matches.' : isOld && rowCount === 0 ? '' : totalsText()}
      </p>
      {isEmpty && hasFilter && (
        <p class="empty">
          <button type="button" id="clear" onClick={() => setParams({ search: undefined, state: undefined, name: undefined }, 'push')}>
            Clear filters
          </button>
        </p>
      )}
      <div class="chart" ref={chart}>
        <Minimap use={nodeUse.value} />
        <Axis />
        <div class="lanes">
          <div
            id="rows"
            class="rows"
            role="tree"
            tabIndex={0}
            aria-label="Tasks"
            aria-describedby="rows-help"
            ref={rows}
            onKeyDown={onRowsKey}
          >
            <div id="rows-space" role="presentation" ref={space} />
          </div>
          <Marks deaths={answer.deaths} isRunning={answer.job.state === 'running'} />
        </div>
      </div>
      <p id="rows-help" class="note">
        Drag over the bars or use Ctrl and the wheel to zoom. ? lists the keys.
      </p>
    </div>
  );
}

function Filter({ functions }: { functions: readonly string[] }): JSX.Element {
  const { search = '', state = '', name = '', order = '' } = route.value.params;
  const [typed, setTyped] = useState(search);
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setTyped(search), [search]);
  const type = (text: string): void => {
    setTyped(text);
    clearTimeout(typing.current);
    typing.current = setTimeout(() => setParams({ search: text }), TYPING_MS);
  };
  const offered = functions.toSorted((a, b) => a.localeCompare(b));
  return (
    <form
      id="filter"
      role="search"
      class="tools"
      onSubmit={(event) => {
        event.preventDefault();
        setParams({ search: typed });
      }}
    >
      <label class="field">
        <span class="unseen">Search tasks</span>
        <input
          name="search"
          type="search"
          maxLength={200}
          autocomplete="off"
          placeholder="Find a task, node, error, id"
          value={typed}
          onInput={(event) => type(event.currentTarget.value)}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <label>
        State{' '}
        <select name="state" value={state} onChange={(event) => setParams({ state: event.currentTarget.value })}>
          <option value="">any</option>
          <option value="pending">pending</option>
          {STAGES.map((stage) => (
            <option key={stage} value={stage}>
              {STAGE_WORDS[stage]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Function{' '}
        <select name="name" value={name} onChange={(event) => setParams({ name: event.currentTarget.value })}>
          <option value="">any</option>
          {name !== '' && !offered.includes(name) && <option value={name}>{name}</option>}
          {offered.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <label>
        Order{' '}
        <select name="order" value={order} onChange={(event) => setParams({ order: event.currentTarget.value })}>
          <option value="">tree, rolled up</option>
          <option value="tree">tree</option>
          <option value="start">by start</option>
        </select>
      </label>
      <span class="buttons" role="group" aria-label="Time axis controls">
        {ZOOMS.map(([how, sign, title]) => (
          <button key={how} type="button" data-zoom={how} title={title} aria-label={title} onClick={() => zoom(how)}>
            {sign}
          </button>
        ))}
      </span>
    </form>
  );
}

const LEGEND: readonly (readonly [stage: Stage, words: string])[] = [
  ['pending_args', 'waits'],
  ['running', 'runs'],
  ['failed', 'failed'],
];

function Legend(): JSX.Element {
  return (
    <p class="legend bars" aria-label="Legend of the bars" role="group">
      {LEGEND.map(([stage, words]) => (
        <span key={stage}>
          <i class={`sample b b-${stage}`} />
          {words}
        </span>
      ))}
      <span>
        <b class="crit">◆</b> on the critical path
      </span>
    </p>
  );
}

/** Step between two ticks, so that there are at most `max`. */
export function tickStep(widthMs: number, max: number): number {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3];
  const found = steps.find((step) => widthMs / step <= max);
  if (found !== undefined) return found;
  let step = 3600e3;
  while (widthMs / step > max) step *= 2;
  return step;
}

const MAX_TICKS = 7;
/** Share of the axis at its end that the length of the range takes. */
const END_SHARE = 0.12;

function Axis(): JSX.Element {
  const { fromMs, toMs } = range.value;
  if (totals.value.rows === 0) return <div class="axis" aria-hidden="true" />;
  const widthMs = toMs - fromMs;
  const step = tickStep(widthMs, MAX_TICKS);
  const ticks: number[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs - widthMs * END_SHARE; at += step) ticks.push(at);
  return (
    <div class="axis" aria-hidden="true">
      {ticks.map((at) => (
        <span key={at} style={{ left: `${((at - fromMs) / widthMs) * 100}%` }}>
          {step < 1000 ? clockText(at) : timeText(at)}
        </span>
      ))}
      <span class="width">{durationText(widthMs)}</span>
    </div>
  );
}

/** Lines over the bars: deaths, the present, and the pointer. */
function Marks({ deaths, isRunning }: { deaths: readonly DeathRow[]; isRunning: boolean }): JSX.Element {
  const { fromMs, toMs } = range.value;
  const at = (ms: number): string => `${((ms - fromMs) / (toMs - fromMs)) * 100}%`;
  const isSeen = (ms: number | undefined): ms is number => ms !== undefined && ms >= fromMs && ms <= toMs;
  const nowMs = rayNowMs.value;
  const pointer = cursor.value;
  if (totals.value.rows === 0) return <div class="marks" aria-hidden="true" />;
  return (
    <div class="marks" aria-hidden="true">
      {deaths.map((death) =>
        isSeen(death.atMs) ? (
          <div
            key={`${death.kind}/${death.id}/${death.atMs}`}
            class={`death${death.atMs > (fromMs + toMs) / 2 ? ' late' : ''}`}
            style={{ left: at(death.atMs) }}
          >
            <span>{`${deathTitle(death)} died ${timeText(death.atMs)}`}</span>
          </div>
        ) : null,
      )}
      {isRunning && isSeen(nowMs) && <div class="now" style={{ left: at(nowMs) }} />}
      {pointer !== undefined && (
        <div class={`cursor${pointer > 0.85 ? ' late' : ''}`} style={{ left: `${pointer * 100}%` }}>
          <span>{clockText(fromMs + pointer * (toMs - fromMs))}</span>
        </div>
      )}
    </div>
  );
}

const MINIMAP_HEIGHT = 24;

/** The whole job: how many attempts ran, and which part of it is visible. */
function Minimap({ use }: { use: NodeUseAnswer | undefined }): JSX.Element {
  const ref = useRef<HTMLDivElement>(null);
  const { firstMs, lastMs } = extent.value;
  const widthMs = Math.max(1, lastMs - firstMs);
  const { fromMs, toMs } = range.value;
  const share = (ms: number): number => Math.max(0, Math.min(1, (ms - firstMs) / widthMs));
  useLayoutEffect(() => (ref.current === null ? undefined : listenToMinimap(ref.current)), []);
  const running = sumOf(use);
  const peak = Math.max(0.001, ...running);
  const startShare = use === undefined ? 0 : (use.startMs - firstMs) / widthMs;
  const useShare = use === undefined ? 0 : (running.length * use.bucketMs) / widthMs;
  return (
    <div class="mini" ref={ref} aria-hidden="true" title="Drag to show a part of the job">
      {running.length > 0 && (
        <svg
          viewBox={`0 0 ${running.length} ${MINIMAP_HEIGHT}`}
          preserveAspectRatio="none"
          style={{ left: `${startShare * 100}%`, width: `${useShare * 100}%` }}
        >
          <path d={areaOf(running, peak, MINIMAP_HEIGHT)} />
        </svg>
      )}
      {isZoomed() && <div class="window" style={{ left: `${share(fromMs) * 100}%`, width: `${(share(toMs) - share(fromMs)) * 100}%` }} />}
    </div>
  );
}

function sumOf(use: NodeUseAnswer | undefined): readonly number[] {
  if (use === undefined) return [];
  const sums: number[] = [];
  for (const { running } of use.nodes) for (const [index, mean] of running.entries()) sums[index] = (sums[index] ?? 0) + mean;
  return Array.from(sums, (sum) => sum ?? 0);
}

/** Calls `done` with the dragged part of the width, or with one share for a click. */
function listenToDrag(
  element: HTMLElement,
  shareOf: (event: PointerEvent | WheelEvent) => number | undefined,
  done: (from: number, to: number, event: PointerEvent) => void,
): () => void {
  let start: { readonly share: number; readonly x: number } | undefined;
  const down = (event: PointerEvent): void => {
    if (event.button !== 0 || event.pointerType === 'touch') return;
    const share = shareOf(event);
    start = share === undefined ? undefined : { share, x: event.clientX };
  };
  const up = (event: PointerEvent): void => {
    const began = start;
    start = undefined;
    if (began === undefined) return;
    const share = Math.max(0, Math.min(1, shareOf(event) ?? (event.clientX < began.x ? 0 : 1)));
    if (Math.abs(event.clientX - began.x) >= MIN_DRAG_PX) done(Math.min(began.share, share), Math.max(began.share, share), event);
    else done(share, share, event);
  };
  element.addEventListener('pointerdown', down);
  window.addEventListener('pointerup', up);
  return () => {
    element.removeEventListener('pointerdown', down);
    window.removeEventListener('pointerup', up);
  };
}

function partOf({ fromMs, toMs }: TimeRange, from: number, to: number): TimeRange {
  const width = toMs - fromMs;
  return { fromMs: fromMs + from * width, toMs: fromMs + to * width };
}

/** Share of the width of the bars at which an event is; undefined beside them. */
function shareIn(track: DOMRect | undefined, { clientX }: MouseEvent): number | undefined {
  if (track === undefined || track.width === 0) return undefined;
  const share = (clientX - track.left) / track.width;
  return share < 0 || share > 1 ? undefined : share;
}

function leave(): void {
  cursor.value = undefined;
}

function listenToPointer(rows: HTMLElement, chart: HTMLElement): () => void {
  const track = (): DOMRect | undefined => rows.querySelector('.track')?.getBoundingClientRect();
  const shareOf = (event: MouseEvent): number | undefined => shareIn(track(), event);
  let wasDragged = false;
  const forgetDrag = listenToDrag(rows, shareOf, (from, to) => {
    wasDragged = to > from;
    if (wasDragged) showRange(partOf(range.peek(), from, to));
  });
  const click = (event: MouseEvent): void => {
    if (wasDragged) {
      wasDragged = false;
      return;
    }
    const row = event.target instanceof Element ? event.target.closest('.row') : null;
    if (row instanceof HTMLElement) openRow(Number(row.dataset['key']));
  };
  const move = (event: MouseEvent): void => {
    cursor.value = shareOf(event);
  };
  const wheel = (event: WheelEvent): void => {
    const isOverRows = event.target instanceof Node && rows.contains(event.target);
    const share = shareOf(event);
    if (share === undefined || (isOverRows && !event.ctrlKey)) return;
    event.preventDefault();
    zoomAt(share, event.deltaY > 0 ? 1.25 : 0.8);
  };
  /** The lines over the bars must be as wide as the bars, without the scroll bar. */
  const measure = (): void => {
    const [box, bars] = [chart.getBoundingClientRect(), track()];
    if (bars === undefined) return;
    chart.style.setProperty('--left', `${bars.left - box.left}px`);
    chart.style.setProperty('--width', `${bars.width}px`);
  };
  const resized = new ResizeObserver(() => {
    drawSoon();
    measure();
  });
  const drawn = new MutationObserver(measure);
  resized.observe(rows);
  drawn.observe(rows, { childList: true, subtree: true });
  rows.addEventListener('click', click);
  rows.addEventListener('mousemove', move);
  rows.addEventListener('mouseleave', leave);
  chart.addEventListener('wheel', wheel, { passive: false });
  return () => {
    forgetDrag();
    resized.disconnect();
    drawn.disconnect();
    rows.removeEventListener('click', click);
    rows.removeEventListener('mousemove', move);
    rows.removeEventListener('mouseleave', leave);
    chart.removeEventListener('wheel', wheel);
  };
}

function listenToMinimap(element: HTMLElement): () => void {
  return listenToDrag(
    element,
    (event) => shareIn(element.getBoundingClientRect(), event),
    (from, to) => {
      const { firstMs, lastMs } = extent.peek();
      const whole = { fromMs: firstMs, toMs: lastMs };
      if (to > from) return showRange(partOf(whole, from, to));
      const { fromMs, toMs } = range.peek();
      const half = (toMs - fromMs) / 2;
      const center = firstMs + from * (lastMs - firstMs);
      showRange({ fromMs: center - half, toMs: center + half });
    },
  );
}
