import { SETTINGS } from '../config.ts';
import {
  duration,
  httpTarget,
  oneOf,
  type Option,
  optional,
  optionalText,
  parseOptions,
  suggestion,
  switchValue,
} from '../options/index.ts';
import { ENTRY_KINDS, type QuarantineEntry, type QuarantineProblem, quarantineFolder, removeEntries } from '../quarantine/index.ts';
import { printable } from '../runtime/index.ts';
import { cutTo, fit, formatCount, jsonForTerminal } from '../terminal/index.ts';
import { type Command, type CommandContext, interrupted, type Outcome, failed, usage } from './command.ts';
import { findUnreadable } from './files.ts';
import { writeText } from './output.ts';
import { retryEntries } from './quarantine-retry.ts';
import { checkIds, formatEntries, type Selection, selectEntries } from './quarantine-selection.ts';

const OPTIONS = {
  dataDir: { ...SETTINGS.dataDir, group: 'Where', help: 'Data folder of the bridge, which may be running.' },
  kind: {
    flag: '--kind',
    placeholder: 'all|event|span',
    default: 'all',
    parse: oneOf('all', ...ENTRY_KINDS),
    group: 'Which entries',
    help: 'event: only rejected events. span: only spans that the backend refused.',
  },
  code: {
    flag: '--code',
    placeholder: '<code>',
    default: '',
    parse: optionalText,
    group: 'Which entries',
    help: 'Only entries with this code, such as event_field_invalid, event_type_unknown or span_refused.',
  },
  id: {
    flag: '--id',
    placeholder: '<text>',
    default: '',
    parse: optionalText,
    group: 'Which entries',
    help: 'Only entries whose id, event id, trace id or span id begins with this text.',
  },
  all: {
    flag: '--all',
    placeholder: '',
    default: '',
    isSwitch: true,
    parse: switchValue,
    group: 'Which entries',
    help: 'With drop: remove all entries.',
  },
  json: {
    flag: '--json',
    placeholder: '',
    default: '',
    isSwitch: true,
    parse: switchValue,
    group: 'Output',
    help: 'With list: print one JSON object per line.',
  },
  to: {
    flag: '--to',
    placeholder: '<url>',
    default: '',
    parse: optional(httpTarget),
    group: 'Retry',
    help: 'URL of the bridge that retry posts events to. Its user and password are sent as Basic authentication and never printed.',
  },
  giveUpMs: {
    flag: '--give-up',
    placeholder: '<duration>',
    default: '1m',
    parse: duration('1ms'),
    group: 'Retry',
    help: 'How long retry repeats one request before it gives up with exit code 1.',
  },
} satisfies Record<string, Option<unknown>>;

type Action = 'list' | 'show' | 'retry' | 'drop';
const ACTIONS: readonly Action[] = ['list', 'show', 'retry', 'drop'];

export const quarantineCommand: Command = {
  name: 'quarantine',
  summary: 'inspect, resend or drop rejected events and refused spans',
  usage: 'list|show|retry|drop [ID...] [options]',
  description: [
    'A bridge with a data folder keeps the events that it rejected, without their secrets, and the spans that the backend permanently refused. The files have a size limit, and the oldest entries are removed first.',
    'list: a table of the entries, oldest first. show ID...: complete entries as JSON. drop ID...: removes entries; drop --all removes all.',
    'retry [ID...]: posts events to the bridge given with --to, and sends spans to the exporters of the OTEL_* variables, each to the exporter whose backend refused it. Accepted entries are removed, the others stay. Events that this release still rejects are not posted. If the span of a task was sent meanwhile, its events count as late: no span is sent twice.',
    'The exit code is 1 when an ID does not exist, or when an entry could not be sent or removed.',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'list all entries', line: 'ray-otel-bridge quarantine list --data-dir data' },
    { purpose: 'show one entry completely', line: 'ray-otel-bridge quarantine show e1-0 --data-dir data' },
    {
      purpose: 'after an update of the bridge, post the rejected events again',
      line: 'ray-otel-bridge quarantine retry --kind event --to http://127.0.0.1:8080 --data-dir data',
    },
    { purpose: 'drop events of unknown types', line: 'ray-otel-bridge quarantine drop --code event_type_unknown --data-dir data' },
  ],
  run: quarantine,
};

interface Task {
  readonly folder: string;
  readonly selection: Selection;
  readonly context: CommandContext;
}

async function quarantine(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  const [word, ...ids] = parsed.positionals;
  if (word === undefined) return usage('an action is required: list, show, retry or drop');
  const action = ACTIONS.find((candidate) => candidate === word);
  if (action === undefined)
    return usage(`unknown action ${JSON.stringify(word)}: use list, show, retry or drop${suggestion(word, ACTIONS)}`);
  const { dataDir, kind, code, id, all, json, to, giveUpMs } = parsed.values;
  if (dataDir === undefined) return usage('--data-dir is required: the data folder of the bridge');
  const problem = selectionProblem(action, ids, all, code !== undefined || id !== undefined || kind !== 'all');
  if (problem !== undefined) return usage(problem);
  const missing = await findUnreadable([dataDir]);
  if (missing.length > 0) return usage(...missing);

  const task: Task = { folder: quarantineFolder(dataDir), selection: { ids: new Set(ids), kind, code, idPrefix: id }, context };
  try {
    if (action === 'list') return await list(task, json);
    if (action === 'show') return await show(task);
    if (action === 'drop') return await drop(task, all);
    return await retryEntries({ ...task, to, giveUpMs });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return failed(`${task.folder}: ${error.message}`);
  }
}

/** Refuses a call without a selection, so that a forgotten word neither drops nor prints everything. */
function selectionProblem(action: Action, ids: readonly string[], all: boolean, isFiltered: boolean): string | undefined {
  if (action === 'show' && ids.length === 0 && !isFiltered)
    return 'a selection is required: ID... as printed by list, --kind, --code or --id';
  if (action === 'drop' && ids.length === 0 && !isFiltered && !all) return 'a selection is required: ID..., --kind, --code, --id or --all';
  return all && action !== 'drop' ? '--all works with drop only' : undefined;
}

async function list({ folder, selection, context }: Task, asJson: boolean): Promise<Outcome> {
  const damaged: QuarantineProblem[] = [];
  const rows: ReturnType<typeof rowOf>[] = [];
  for await (const entry of selectEntries(folder, selection, (problem) => damaged.push(problem))) rows.push(rowOf(entry));
  rows.sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)));
  const lines = asJson
    ? rows.map((row) => jsonForTerminal(row))
    : tableOf(rows, context.stdout.isTTY === true ? (context.stdout.columns ?? 80) : undefined);
  for (const line of lines) if (context.stop.aborted || !(await writeText(context.stdout, `${line}\n`))) break;
  if (context.stop.aborted) return interrupted;
  if (rows.length === 0) context.stderr.write('no matching entry in quarantine\n');
  reportDamaged(damaged, context);
  return checkIds(
    selection,
    rows.map(({ id }) => id),
  );
}

/** Maximum length of a reason in a table, if the output is not a terminal. */
const MAX_REASON_LENGTH = 160;
const MAX_CODE_WIDTH = 24;

function rowOf(entry: QuarantineEntry) {
  const { id, time, kind, code, reason } = entry;
  const row = { id, time, kind, code, reason: reason.slice(0, 500) };
  return entry.kind === 'span' ? { ...row, exporter: entry.exporter, traceId: entry.traceId, spanId: entry.spanId } : row;
}

function tableOf(rows: readonly ReturnType<typeof rowOf>[], columns: number | undefined): readonly string[] {
  if (rows.length === 0) return [];
  const cells = rows.map(({ id, time, kind, code, reason }) => [id, time, kind, code, reason].map(printable));
  const all = [['ID', 'TIME', 'KIND', 'CODE', 'REASON'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.min(MAX_CODE_WIDTH, Math.max(...all.map((row) => row[column]?.length ?? 0))));
  const used = widths.reduce((sum, width) => sum + width + 2, 0);
  const reasonWidth = columns === undefined ? MAX_REASON_LENGTH : Math.max(10, columns - used - 1);
  return all.map((row) => [...widths.map((width, column) => fit(row[column] ?? '', width)), cutTo(row[4] ?? '', reasonWidth)].join('  '));
}

async function show({ folder, selection, context }: Task): Promise<Outcome> {
  const shown: string[] = [];
  for await (const entry of selectEntries(folder, selection, () => {})) {
    shown.push(entry.id);
    if (!(await writeText(context.stdout, `${jsonForTerminal(entry, 2)}\n`)) || context.stop.aborted) break;
  }
  if (context.stop.aborted) return interrupted;
  if (shown.length === 0 && selection.ids.size === 0) context.stderr.write('no matching entry in quarantine\n');
  return checkIds(selection, shown);
}

async function drop({ folder, selection, context }: Task, all: boolean): Promise<Outcome> {
  const ids: string[] = [];
  const onProblem = ({ id }: QuarantineProblem): void => {
    if (all || selection.ids.has(id)) ids.push(id);
  };
  for await (const { id } of selectEntries(folder, selection, onProblem)) ids.push(id);
  await removeEntries(folder, ids);
  context.stdout.write(`dropped ${formatEntries(ids.length)}\n`);
  return checkIds(selection, ids);
}

function reportDamaged(damaged: readonly QuarantineProblem[], { stderr }: CommandContext): void {
  const [first] = damaged;
  if (first === undefined) return;
  stderr.write(`${formatCount(damaged.length, 'damaged line')} skipped, the first with the id ${first.id}; drop accepts such ids, too\n`);
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
