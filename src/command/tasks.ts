import { count, optional, optionalText, oneOf, type Option, parseOptions, requiredText } from '../options/index.ts';
import { formatCount, jsonForTerminal } from '../terminal/index.ts';
import { type AttemptsAnswer, STAGES } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, failed, usage } from './command.ts';
import { writeText } from './output.ts';
import { JSON_OPTION, openClient, SESSION_OPTION, VIEW_OPTIONS } from './view-client.ts';
import { tableLines, taskColumns } from './view-text.ts';

const PART = 'Part of it, in any letter case.';

function text(flag: string, help: string): Option<string | undefined> {
  return { flag, placeholder: '<text>', default: '', parse: optionalText, group: 'Which tasks', help };
}

const OPTIONS = {
  job: {
    flag: '--job',
    placeholder: '<id>',
    default: '',
    parse: requiredText('the id of a job, as `ray-otel-bridge jobs` lists it'),
    group: 'What to look at',
    help: 'Of which job.',
  },
  session: SESSION_OPTION,
  state: {
    flag: '--state',
    placeholder: '<state>',
    default: '',
    parse: optional(oneOf('pending', ...STAGES)),
    group: 'Which tasks',
    help: `pending, or one of ${STAGES.join(', ')}: where the last attempt stands.`,
  },
  name: text('--name', `Name or function. ${PART}`),
  node: text('--node', `Id, name or address of the node. ${PART}`),
  error: text('--error', `Type or message of the error. ${PART}`),
  search: text('--search', `Any of these, or the id of the task. ${PART}`),
  limit: {
    flag: '--limit',
    placeholder: '<count>',
    default: '200',
    parse: count(1),
    group: 'Which tasks',
    help: 'At most 1000; the first by their start.',
  },
  offset: {
    flag: '--offset',
    placeholder: '<count>',
    default: '0',
    parse: count(),
    group: 'Which tasks',
    help: 'Leaves out so many of the first.',
  },
  ...VIEW_OPTIONS,
  json: JSON_OPTION,
} satisfies Record<string, Option<unknown>>;

export const tasksCommand: Command = {
  name: 'tasks',
  summary: 'the tasks of a job: where each stands, and what it waits for',
  usage: '--job ID [--state pending] [options]',
  description: [
    'Lists the tasks of one job that a running bridge knows of, by their start: where the last attempt stands, how long it took, where it runs, what it waits for or why it failed.',
    'It reads what `serve` tells at /api/v1, which needs --view on, the default.',
  ],
  options: OPTIONS,
  examples: [
    { says: 'what is stuck, and why', line: 'ray-otel-bridge tasks --job 01000000 --state pending' },
    { says: 'failures that speak of memory', line: 'ray-otel-bridge tasks --job 01000000 --error memory' },
    { says: 'for a program', line: 'ray-otel-bridge tasks --job 01000000 --state running --json' },
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
  const asked = await opened.client.ask<AttemptsAnswer>(`jobs/${encodeURIComponent(job)}/tasks`, query);
  if (!asked.ok) return failed(asked.problem);
  const width = stdout.isTTY === true ? stdout.columns : undefined;
  await writeText(stdout, json ? `${jsonForTerminal(asked.answer, 2)}\n` : `${taskLines(asked.answer, width).join('\n')}\n`);
  return done;
}

function taskLines({ tasks: rows, total, withoutRow, nowMs }: AttemptsAnswer, width: number | undefined): readonly string[] {
  const shown = rows.length === total ? formatCount(total, 'task') : `${formatCount(rows.length, 'task')} of ${formatCount(total, 'task')}`;
  const rest = withoutRow === 0 ? '' : `; ${formatCount(withoutRow, 'attempt')} of the job can't be listed any more`;
  return [...(rows.length === 0 ? [] : tableLines(taskColumns(nowMs), rows, width)), `${shown}${rest}`];
}
