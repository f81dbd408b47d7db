import { printable } from '../runtime/index.ts';
import { failure, success } from '../runtime/index.ts';
import type { Option } from '../options/index.ts';
import { jsonForTerminal } from '../terminal/index.ts';

const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type OutputFormat = (typeof FORMATS)[number];

export const OUTPUT_OPTION = {
  flag: '--output',
  short: '-o',
  placeholder: '<format>',
  default: 'table',
  parse: (text: string) => {
    const format = FORMATS.find((each) => each === text);
    return format === undefined ? failure(`must be one of ${FORMATS.join(', ')}`) : success(format);
  },
  group: 'Output',
  help: 'wide adds columns and never cuts them; json and yaml print the answer of the API; name prints ids only.',
} as const satisfies Option<OutputFormat>;

/** The answer of the API as JSON or YAML, without characters that steer a terminal. */
export function serialized(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? jsonForTerminal(value, 2) : yamlLines(value).join('\n');
}

/** YAML of plain JSON data. Texts are always quoted, which is valid for every text. */
function yamlLines(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return ['[]'];
    return value.flatMap((item: unknown) => yamlLines(item).map((line, index) => `${index === 0 ? '- ' : '  '}${line}`));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return ['{}'];
    return entries.flatMap(([name, item]: [string, unknown]) => {
      const key = /^[A-Za-z_]\w*$/.test(name) ? name : scalar(name);
      const lines = yamlLines(item);
      return isNested(item) ? [`${key}:`, ...lines.map((line) => `  ${line}`)] : [`${key}: ${lines[0] ?? ''}`];
    });
  }
  return [scalar(value)];
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function scalar(value: unknown): string {
  return typeof value === 'string' ? printable(JSON.stringify(value)) : JSON.stringify(value);
}
