import type { FlatSpan } from '../support/otlp-spans.ts';

/** What differs between two results for one stream, one line a span: its name, and each field with both values. */
export function differencesOf(expected: readonly FlatSpan[], actual: readonly FlatSpan[]): string[] {
  const [before, after] = [bySpan(expected), bySpan(actual)];
  const lines: string[] = [];
  for (const [id, one] of before) {
    const other = after.get(id);
    if (other === undefined) lines.push(`${one.name}: missing`);
    else lines.push(...fieldDifferences(one, other));
  }
  for (const [id, { name }] of after) if (!before.has(id)) lines.push(`${name}: additional`);
  if (after.size !== actual.length) lines.push(`${actual.length - after.size} spans came twice`);
  return lines.sort();
}

function bySpan(spans: readonly FlatSpan[]): Map<string, FlatSpan> {
  return new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, span]));
}

function fieldDifferences(one: FlatSpan, other: FlatSpan): string[] {
  const [before, after] = [fieldsOf(one), fieldsOf(other)];
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((field) => before.get(field) !== after.get(field));
  if (changed.length === 0) return [];
  const texts = changed.map((field) => `${field} ${before.get(field) ?? 'none'} -> ${after.get(field) ?? 'none'}`);
  return [`${one.name}: ${texts.join(', ')}`];
}

function fieldsOf({ attributes, ...span }: FlatSpan): Map<string, string> {
  return new Map([...Object.entries(span), ...Object.entries(attributes)].map(([field, value]) => [field, textOf(value)]));
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}
