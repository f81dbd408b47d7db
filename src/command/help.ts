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
    'ray-otel-bridge COMMAND --help tells more; ray-otel-bridge --version tells the version.',
    '',
    'Begin with:',
    '  ray-otel-bridge demo',
    '  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 ray-otel-bridge serve',
    '',
    'Exit codes: 0 all went well, 1 trouble (a port in use, a file that cannot be read...), 2 wrong options, 70 a bug.',
    '',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const options = Object.values(command.options);
  const groups = [...new Set(options.map(({ group }) => group))];
  return [
    `Usage: ray-otel-bridge ${command.name} ${command.usage}`,
    '',
    ...command.description.flatMap((paragraph) => [...wrap(paragraph, ''), '']),
    ...groups.flatMap((group) => [`${group}:`, ...options.filter((option) => option.group === group).flatMap(optionHelp), '']),
    ...(options.some(({ env }) => env !== undefined)
      ? [...wrap('A flag wins over its variable; an empty variable counts as unset.', ''), '']
      : []),
    'Examples:',
    ...command.examples.flatMap(({ says, line }) => [`  # ${says}`, `  ${line}`]),
    '',
  ].join('\n');
}

function optionHelp(option: Option<unknown>): readonly string[] {
  const facts = [option.default === '' ? undefined : `default ${option.default}`, option.env].filter((fact) => fact !== undefined);
  if (option.flag === '') return [`  ${option.env ?? ''}=${option.placeholder}  (no flag)`, ...wrap(option.help, '      ')];
  return [`  ${option.flag} ${option.placeholder}${facts.length > 0 ? `  (${facts.join(', ')})` : ''}`, ...wrap(option.help, '      ')];
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
