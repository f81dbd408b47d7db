import { RAY_EVENT_TYPES } from '../../src/event/index.ts';
import { join } from 'node:path';
import { type Command, COMMANDS } from '../../src/command/index.ts';
import { SETTINGS } from '../../src/config.ts';
import { rayEventsToSpans } from '../../src/convert.ts';
import { FINDINGS } from '../../src/doctor/index.ts';
import { type Option } from '../../src/options/index.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { ATTRIBUTES, type AttributeRow } from '../../src/span/index.ts';
import { renderTraceTree } from '../../src/terminal/index.ts';
import { openApiDocument } from '../../src/view/openapi.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { projectFiles, readProjectFile, repositoryRoot } from './source-tree.ts';

export interface IdentityVector {
  readonly kind: string;
  readonly session: string;
  readonly parts: readonly string[];
  readonly id: string;
}

export function readIdentityVectors(): readonly IdentityVector[] {
  return JSON.parse(readProjectFile('test/fixtures/identity-vectors.json')) as IdentityVector[];
}

/** Renders each section of the documentation that the code determines, by the name in its markers. */
export const sections: Readonly<Record<string, () => string>> = {
  tree: traceTree,
  'event-types': () => fenced(`RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES=${RAY_EVENT_TYPES.join(',')}`),
  commands: () => COMMANDS.map(commandReference).join('\n\n'),
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
  endpoints: () => table(['path', 'answer', 'parameters'], Object.entries(apiPaths()).map(endpointRow)),
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

const marker = /<!-- begin ([a-z-]+): made by npm run docs -->/g;

/** Names of the sections that a page has markers for. */
export function sectionsOf(page: string): readonly string[] {
  return [...page.matchAll(marker)].map(([, name]) => name ?? '');
}

/** Pages with at least one generated section: the README and everything under `docs/`. */
export function generatedPages(): ReadonlyMap<string, string> {
  const pages = ['README.md', ...projectFiles('docs').filter((path) => path.endsWith('.md'))];
  return new Map(pages.map((path) => [path, readProjectFile(path)] as const).filter(([, text]) => sectionsOf(text).length > 0));
}

/** The page with each of its generated sections rendered again. Throws on an unknown section and on a missing end marker. */
export function withSections(page: string): string {
  let text = page;
  for (const name of sectionsOf(page)) {
    const [begin, end] = [`<!-- begin ${name}: made by npm run docs -->`, `<!-- end ${name} -->`];
    const render = sections[name];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (render === undefined) throw new Error(`${name} is not a generated section`);
    if (to < from) throw new Error(`The section ${name} has no end marker: ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${render()}\n\n${text.slice(to)}`;
  }
  return text;
}

function commandReference({ name, usage, description, options, examples }: Command): string {
  const rows = Object.values(options);
  return [
    `## ${name}`,
    fenced(`ray-otel-bridge ${name} ${usage}`),
    ...description.map(escapeAngles),
    // The options of `serve` are the settings: they have a page of their own.
    ...(options === SETTINGS
      ? ['Options: [settings](settings.md).']
      : [table(['option', 'variable', 'default', 'what it does'], rows.map(optionRow))]),
    fenced(examples.map(({ purpose, line }) => `# ${purpose}\n${line}`).join('\n'), 'sh'),
  ].join('\n\n');
}

function optionRow({ flag, env = '', placeholder, default: unset, help, isSwitch }: Option<unknown>): readonly string[] {
  const shown = isSwitch === true ? flag : `${flag} ${placeholder}`;
  return [flag === '' ? '(none)' : code(shown), env === '' ? '' : code(env), unset === '' ? '' : code(unset), escapeAngles(help)];
}

interface ApiOperation {
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
}

function apiPaths(): Readonly<Record<string, { readonly get: ApiOperation }>> {
  return openApiDocument()['paths'] as Readonly<Record<string, { readonly get: ApiOperation }>>;
}

function endpointRow([path, { get }]: readonly [string, { readonly get: ApiOperation }]): readonly string[] {
  const parameters = get.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => code(name));
  return [code(`GET ${path}`), escapeAngles(get.summary), parameters.join(', ')];
}

function traceTree(): string {
  const { spans } = rayEventsToSpans(readRecordedEvents(join(repositoryRoot, 'examples/demo/events.ndjson.gz')));
  const job = spans.find(({ name }) => name.startsWith('job '));
  const trace = spans.filter((span) => span.spanContext().traceId === job?.spanContext().traceId);
  return fenced(renderTraceTree(trace, { width: 96, color: false, maxLines: 12 }).trimEnd());
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function fenced(text: string, language = 'text'): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** Text outside backticks with `<` escaped: Markdown would take `<name>` for an HTML tag. */
function escapeAngles(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part))
    .join('');
}

function code(text: string): string {
  return `\`${text}\``;
}
