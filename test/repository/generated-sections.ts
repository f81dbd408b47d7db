import { join } from 'node:path';
import { RAY_EVENT_TYPES } from '../../src/command/index.ts';
import { SETTINGS } from '../../src/config.ts';
import { rayEventsToSpans } from '../../src/convert.ts';
import { FINDINGS } from '../../src/doctor/index.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { ATTRIBUTES, type AttributeRow } from '../../src/span/index.ts';
import { renderTraceTree } from '../../src/terminal/index.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { readProjectFile, repositoryRoot } from './source-tree.ts';

export interface IdentityVector {
  readonly kind: string;
  readonly session: string;
  readonly parts: readonly string[];
  readonly id: string;
}

export function readIdentityVectors(): readonly IdentityVector[] {
  return JSON.parse(readProjectFile('test/fixtures/identity-vectors.json')) as IdentityVector[];
}

/** The sections of the README that are made of the code, by the name in their marks. */
export const sections: Readonly<Record<string, () => string>> = {
  tree: traceTree,
  'event-types': () => fenced(`RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES=${RAY_EVENT_TYPES.join(',')}`),
  settings: () =>
    table(
      ['flag', 'variable', 'default', 'what it does'],
      Object.values(SETTINGS).map(({ flag, env, placeholder, default: unset, help }) => [
        flag === '' ? '(none)' : code(`${flag} ${placeholder}`),
        code(flag === '' ? `${env}=${placeholder}` : env),
        unset === '' ? '' : code(unset),
        help,
      ]),
    ),
  attributes: () =>
    table(
      ['attribute', 'type', 'on', 'meaning'],
      Object.entries<AttributeRow>(ATTRIBUTES).map(([key, { type, on, meaning }]) => [code(key), type, on.join(', '), meaning]),
    ),
  metrics: () =>
    table(
      ['metric', 'type', 'labels', 'meaning'],
      Object.values(METRICS).map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help]),
    ),
  findings: () =>
    table(
      ['code', 'severity', 'what is wrong'],
      Object.entries(FINDINGS).map(([name, { severity, meaning }]) => [code(name), severity, meaning]),
    ),
  identity: () =>
    table(
      ['kind', 'session', 'parts', 'id'],
      readIdentityVectors().map(({ kind, session, parts, id }) => [code(kind), code(session), parts.map(code).join(' '), code(id)]),
    ),
};

/** The document with every marked section made anew. Throws when a section of the table has no marks in it. */
export function withSections(document: string): string {
  let text = document;
  for (const [name, render] of Object.entries(sections)) {
    const [begin, end] = [`<!-- begin ${name}: made by npm run docs -->`, `<!-- end ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`The README has no marks for the section ${name}: ${begin} ... ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${render()}\n\n${text.slice(to)}`;
  }
  return text;
}

function traceTree(): string {
  const { spans } = rayEventsToSpans(readRecordedEvents(join(repositoryRoot, 'examples/demo/events.ndjson.gz')));
  const job = spans.find(({ name }) => name.startsWith('job '));
  const trace = spans.filter((span) => span.spanContext().traceId === job?.spanContext().traceId);
  return fenced(renderTraceTree(trace, { width: 96, color: false, maxLines: 22 }).trimEnd());
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

function code(text: string): string {
  return `\`${text}\``;
}
