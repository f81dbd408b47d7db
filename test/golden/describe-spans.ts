import type { FlatSpan } from '../support/otlp-spans.ts';

/** Spans as text that a person can read and compare: a tree for each trace, and beneath each span all that it carries. */
export function describeSpans(spans: readonly FlatSpan[]): string {
  const lines: string[] = [];
  for (const [traceId, members] of groupBy(spans, (span) => span.traceId)) {
    lines.push(`trace ${traceId}`);
    const ids = new Set(members.map((span) => span.spanId));
    const children = groupBy(members, (span) => (ids.has(span.parentSpanId) ? span.parentSpanId : ''));
    const show = (span: FlatSpan, depth: number): void => {
      lines.push(...describeSpan(span, '  '.repeat(depth)));
      for (const child of children.get(span.spanId) ?? []) show(child, depth + 1);
    };
    for (const root of children.get('') ?? []) show(root, 1);
  }
  return `${lines.join('\n')}\n`;
}

function describeSpan(span: FlatSpan, indent: string): string[] {
  const status = span.statusCode === 2 ? ` ERROR ${JSON.stringify(span.statusMessage)}` : '';
  const lines = [`${indent}${JSON.stringify(span.name)} ${span.startNs}..${span.endNs}${status}`, `${indent}  | id ${span.spanId} under ${span.parentSpanId || 'nothing'}`];
  lines.push(`${indent}  | on ${pairs(span.resource)}`, `${indent}  | ${pairs(span.attributes)}`);
  for (const event of span.events) lines.push(`${indent}  | at ${event.timeNs} ${event.name} ${pairs(event.attributes)}`.trimEnd());
  for (const link of span.links) lines.push(`${indent}  | to ${link.traceId}/${link.spanId} ${pairs(link.attributes)}`);
  return lines;
}

function pairs(attributes: Readonly<Record<string, unknown>>): string {
  return Object.entries(attributes)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(' ');
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
