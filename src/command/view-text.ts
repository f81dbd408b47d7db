import { printable } from '../runtime/index.ts';
import { cutTo, fit, formatDurationNs, textWidth } from '../terminal/index.ts';
import type { AttemptRow, CriticalPathAnswer, FunctionRow, JobAnswer, JobRow, Stage, StageCounts, WaitingRow } from '../view/index.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly isRight?: boolean;
  /** Takes the remaining width. At most one column of a table. */
  readonly isWide?: boolean;
  /** A table that is too wide leaves out the columns with the highest rank first. Columns without one always stay. */
  readonly rank?: number;
}

const GAP = 2;
/** Maximum width of the wide column when the table has no width limit. */
const MAX_WIDE_COLUMN = 200;
/** Minimum width of the wide column. */
const MIN_WIDE_COLUMN = 12;

/** Renders a table as lines of at most `width` columns, the header first. Cells may contain untrusted text. */
export function tableLines<Row>(all: readonly Column<Row>[], rows: readonly Row[], width: number | undefined): readonly string[] {
  const columns = columnsThatFit(all, rows, width);
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

function columnsThatFit<Row>(all: readonly Column<Row>[], rows: readonly Row[], width: number | undefined): readonly Column<Row>[] {
  if (width === undefined) return all;
  const sizes = new Map(all.map((column) => [column, columnWidth(column, rows)]));
  const kept = [...all];
  const total = (): number => kept.reduce((sum, column) => sum + (sizes.get(column) ?? 0), GAP * (kept.length - 1));
  while (total() > width) {
    const next = kept.reduce<Column<Row> | undefined>(
      (last, column) => ((column.rank ?? 0) > (last?.rank ?? 0) ? column : last),
      undefined,
    );
    if (next === undefined) return kept;
    kept.splice(kept.indexOf(next), 1);
  }
  return kept;
}

/** The wide column counts with what it needs at least. */
function columnWidth<Row>({ title, text, isWide }: Column<Row>, rows: readonly Row[]): number {
  const longest = rows.reduce((most, row) => Math.max(most, textWidth(printable(text(row)))), textWidth(title));
  return isWide === true ? Math.min(longest, MIN_WIDE_COLUMN) : longest;
}

/** Breaks a text at spaces into lines of at most `width` columns, each with this indent. */
export function wrapped(text: string, indent: string, width: number | undefined): readonly string[] {
  if (width === undefined) return [indent + text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && textWidth(indent) + textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].map((each) => cutTo(indent + each, width));
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

/** Word for the state of a job: what its verdict calls it, so that a job with failures is never just `ended`. */
export function stateText({ state, outcome, verdict }: JobRow): string {
  return verdict.kind === 'blocked' || verdict.kind === 'failing' ? verdict.kind : outcomeText(state, outcome);
}

/** `2026-11-23 21:48:53Z`. */
export function momentText(ms: number | undefined): string {
  return ms === undefined ? '' : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

const JOB_COLUMN_TABLE = {
  state: { title: 'STATE', text: stateText },
  job: { title: 'JOB', text: ({ job }) => job, rank: 1 },
  name: { title: 'NAME', text: ({ name, isInternal }) => (isInternal ? `${name} (of Ray itself)` : name), isWide: true },
  started: { title: 'STARTED', text: ({ startMs }) => momentText(startMs), rank: 5 },
  age: { title: 'AGE', text: ({ ageMs }) => durationText(ageMs), isRight: true },
  done: { title: 'DONE', text: ({ progress }) => `${Math.floor(progress * 100)}%`, isRight: true, rank: 4 },
  tasks: { title: 'TASKS', text: ({ taskCount }) => countText(taskCount), isRight: true, rank: 3 },
  pending: { title: 'PENDING', text: ({ tasks }) => countText(pendingOf(tasks)), isRight: true },
  running: { title: 'RUNNING', text: ({ tasks }) => countText(tasks.running), isRight: true },
  failed: { title: 'FAILED', text: ({ tasks }) => countText(tasks.failed), isRight: true },
  rate: { title: 'PER S', text: ({ endedPerSecond }) => endedPerSecond.toFixed(endedPerSecond < 10 ? 1 : 0), isRight: true, rank: 6 },
} as const satisfies Record<string, Column<JobRow>>;

export const JOB_COLUMNS: readonly Column<JobRow>[] = Object.values(JOB_COLUMN_TABLE);
export const WIDE_JOB_COLUMNS: readonly Column<JobRow>[] = [
  ...JOB_COLUMNS,
  { title: 'SUBMISSION', text: ({ submissionId }) => submissionId ?? '' },
  { title: 'SESSION', text: ({ session }) => session },
  { title: 'TRACE', text: ({ traceUrl, traceId }) => traceUrl ?? traceId },
];

export const FUNCTION_COLUMNS: readonly Column<FunctionRow>[] = [
  { title: 'FUNCTION', text: (row) => row.function, isWide: true },
  { title: 'ATTEMPTS', text: ({ attemptCount }) => countText(attemptCount), isRight: true },
  { title: 'PENDING', text: ({ attempts, untracked }) => countText(pendingOf(attempts) + untracked), isRight: true },
  { title: 'RUNNING', text: ({ attempts }) => countText(attempts.running), isRight: true },
  { title: 'FAILED', text: ({ attempts }) => countText(attempts.failed), isRight: true },
  { title: 'QUEUE P50', rank: 5, text: ({ queue }) => durationText(queue?.p50Ms), isRight: true },
  { title: 'RUN P50', rank: 4, text: ({ run }) => durationText(run?.p50Ms), isRight: true },
  { title: 'P95', rank: 3, text: ({ run }) => durationText(run?.p95Ms), isRight: true },
  { title: 'MAX', rank: 2, text: ({ run }) => durationText(run?.maxMs), isRight: true },
];

export function shareColumns(wholeMs: number): readonly Column<CriticalPathAnswer['shares'][number]>[] {
  return [
    { title: 'CRITICAL PATH', text: (row) => row.function ?? '(the driver itself)', isWide: true },
    { title: 'SHARE', text: ({ totalMs }) => `${Math.round((totalMs / Math.max(1, wholeMs)) * 100)} %`, isRight: true },
    { title: 'RAN', text: ({ runningMs }) => durationText(runningMs), isRight: true },
    { title: 'ARGUMENTS', text: ({ argumentsMs }) => durationText(argumentsMs), isRight: true },
    { title: 'RETRY', rank: 6, text: ({ retryMs }) => durationText(retryMs), isRight: true },
    { title: 'NODE', text: ({ nodeMs }) => durationText(nodeMs), isRight: true },
    { title: 'WORKER', rank: 4, text: ({ workerMs }) => durationText(workerMs), isRight: true },
    { title: 'UNKNOWN', rank: 5, text: ({ unknownMs }) => durationText(unknownMs), isRight: true },
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
  { title: 'RETRIED', text: ({ retried }) => (retried === 0 ? '' : countText(retried)), isRight: true, rank: 1 },
  { title: 'WITH', text: failureText, isWide: true },
];

function failureText({ errorType, message, cause }: JobAnswer['failures'][number]): string {
  const why = cause === undefined ? '' : `${cause}: `;
  return `${why}${message === '' ? errorType : `${errorType}: ${message}`}`;
}

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
    { title: 'ATTEMPT', text: ({ attempt }) => String(attempt), isRight: true, rank: 2 },
    {
      title: 'TOOK',
      text: ({ startMs, untilMs = nowMs, endMs = untilMs }) => (startMs === undefined ? '' : durationText(endMs - startMs)),
      isRight: true,
    },
    { title: 'NODE', rank: 1, text: ({ nodeName, node }) => cutTo(printable(nodeName ?? node ?? ''), 20) },
    { title: 'TASK', text: ({ task }) => task, rank: 3 },
    { title: 'WHY', text: whyText, isWide: true },
  ];
}

function whyText({ waitsFor, error, endInferred }: AttemptRow): string {
  if (waitsFor !== undefined) return `waits for ${waitsFor}`;
  if (error !== undefined) return error.message === '' ? error.type : `${error.type}: ${error.message}`;
  return endInferred === undefined ? '' : `end inferred: ${endInferred}`;
}
