import { optionalText, type Option, parseOptions, switchValue } from '../options/index.ts';
import { printable } from '../runtime/index.ts';
import { formatCount, jsonForTerminal } from '../terminal/index.ts';
import type { CriticalPathAnswer, JobAnswer, JobsAnswer } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, failed, usage } from './command.ts';
import { writeText } from './output.ts';
import { JSON_OPTION, openClient, SESSION_OPTION, VIEW_OPTIONS } from './view-client.ts';
import { FAILURE_COLUMNS, FUNCTION_COLUMNS, JOB_COLUMNS, shareColumns, tableLines, waitingColumns } from './view-text.ts';

const OPTIONS = {
  job: {
    flag: '--job',
    placeholder: '<id>',
    default: '',
    parse: optionalText,
    group: 'What to show',
    help: 'Show one job: its functions, its pending tasks and what they wait for, its failures and its critical path.',
  },
  session: SESSION_OPTION,
  internal: {
    flag: '--internal',
    placeholder: '',
    default: '',
    isSwitch: true,
    parse: switchValue,
    group: 'What to show',
    help: "Include Ray's own jobs, such as the job agent's driver. --json always includes them, marked with `isInternal`.",
  },
  ...VIEW_OPTIONS,
  json: JSON_OPTION,
} satisfies Record<string, Option<unknown>>;

export const jobsCommand: Command = {
  name: 'jobs',
  summary: 'list the jobs that a running bridge knows',
  usage: '[--job ID] [--url URL] [options]',
  description: [
    'Lists the jobs that a running bridge knows, running jobs first, with their finished, pending, running and failed tasks. With --job: one job by function, what its pending tasks wait for, its failures and its critical path.',
    'It reads the API of `serve` at /api/v1, which requires --view on (the default).',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'all jobs', line: 'ray-otel-bridge jobs' },
    { purpose: 'one job', line: 'ray-otel-bridge jobs --job 01000000' },
    { purpose: 'as JSON for a program', line: "ray-otel-bridge jobs --json | jq '.jobs[] | {name, state, progress}'" },
  ],
  run: jobs,
};

async function jobs({ argv, env, stdout, stop }: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  const { job, session, internal, json, ...rest } = parsed.values;
  if (parsed.positionals.length > 0)
    return usage(...parsed.positionals.map((word) => `unexpected argument ${JSON.stringify(word)}: write --job ${word}`));
  const opened = openClient(rest, stop);
  if (!opened.ok) return usage(opened.problem);
  const { value: client } = opened;
  const width = stdout.isTTY === true ? stdout.columns : undefined;
  if (job !== undefined) {
    const asked = await client.ask<JobAnswer>(`jobs/${encodeURIComponent(job)}`, { session });
    if (!asked.ok) return failed(asked.problem);
    if (json) {
      await writeText(stdout, `${jsonForTerminal(asked.value, 2)}\n`);
      return done;
    }
    const path = await client.ask<CriticalPathAnswer>(`jobs/${encodeURIComponent(job)}/critical-path`, { session });
    const lines = [...jobLines(asked.value, width), ...(path.ok ? pathLines(path.value, width) : [])];
    await writeText(stdout, `${lines.join('\n')}\n`);
    return done;
  }
  const asked = await client.ask<JobsAnswer>('jobs');
  if (!asked.ok) return failed(asked.problem);
  await writeText(stdout, json ? `${jsonForTerminal(asked.value, 2)}\n` : `${jobsLines(asked.value, internal, width).join('\n')}\n`);
  return done;
}

function jobsLines({ jobs: all, more, since }: JobsAnswer, internal: boolean, width: number | undefined): readonly string[] {
  const rows = internal ? all : all.filter((row) => !row.isInternal);
  const hidden = all.length - rows.length;
  return [
    ...(rows.length === 0 ? [`no job since ${new Date(since).toISOString()}`] : tableLines(JOB_COLUMNS, rows, width)),
    ...(more === 0 ? [] : [`and ${formatCount(more, 'more job')}`]),
    ...(hidden === 0 ? [] : [`${formatCount(hidden, 'job')} of Ray itself hidden (show with --internal)`]),
  ];
}

function jobLines(answer: JobAnswer, width: number | undefined): readonly string[] {
  const { job, functions, waiting, failures, nowMs } = answer;
  return [
    ...tableLines(JOB_COLUMNS, [job], width),
    `trace ${job.traceUrl === undefined ? job.traceId : printable(job.traceUrl)}`,
    ...(job.outcomeMessage === undefined ? [] : [printable(job.outcomeMessage)]),
    ...(job.error === undefined ? [] : [printable(job.error)]),
    '',
    ...tableLines(FUNCTION_COLUMNS, functions, width),
    ...(waiting.length === 0 ? [] : ['', ...tableLines(waitingColumns(nowMs), waiting, width)]),
    ...(failures.length === 0 ? [] : ['', ...tableLines(FAILURE_COLUMNS, failures, width)]),
  ];
}

function pathLines({ shares, isOver, startMs, endMs }: CriticalPathAnswer, width: number | undefined): readonly string[] {
  if (shares.length === 0) return [];
  return ['', `critical path${isOver ? '' : ' so far'}:`, ...tableLines(shareColumns(endMs - startMs), shares, width)];
}
