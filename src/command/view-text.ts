import { printable } from '../runtime/index.ts';
import { cutTo, fit, formatDurationNs, textWidth } from '../terminal/index.ts';
import type { AttemptRow, CriticalPathAnswer, FunctionRow, JobAnswer, JobRow, Stage, StageCounts, WaitingRow } from '../view/index.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly isRight?: boolean;
  /** Takes the remaining width. At most one column of a table. */
  readonly isWide?: boolean;
}

const GAP = 2;
/** Maximum width of the wide column when the table has no width limit. */
const MAX_WIDE_COLUMN = 200;
/** Minimum width of the wide column. */
const MIN_WIDE_COLUMN = 12;

/** Renders a table as lines of at most `width` columns, the header first. Cells may contain untrusted text. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number | undefined): readonly string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => printable(text(row))))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => textWidth(line[index] ?? ''))));
  const wide = columns.findIndex(({ isWide }) => isWide === true);
  if (wide !== -1) {
    const others = widths.reduce((sum, each, index) => sum + (index === wide ? 0 : each), GAP * (columns.length - 1));
    const wideWidth = width === undefined ? MAX_WIDE_COLUMN : Math.max(MIN_WIDE_COLUMN, width - others);
    widths[wide] = Math.min(widths[wide] ?? 0, wideWidth);
  }
  return cells.map((line) => {
    const shown = line.map((cell, index) => {
      const cellWidth = widths[index] ?? 0;
      const cut = cutTo(cell, cellWidth);
      return columns[index]?.isRight === true ? ' '.repeat(cellWidth - textWidth(cut)) + cut : fit(cut, cellWidth);
    });
    const joined = shown.join(' '.repeat(GAP)).trimEnd();
    return width === undefined ? joined : cutTo(joined, width);
  });
}

export function pendingOf(tasks: StageCounts): number {
  return tasks.pending_args + tasks.pending_node + tasks.pending_worker;
}

export function durationText(ms: number | undefined): string {
  return ms === undefined || !Number.isFinite(ms) ? '' : formatDurationNs(BigInt(Math.round(Math.max(0, ms) * 1e6)));
}

export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** Outcome of a job. `ended` when Ray did not report how it ended. */
function outcomeText(state: JobRow['state'], outcome: JobRow['outcome']): string {
  if (outcome === undefined) return state === 'finished' ? 'ended' : state;
  return outcome === 'unknown' ? 'ended' : outcome;
}

const JOB_COLUMN_TABLE = {
  state: { title: 'STATE', text: ({ state, outcome }) => outcomeText(state, outcome) },
  job: { title: 'JOB', text: ({ job }) => job },
  name: { title: 'NAME', text: ({ name, isInternal }) => (isInternal ? `${name} (of Ray itself)` : name), isWide: true },
  age: { title: 'AGE', text: ({ ageMs }) => durationText(ageMs), isRight: true },
  done: { title: 'DONE', text: ({ progress }) => `${Math.floor(progress * 100)}%`, isRight: true },
  tasks: { title: 'TASKS', text: ({ taskCount }) => countText(taskCount), isRight: true },
  pending: { title: 'PENDING', text: ({ tasks }) => countText(pendingOf(tasks)), isRight: true },
  running: { title: 'RUNNING', text: ({ tasks }) => countText(tasks.running), isRight: true },
  failed: { title: 'FAILED', text: ({ tasks }) => countText(tasks.failed), isRight: true },
  rate: { title: 'PER S', text: ({ endedPerSecond }) => endedPerSecond.toFixed(endedPerSecond < 10 ? 1 : 0), isRight: true },
} as const satisfies Record<string, Column<JobRow>>;

export const JOB_COLUMNS: readonly Column<JobRow>[] = Object.values(JOB_COLUMN_TABLE);

export const FUNCTION_COLUMNS: readonly Column<FunctionRow>[] = [
  { title: 'FUNCTION', text: (row) => row.function, isWide: true },
  { title: 'ATTEMPTS', text: ({ attemptCount }) => countText(attemptCount), isRight: true },
  { title: 'PENDING', text: ({ attempts, untracked }) => countText(pendingOf(attempts) + untracked), isRight: true },
  { title: 'RUNNING', text: ({ attempts }) => countText(attempts.running), isRight: true },
  { title: 'FAILED', text: ({ attempts }) => countText(attempts.failed), isRight: true },
  { title: 'QUEUE P50', text: ({ queue }) => durationText(queue?.p50Ms), isRight: true },
  { title: 'RUN P50', text: ({ run }) => durationText(run?.p50Ms), isRight: true },
  { title: 'P95', text: ({ run }) => durationText(run?.p95Ms), isRight: true },
  { title: 'MAX', text: ({ run }) => durationText(run?.maxMs), isRight: true },
];

export function shareColumns(wholeMs: number): readonly Column<CriticalPathAnswer['shares'][number]>[] {
  return [
    { title: 'CRITICAL PATH', text: (row) => row.function ?? '(the driver itself)', isWide: true },
    { title: 'SHARE', text: ({ totalMs }) => `${Math.round((totalMs / Math.max(1, wholeMs)) * 100)} %`, isRight: true },
    { title: 'RAN', text: ({ runningMs }) => durationText(runningMs), isRight: true },
    { title: 'ARGUMENTS', text: ({ argumentsMs }) => durationText(argumentsMs), isRight: true },
    { title: 'RETRY', text: ({ retryMs }) => durationText(retryMs), isRight: true },
    { title: 'NODE', text: ({ nodeMs }) => durationText(nodeMs), isRight: true },
    { title: 'WORKER', text: ({ workerMs }) => durationText(workerMs), isRight: true },
    { title: 'UNKNOWN', text: ({ unknownMs }) => durationText(unknownMs), isRight: true },
  ];
}

export function waitingColumns(nowMs: number): readonly Column<WaitingRow>[] {
  return [
    { title: 'PENDING', text: ({ attempts }) => countText(attempts), isRight: true },
    { title: 'FUNCTION', text: (row) => cutTo(printable(row.function), 30) },
    { title: 'SINCE', text: ({ sinceMs, untilMs = nowMs }) => durationText(untilMs - sinceMs), isRight: true },
    { title: 'WAITS FOR', text: ({ waitsFor }) => waitsFor, isWide: true },
  ];
}

export const FAILURE_COLUMNS: readonly Column<JobAnswer['failures'][number]>[] = [
  { title: 'FAILED', text: ({ attempts }) => countText(attempts), isRight: true },
  { title: 'FUNCTION', text: (row) => cutTo(printable(row.function), 30) },
  { title: 'WITH', text: ({ errorType, message }) => (message === '' ? errorType : `${errorType}: ${message}`), isWide: true },
];

const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  unknown: 'unknown',
  pending_args: 'pending args',
  pending_node: 'pending node',
  pending_worker: 'pending worker',
  running: 'running',
  finished: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
  unfinished: 'unfinished',
};

export function taskColumns(nowMs: number): readonly Column<AttemptRow>[] {
  return [
    { title: 'STATE', text: ({ stage }) => STAGE_WORDS[stage] },
    { title: 'NAME', text: ({ name }) => cutTo(printable(name), 30) },
    { title: 'TRY', text: ({ attempt }) => String(attempt + 1), isRight: true },
    {
      title: 'TOOK',
      text: ({ startMs, untilMs = nowMs, endMs = untilMs }) => (startMs === undefined ? '' : durationText(endMs - startMs)),
      isRight: true,
    },
    { title: 'NODE', text: ({ nodeName, node }) => cutTo(printable(nodeName ?? node ?? ''), 20) },
    { title: 'TASK', text: ({ task }) => task },
    { title: 'WHY', text: whyText, isWide: true },
  ];
}

function whyText({ waitsFor, error, endInferred }: AttemptRow): string {
  if (waitsFor !== undefined) return `waits for ${waitsFor}`;
  if (error !== undefined) return error.message === '' ? error.type : `${error.type}: ${error.message}`;
  return endInferred === undefined ? '' : `end inferred: ${endInferred}`;
}
