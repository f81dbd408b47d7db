import { printable } from '../runtime/index.ts';
import type { Output } from './command.ts';

/** Colours of the levels, as terminals number them. */
const COLORS: ReadonlyMap<unknown, number> = new Map([
  ['trace', 90],
  ['debug', 90],
  ['info', 32],
  ['warn', 33],
  ['error', 31],
  ['fatal', 31],
]);
const LEVEL_WIDTH = 5;
/** Fields that a person does not need beside the message. */
const HIDDEN: readonly string[] = ['level', 'time', 'msg', 'event'];

/** Writes JSON log lines for a person at a terminal: `21:48:53 WARN  message  key=value`. */
export function readableLogLines(output: Output, hasColor: boolean): { write(line: string): void } {
  return {
    write(line) {
      output.write(`${readable(line, hasColor)}\n`);
    },
  };
}

function readable(line: string, hasColor: boolean): string {
  const fields = parsed(line);
  if (fields === undefined) return printable(line.trimEnd());
  const { level, time, msg } = fields;
  const word = printable((typeof level === 'string' ? level : 'log').toUpperCase()).padEnd(LEVEL_WIDTH);
  const shown = hasColor ? `\u001b[${COLORS.get(level) ?? 0}m${word}\u001b[0m` : word;
  const clock = new Date(typeof time === 'string' ? time : 0).toLocaleTimeString('en-GB');
  const rest = Object.entries(fields).flatMap(([name, value]) => (HIDDEN.includes(name) ? [] : [`${printable(name)}=${valueText(value)}`]));
  return [clock, shown, printable(typeof msg === 'string' ? msg : ''), ...(rest.length === 0 ? [] : [` ${rest.join(' ')}`])].join(' ');
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** A text without spaces as it is, everything else as JSON. */
function valueText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? printable(value) : printable(JSON.stringify(value) ?? '');
}
