import { printable } from '../runtime/index.ts';
import { formatCount, textWidth } from '../terminal/index.ts';
import { type Diagnosis, type DiagnosedFinding, type DiagnosedUnknown, hasFault } from './diagnosis.ts';

export interface RenderOptions {
  /** Columns to wrap at. Undefined disables wrapping, for files and pipes. */
  readonly width: number | undefined;
  readonly color: boolean;
}

type Style = 'red' | 'yellow' | 'cyan' | 'green' | 'bold' | 'dim';
type Paint = (style: Style, text: string) => string;

const ANSI_CODES: Readonly<Record<Style, number>> = { red: 31, yellow: 33, cyan: 36, green: 32, bold: 1, dim: 2 };
const MIN_WIDTH = 50;
/** Places that are named. Further places are counted. */
const MAX_PLACES = 5;

/** Renders the diagnosis for people: findings first, each with its fix and reason. Pure. Escapes unsafe characters. */
export function renderDiagnosis(diagnosis: Diagnosis, { width, color }: RenderOptions): string {
  const paint: Paint = (style, text) => (color ? `\u001b[${ANSI_CODES[style]}m${text}\u001b[0m` : text);
  const wrapped = (mark: string, text: string): readonly string[] => wrap(printable(text), width, mark);
  const lines = [
    ...diagnosis.findings.flatMap((each) => [...findingLines(each, paint, wrapped), '']),
    ...diagnosis.unknown.flatMap((each) => unknownLines(each, paint, wrapped)),
    ...(diagnosis.unknown.length > 0 ? [''] : []),
    ...diagnosis.well.flatMap(({ what }) => paintFirst(wrapped('✓ ', what), (mark) => paint('green', mark))),
    ...(diagnosis.well.length > 0 ? [''] : []),
    paint('bold', summary(diagnosis)),
  ];
  return `${lines.join('\n')}\n`;
}

type Wrapped = (mark: string, text: string) => readonly string[];

function findingLines({ code, severity, where, what, why, fix }: DiagnosedFinding, paint: Paint, wrapped: Wrapped): readonly string[] {
  const isFault = severity === 'fault';
  const style = isFault ? 'red' : 'yellow';
  return [
    ...paintFirst(
      wrapped(isFault ? '✗ ' : '! ', `${code}: ${withPlaces(where, what)}`),
      (mark) => paint(style, mark),
      (text) => text.replace(code, paint(style, code)),
    ),
    ...wrapped('  fix: ', fix),
    ...wrapped('  why: ', why).map((line) => paint('dim', line)),
  ];
}

function unknownLines({ where, what, fix }: DiagnosedUnknown, paint: Paint, wrapped: Wrapped): readonly string[] {
  return [
    ...paintFirst(wrapped('? ', `unknown: ${withPlaces(where, what)}`), (mark) => paint('cyan', mark)),
    ...wrapped('  to find out: ', fix),
  ];
}

function paintFirst(
  lines: readonly string[],
  mark: (text: string) => string,
  rest: (text: string) => string = (text) => text,
): readonly string[] {
  const [first = '', ...others] = lines;
  return [mark(first.slice(0, 1)) + rest(first.slice(1)), ...others];
}

/** `what` with its places in front. Leaves out a single place that `what` already names. */
function withPlaces(where: readonly string[], what: string): string {
  const [only] = where;
  if (only === undefined || (where.length === 1 && what.includes(only.replace(/ \(.*\)$/, '')))) return what;
  const named = where.slice(0, MAX_PLACES).join(', ');
  return `${named}${where.length > MAX_PLACES ? ` and ${formatCount(where.length - MAX_PLACES, 'other')}` : ''}: ${what}`;
}

function summary(diagnosis: Diagnosis): string {
  const faults = diagnosis.findings.filter(({ severity }) => severity === 'fault').length;
  const warnings = diagnosis.findings.length - faults;
  const parts = [
    ...(hasFault(diagnosis) ? [formatCount(faults, 'fault')] : ['no fault found']),
    ...(warnings > 0 ? [formatCount(warnings, 'warning')] : []),
    ...(diagnosis.unknown.length > 0 ? [`${diagnosis.unknown.length} unknown`] : []),
    `${diagnosis.well.length} passed`,
  ];
  return parts.join(', ');
}

function wrap(text: string, width: number | undefined, mark: string): readonly string[] {
  if (width === undefined) return [mark + text];
  const indent = ' '.repeat(mark.length);
  const lines: string[] = [];
  let line = mark;
  for (const word of text.split(' ')) {
    const isEmpty = line === mark || line === indent;
    if (!isEmpty && textWidth(line) + textWidth(word) > Math.max(MIN_WIDTH, width - 2)) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
