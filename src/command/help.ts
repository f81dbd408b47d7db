import type { Option } from '../options/index.ts';
import type { Command } from './command.ts';

const WIDTH = 96;

export function programHelp(commands: readonly Command[]): string {
  const longest = Math.max(...commands.map(({ name }) => name.length));
  return [
    "ray-otel-bridge turns Ray's event stream into OpenTelemetry traces.",
    '',
    'Usage: ray-otel-bridge COMMAND [options]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(longest)}  ${summary}`),
    '',
    'Help for a command: ray-otel-bridge COMMAND --help. Version: ray-otel-bridge version.',
    '',
    'Get started:',
    '  ray-otel-bridge demo',
    '  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 ray-otel-bridge serve',
    '',
    'Exit codes: 0 success, 1 runtime error (port in use, unreadable file...), 2 wrong options,',
    '70 a bug in ray-otel-bridge, 130 and 143 ended early by SIGINT or SIGTERM.',
    '',
  ].join('\n');
}

/** The essential options of a command, or all of them. */
export function commandHelp(command: Command, showsAll: boolean): string {
  const { essentials } = command;
  const isShort = essentials !== undefined && !showsAll;
  const options = Object.entries(command.options).flatMap(([key, option]) => (!isShort || essentials.includes(key) ? [option] : []));
  const count = Object.keys(command.options).length;
  const groups = [...new Set(options.map(({ group }) => group))];
  return [
    `Usage: ray-otel-bridge ${command.name} ${command.usage}`,
    '',
    ...command.description.flatMap((paragraph) => [...wrap(paragraph, ''), '']),
    ...groups.flatMap((group) => [`${group}:`, ...options.filter((option) => option.group === group).flatMap(optionHelp), '']),
    ...(options.some(({ env }) => env !== undefined)
      ? [...wrap('A flag takes precedence over its variable. An empty variable counts as unset.', ''), '']
      : []),
    ...(isShort ? [`All ${count} settings: ray-otel-bridge ${command.name} --help-all`, ''] : []),
    'Examples:',
    ...command.examples.flatMap(({ purpose, line }) => [`  # ${purpose}`, `  ${line}`]),
    '',
  ].join('\n');
}

function optionHelp(option: Option<unknown>): readonly string[] {
  const notes = [option.short, option.default === '' ? undefined : `default ${option.default}`, option.env].filter(
    (note) => note !== undefined,
  );
  if (option.flag === '') return [`  ${option.env ?? ''}=${option.placeholder}  (no flag)`, ...wrap(option.help, '      ')];
  return [`  ${option.flag} ${option.placeholder}${notes.length > 0 ? `  (${notes.join(', ')})` : ''}`, ...wrap(option.help, '      ')];
}

function wrap(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
