import { duration, optional, optionalText, type Option, parseOptions, switchValue } from '../options/index.ts';
import { printable } from '../runtime/index.ts';
import { formatCount } from '../terminal/index.ts';
import type { CriticalPathAnswer, JobAnswer, JobRow, JobsAnswer } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, type Output, failed, usage } from './command.ts';
import { findJob, type FoundJob } from './find-job.ts';
import { OUTPUT_OPTION, type OutputFormat, serialized } from './output-format.ts';
import { writeText } from './output.ts';
import { JSON_OPTION, openClient, SESSION_OPTION, type ViewClient, VIEW_OPTIONS } from './view-client.ts';
import {
  FAILURE_COLUMNS,
  FUNCTION_COLUMNS,
  JOB_COLUMNS,
  shareColumns,
  tableLines,
  waitingColumns,
  WIDE_JOB_COLUMNS,
  wrapped,
} from './view-text.ts';

export const LATEST_OPTION = {
  flag: '--latest',
  placeholder: '',
  default: '',
  isSwitch: true,
  parse: switchValue,
  group: 'What to show',
  help: 'Take the newest of the jobs that match.',
} as const satisfies Option<boolean>;

const OPTIONS = {
  job: {
    flag: '--job',
    placeholder: '<id>',
    default: '',
    parse: optionalText,
    group: 'What to show',
    help: 'Show one job: why it hangs or failed, its functions, its pending tasks and what they wait for, its failures and its critical path. The same as JOB without the flag.',
  },
  session: SESSION_OPTION,
  latest: LATEST_OPTION,
  since: {
    flag: '--since',
    placeholder: '<duration>',
    default: '',
    parse: optional(duration('1s')),
    group: 'What to show',
    help: 'Only jobs that started within this time, or still run.',
  },
  internal: {
    flag: '--internal',
    placeholder: '',
    default: '',
    isSwitch: true,
    parse: switchValue,
    group: 'What to show',
    help: "Include Ray's own jobs, such as the job agent's driver. json and yaml always include them, marked with `isInternal`.",
  },
  ...VIEW_OPTIONS,
  output: OUTPUT_OPTION,
  json: JSON_OPTION,
  watch: {
    flag: '--watch',
    short: '-w',
    placeholder: '',
    default: '',
    isSwitch: true,
    parse: switchValue,
    group: 'Output',
    help: 'Print again every 2 s until Ctrl-C.',
  },
} satisfies Record<string, Option<unknown>>;

const WATCH_MS = 2_000;
const CLEAR_SCREEN = '\u001b[2J\u001b[H';

export const jobsCommand: Command = {
  name: 'jobs',
  summary: 'list the jobs that a running bridge knows, and why they hang or failed',
  usage: '[JOB...] [--url URL] [options]',
  description: [
    'Lists the jobs that a running bridge knows, running jobs first, with their pending, running and failed tasks, and under each job why it hangs, what failed, or how it ended. With JOB (an id, a name or a submission id): one job by function, what its pending tasks wait for, its failures and its critical path.',
    'A terminal that is too narrow for all columns keeps STATE, NAME, AGE, PENDING, RUNNING and FAILED. It reads the API of `serve` at /api/v1, which requires --view on (the default).',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'all jobs', line: 'ray-otel-bridge jobs' },
    { purpose: 'one job', line: 'ray-otel-bridge jobs 01000000' },
    { purpose: 'the newest job, again and again', line: 'ray-otel-bridge jobs --latest --watch' },
    { purpose: 'as JSON for a program', line: "ray-otel-bridge jobs -o json | jq '.jobs[] | {name, verdict: .verdict.text}'" },
  ],
  run: jobs,
};

interface Wanted {
  /** Ids, names or submission ids. */
  readonly ids: readonly (string | undefined)[];
  readonly session: string | undefined;
  readonly isLatest: boolean;
  readonly sinceMs: number | undefined;
  readonly showsInternal: boolean;
  readonly format: OutputFormat;
  readonly width: number | undefined;
}

async function jobs({ argv, env, stdout, stop, sleep }: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  const { job, session, latest, since, internal, json, output, watch, ...rest } = parsed.values;
  const opened = openClient(rest, stop);
  if (!opened.ok) return usage(opened.problem);
  const { value: client } = opened;
  const ids = [...(job === undefined ? [] : [job]), ...parsed.positionals];
  const wanted: Wanted = {
    ids: ids.length === 0 && latest ? [undefined] : ids,
    session,
    isLatest: latest,
    sinceMs: since,
    showsInternal: internal,
    format: json ? 'json' : output,
    width: stdout.isTTY === true ? stdout.columns : undefined,
  };
  for (;;) {
    const text = await answerText(client, wanted);
    if (!text.ok) return failed(...text.problems);
    await writeText(stdout, `${watch ? pageBreak(stdout) : ''}${text.value}\n`);
    if (!watch || stop.aborted || stdout.destroyed) return done;
    await sleep(WATCH_MS, stop);
    if (stop.aborted) return done;
  }
}

function pageBreak(stdout: Output): string {
  return stdout.isTTY === true ? CLEAR_SCREEN : '';
}

type Text = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly problems: readonly string[] };

async function answerText(client: ViewClient, wanted: Wanted): Promise<Text> {
  if (wanted.ids.length === 0) return await listText(client, wanted);
  const texts: string[] = [];
  for (const id of wanted.ids) {
    const found = await findJob(client, { job: id, session: wanted.session, isLatest: wanted.isLatest });
    if (!found.ok) return { ok: false, problems: found.problem.split('\n') };
    const text = await jobText(client, found.value, wanted);
    if (!text.ok) return text;
    texts.push(text.value);
  }
  return { ok: true, value: texts.join(wanted.format === 'name' ? '\n' : wanted.format === 'yaml' ? '\n---\n' : '\n\n') };
}

async function listText(client: ViewClient, wanted: Wanted): Promise<Text> {
  const asked = await client.ask<JobsAnswer>('jobs');
  if (!asked.ok) return { ok: false, problems: [asked.problem] };
  const { format, sinceMs, session, showsInternal, width } = wanted;
  const all = asked.value.jobs.filter(
    (row) => (session === undefined || row.session === session) && isSince(row, sinceMs, asked.value.nowMs),
  );
  if (format === 'json' || format === 'yaml') return { ok: true, value: serialized({ ...asked.value, jobs: all }, format) };
  const shown = showsInternal ? all : all.filter((row) => !row.isInternal);
  if (format === 'name') return { ok: true, value: shown.map(({ job }) => job).join('\n') };
  return { ok: true, value: jobsLines({ ...asked.value, jobs: shown }, all.length - shown.length, format, width).join('\n') };
}

function isSince({ state, startMs, endMs }: JobRow, sinceMs: number | undefined, nowMs: number): boolean {
  return sinceMs === undefined || state === 'running' || (startMs ?? endMs ?? 0) >= nowMs - sinceMs;
}

async function jobText(client: ViewClient, { job, session }: FoundJob, { format, width }: Wanted): Promise<Text> {
  if (format === 'name') return { ok: true, value: job };
  const path = `jobs/${encodeURIComponent(job)}`;
  const asked = await client.ask<JobAnswer>(path, { session });
  if (!asked.ok) return { ok: false, problems: [asked.problem] };
  if (format === 'json' || format === 'yaml') return { ok: true, value: serialized(asked.value, format) };
  const critical = await client.ask<CriticalPathAnswer>(`${path}/critical-path`, { session });
  const limit = format === 'wide' ? undefined : width;
  return {
    ok: true,
    value: [...jobLines(asked.value, format, limit), ...(critical.ok ? pathLines(critical.value, limit) : [])].join('\n'),
  };
}

function columnsOf(format: OutputFormat): typeof JOB_COLUMNS {
  return format === 'wide' ? WIDE_JOB_COLUMNS : JOB_COLUMNS;
}

function jobsLines(
  { jobs: rows, more, since }: JobsAnswer,
  hidden: number,
  format: OutputFormat,
  width: number | undefined,
): readonly string[] {
  const limit = format === 'wide' ? undefined : width;
  const [head = '', ...lines] = tableLines(columnsOf(format), rows, limit);
  return [
    ...(rows.length === 0
      ? [`no job since ${new Date(since).toISOString()}`]
      : [head, ...lines.flatMap((line, index) => [line, ...verdictLines(rows[index], limit)])]),
    ...(more === 0 ? [] : [`and ${formatCount(more, 'more job')}`]),
    ...(hidden === 0 ? [] : [`${formatCount(hidden, 'job')} of Ray itself hidden (show with --internal)`]),
  ];
}

const VERDICT_INDENT = '  ';

export function verdictLines(row: JobRow | undefined, width: number | undefined): readonly string[] {
  return row === undefined ? [] : wrapped(printable(row.verdict.text), VERDICT_INDENT, width);
}

function jobLines(answer: JobAnswer, format: OutputFormat, width: number | undefined): readonly string[] {
  const { job, functions, waiting, failures, nowMs } = answer;
  const { verdict } = job;
  return [
    ...tableLines(columnsOf(format), [job], width),
    ...verdictLines(job, width),
    ...(verdict.chain.length < 2 ? [] : wrapped(printable(chainText(job)), VERDICT_INDENT, width)),
    ...verdict.notes.flatMap((note) => wrapped(printable(note), VERDICT_INDENT, width)),
    `trace ${job.traceUrl === undefined ? job.traceId : printable(job.traceUrl)}`,
    ...(job.outcomeMessage === undefined ? [] : [printable(job.outcomeMessage)]),
    ...(job.error === undefined ? [] : [printable(job.error)]),
    '',
    ...tableLines(FUNCTION_COLUMNS, functions, width),
    ...(waiting.length === 0 ? [] : ['', ...tableLines(waitingColumns(nowMs), waiting, width)]),
    ...(failures.length === 0 ? [] : ['', ...tableLines(FAILURE_COLUMNS, failures, width)]),
  ];
}

function chainText({ verdict }: JobRow): string {
  return verdict.chain.map(({ text, leadsBy }) => (leadsBy === '' ? text : `${text} ${leadsBy}`)).join(' ');
}

function pathLines({ shares, isOver, startMs, endMs }: CriticalPathAnswer, width: number | undefined): readonly string[] {
  if (shares.length === 0) return [];
  return ['', `critical path${isOver ? '' : ' so far'}:`, ...tableLines(shareColumns(endMs - startMs), shares, width)];
}
