import { printable } from '../runtime/index.ts';
import { cutTo, formatBytes } from '../terminal/index.ts';
import type { JobAnswer, JobRow, JobsAnswer, StatusAnswer } from '../view/index.ts';
import {
  countText,
  durationText,
  FAILURE_COLUMNS,
  FUNCTION_COLUMNS,
  JOB_COLUMNS,
  tableLines,
  waitingColumns,
  wrapped,
} from './view-text.ts';

export interface TopState {
  readonly url: string;
  readonly status: StatusAnswer | undefined;
  readonly jobs: JobsAnswer | undefined;
  /** Whether Ray's own jobs are shown. */
  readonly showsInternal: boolean;
  /** Details of the selected job. */
  readonly job: JobAnswer | undefined;
  /** Why the answers are not current. */
  readonly problem: string | undefined;
  /** Index of the selected job. */
  readonly selected: number;
}

export interface ScreenSize {
  readonly width: number;
  readonly height: number;
}

/** Share of the lines for the list of jobs, while a job is selected. */
const JOBS_SHARE = 0.4;
/** Lines for the verdict on the selected job. */
const MAX_VERDICT_LINES = 4;
const CURSOR = '>';

/** Jobs in the list. */
export function shownJobs({ jobs, showsInternal }: Pick<TopState, 'jobs' | 'showsInternal'>): readonly JobRow[] {
  if (jobs === undefined) return [];
  return showsInternal ? jobs.jobs : jobs.jobs.filter((job) => !job.isInternal);
}

/** Lines of printable text for a screen of this size. */
export function topLines(state: TopState, { width, height }: ScreenSize): readonly string[] {
  const head = [...headLines(state), ''];
  const foot = [footLine(state)];
  const room = Math.max(0, height - head.length - foot.length);
  const jobs = jobLines(state, width, state.job === undefined ? room : Math.max(3, Math.floor(room * JOBS_SHARE)));
  const details = state.job === undefined ? [] : detailLines(state.job, width, room - jobs.length);
  const body = [...jobs, ...details].slice(0, room);
  const filled = [...head, ...body, ...Array.from({ length: Math.max(0, room - body.length) }, () => ''), ...foot];
  return filled.slice(0, height).map((line) => cutTo(line, width));
}

function headLines({ url, status, problem }: TopState): readonly string[] {
  const first = `ray-otel-bridge top  ${printable(url)}`;
  // On its own line, because it would not fit beside the address.
  const outage = problem === undefined ? [] : [printable(problem)];
  if (status === undefined) return [first, ...(problem === undefined ? ['asking...'] : outage)];
  const { health, events, nowMs } = status;
  const last =
    events.lastReceivedMs === undefined ? 'nothing received yet' : `last event ${durationText(nowMs - events.lastReceivedMs)} ago`;
  return [
    problem === undefined ? `${first}  ${health.reason ?? health.state}` : first,
    ...outage,
    `${countText(events.accepted)} events, ${last}; rejected ${countText(events.rejected)}, late ${countText(health.lateEvents)}`,
    `backlog ${countText(health.backlogEvents)} events (${formatBytes(health.journalBytes)}), ${countText(health.queuedSpans)} spans; lag ${durationText(health.exportLagMs)}`,
  ];
}

function footLine(state: TopState): string {
  const hidden = (state.jobs?.jobs.length ?? 0) - shownJobs(state).length;
  const internal =
    hidden > 0 ? `   i: show ${countText(hidden)} of Ray itself` : state.showsInternal ? '   i: hide jobs of Ray itself' : '';
  return `up/down: select a job${internal}   q: quit`;
}

function jobLines(state: TopState, width: number, room: number): readonly string[] {
  const { jobs, selected } = state;
  if (jobs === undefined) return [];
  const shownRows = shownJobs(state);
  if (shownRows.length === 0) return ['no job yet'];
  const [head = '', ...lines] = tableLines(JOB_COLUMNS, shownRows, width - 2);
  const rows = Math.max(1, room - 2);
  const first = Math.max(0, Math.min(selected - Math.floor(rows / 2), lines.length - rows));
  const shown = lines.slice(first, first + rows).map((line, index) => `${first + index === selected ? CURSOR : ' '} ${line}`);
  const rest = lines.length - shown.length + jobs.more;
  return [`  ${head}`, ...shown, ...(rest > 0 ? [`  and ${countText(rest)} more`] : [])];
}

function detailLines(job: JobAnswer, width: number, room: number): readonly string[] {
  const tables = [
    tableLines(FUNCTION_COLUMNS, job.functions, width),
    ...(job.waiting.length === 0 ? [] : [tableLines(waitingColumns(job.nowMs), job.waiting, width)]),
    ...(job.failures.length === 0 ? [] : [tableLines(FAILURE_COLUMNS, job.failures, width)]),
  ];
  const { verdict } = job.job;
  const texts = [verdict.text, ...verdict.notes].flatMap((text) => wrapped(printable(text), '', width));
  const verdictLines = ['', ...texts.slice(0, MAX_VERDICT_LINES)];
  const share = Math.max(2, Math.floor((room - verdictLines.length) / tables.length) - 1);
  return [...verdictLines, ...tables.flatMap((lines) => ['', ...lines.slice(0, share)])];
}
