import { count, optional, optionalText, oneOf, type Option, parseOptions, requiredText } from '../options/index.ts';
import { formatCount, jsonForTerminal } from '../terminal/index.ts';
import { type AttemptsAnswer, STAGES } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, failed, usage } from './command.ts';
import { writeText } from './output.ts';
import { JSON_OPTION, openClient, SESSION_OPTION, VIEW_OPTIONS } from './view-client.ts';
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
    parse: requiredText('the id of a job, as listed by `ray-otel-bridge jobs`'),
    group: 'What to show',
    help: 'Id of the job.',
  },
  session: SESSION_OPTION,
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
  json: JSON_OPTION,
} satisfies Record<string, Option<unknown>>;

export const tasksCommand: Command = {
  name: 'tasks',
  summary: 'list the tasks of a job, their states and what they wait for',
  usage: '--job ID [--state pending] [options]',
  description: [
    'Lists the tasks of a job that a running bridge knows, ordered by start: the state of the latest attempt, how long it took, its node, and what it waits for or why it failed.',
    'It reads the API of `serve` at /api/v1, which requires --view on (the default).',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'which tasks are stuck, and why', line: 'ray-otel-bridge tasks --job 01000000 --state pending' },
    { purpose: 'failures with memory in their message', line: 'ray-otel-bridge tasks --job 01000000 --error memory' },
    { purpose: 'as JSON for a program', line: 'ray-otel-bridge tasks --job 01000000 --state running --json' },
  ],
  run: tasks,
};

async function tasks({ argv, env, stdout, stop }: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  if (parsed.positionals.length > 0) return usage(...parsed.positionals.map((word) => `unexpected argument ${JSON.stringify(word)}`));
  const { job, session, state, name, node, error, search, limit, offset, json, ...rest } = parsed.values;
  const opened = openClient(rest, stop);
  if (!opened.ok) return usage(opened.problem);
  const query = { session, state, name, node, error, search, limit: String(limit), offset: String(offset) };
  const asked = await opened.value.ask<AttemptsAnswer>(`jobs/${encodeURIComponent(job)}/tasks`, query);
  if (!asked.ok) return failed(asked.problem);
  const width = stdout.isTTY === true ? stdout.columns : undefined;
  await writeText(stdout, json ? `${jsonForTerminal(asked.value, 2)}\n` : `${taskLines(asked.value, width).join('\n')}\n`);
  return done;
}

function taskLines({ tasks: rows, total, withoutRow, nowMs }: AttemptsAnswer, width: number | undefined): readonly string[] {
  const shown = rows.length === total ? formatCount(total, 'task') : `${formatCount(rows.length, 'task')} of ${formatCount(total, 'task')}`;
  const rest = withoutRow === 0 ? '' : `; ${formatCount(withoutRow, 'attempt')} of the job can no longer be listed`;
  return [...(rows.length === 0 ? [] : tableLines(taskColumns(nowMs), rows, width)), `${shown}${rest}`];
}
