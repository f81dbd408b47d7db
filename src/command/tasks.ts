import { count, optional, optionalText, oneOf, type Option, parseOptions } from '../options/index.ts';
import { formatCount } from '../terminal/index.ts';
import { type AttemptsAnswer, type JobAnswer, STAGES } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, failed, usage } from './command.ts';
import { findJob, type FoundJob } from './find-job.ts';
import { LATEST_OPTION } from './jobs.ts';
import { OUTPUT_OPTION, serialized } from './output-format.ts';
import { writeText } from './output.ts';
import { JSON_OPTION, openClient, SESSION_OPTION, type ViewClient, VIEW_OPTIONS } from './view-client.ts';
import { tableLines, taskColumns } from './view-text.ts';

const CASE_NOTE = 'Matches a part, in any letter case.';

function text(flag: string, help: string): Option<string | undefined> {
  return { flag, placeholder: '<text>', default: '', parse: optionalText, group: 'Which tasks', help };
}

const OPTIONS = {
  job: {
    flag: '--job',
    placeholder: '<id>',
    default: '',
    parse: optionalText,
    group: 'What to show',
    help: 'Id, name or submission id of the job. The same as JOB without the flag.',
  },
  session: SESSION_OPTION,
  latest: LATEST_OPTION,
  state: {
    flag: '--state',
    placeholder: '<state>',
    default: '',
    parse: optional(oneOf('pending', ...STAGES)),
    group: 'Which tasks',
    help: `State of the latest attempt: pending, or one of ${STAGES.join(', ')}.`,
  },
  name: text('--name', `Name or function of the task. ${CASE_NOTE}`),
  node: text('--node', `Id, name or address of the node. ${CASE_NOTE}`),
  error: text('--error', `Type or message of the error. ${CASE_NOTE}`),
  search: text('--search', `Any of these fields, or the id of the task. ${CASE_NOTE}`),
  limit: {
    flag: '--limit',
    placeholder: '<count>',
    default: '200',
    parse: count(1),
    group: 'Which tasks',
    help: 'Maximum number of tasks to list, ordered by start. At most 1000.',
  },
  offset: {
    flag: '--offset',
    placeholder: '<count>',
    default: '0',
    parse: count(),
    group: 'Which tasks',
    help: 'Number of tasks to skip.',
  },
  ...VIEW_OPTIONS,
  output: OUTPUT_OPTION,
  json: JSON_OPTION,
} satisfies Record<string, Option<unknown>>;

export const tasksCommand: Command = {
  name: 'tasks',
  summary: 'list the tasks of a job, their states and what they wait for',
  usage: 'JOB [--state pending] [options]',
  description: [
    'Lists the tasks of a job that a running bridge knows, ordered by start: the state of the latest attempt, how long it took, its node, and what it waits for or why it failed.',
    'It reads the API of `serve` at /api/v1, which requires --view on (the default).',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'which tasks are stuck, and why', line: 'ray-otel-bridge tasks 01000000 --state pending' },
    { purpose: 'failures with memory in their message', line: 'ray-otel-bridge tasks 01000000 --error memory' },
    { purpose: 'as JSON for a program', line: 'ray-otel-bridge tasks 01000000 --state running --json' },
  ],
  run: tasks,
};

async function tasks({ argv, env, stdout, stop }: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  const { job, session, latest, state, name, node, error, search, limit, offset, json, output, ...rest } = parsed.values;
  const ids = [...(job === undefined ? [] : [job]), ...parsed.positionals];
  if (ids.length > 1) return usage(`one job at a time, not ${ids.length}`);
  if (ids.length === 0 && !latest) return usage('JOB is required: the id of a job, as listed by `ray-otel-bridge jobs`, or --latest');
  const opened = openClient(rest, stop);
  if (!opened.ok) return usage(opened.problem);
  const found = await findJob(opened.value, { job: ids[0], session, isLatest: latest });
  if (!found.ok) return failed(...found.problem.split('\n'));
  const path = `jobs/${encodeURIComponent(found.value.job)}`;
  const query = { session: found.value.session, state, name, node, error, search, limit: String(limit), offset: String(offset) };
  const asked = await opened.value.ask<AttemptsAnswer>(`${path}/tasks`, query);
  if (!asked.ok) return failed(asked.problem);
  const format = json ? 'json' : output;
  if (format === 'json' || format === 'yaml') {
    await writeText(stdout, `${serialized(asked.value, format)}\n`);
    return done;
  }
  if (format === 'name') {
    await writeText(stdout, asked.value.tasks.map(({ task }) => `${task}\n`).join(''));
    return done;
  }
  const width = stdout.isTTY === true && format !== 'wide' ? stdout.columns : undefined;
  const hint = asked.value.total === 0 && state === 'pending' ? await failedHint(opened.value, path, found.value) : undefined;
  await writeText(stdout, `${hint ?? taskLines(asked.value, width).join('\n')}\n`);
  return done;
}

/** Says where to look instead, when nothing is pending although tasks failed. */
async function failedHint(client: ViewClient, path: string, { job, session }: FoundJob): Promise<string | undefined> {
  const asked = await client.ask<JobAnswer>(path, { session });
  if (!asked.ok || asked.value.job.tasks.failed === 0) return undefined;
  return `nothing pending; ${formatCount(asked.value.job.tasks.failed, 'task')} failed: ray-otel-bridge tasks ${job} --state failed`;
}

function taskLines({ tasks: rows, total, withoutRow, nowMs }: AttemptsAnswer, width: number | undefined): readonly string[] {
  const shown = rows.length === total ? formatCount(total, 'task') : `${formatCount(rows.length, 'task')} of ${formatCount(total, 'task')}`;
  const rest = withoutRow === 0 ? '' : `; ${formatCount(withoutRow, 'attempt')} of the job can no longer be listed`;
  return [...(rows.length === 0 ? [] : tableLines(taskColumns(nowMs), rows, width)), `${shown}${rest}`];
}
