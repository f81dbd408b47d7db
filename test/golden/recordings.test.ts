import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { checkTraces } from '../support/oracle.ts';
import { readOtlpJsonLines } from '../support/otlp-spans.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { describeSpans } from './describe-spans.ts';

// Every recording's spans, as they were when a person last looked at them, and beside them the rules that must hold whatever
// the golden says. After a change that was meant: `npx vitest run test/golden -u`, and read the difference.

const RECORDINGS = new URL('../fixtures/recordings/', import.meta.url);

describe.each(readdirSync(RECORDINGS).filter((name) => name.endsWith('.ndjson')))('%s', (name) => {
  const events = readRecordedEvents(new URL(name, RECORDINGS).pathname);
  const { spans, rejected } = rayEventsToSpans(events);
  const flat = readOtlpJsonLines([...otlpJsonLines(spans)].join(''));

  it('is decoded whole', () => {
    expect(events.length).toBeGreaterThan(50);
    expect(rejected).toEqual([]);
  });

  it('keeps every rule', () => {
    expect(checkTraces(events, flat)).toEqual([]);
  });

  it('is as it was', async () => {
    await expect(describeSpans(flat)).toMatchFileSnapshot(`expected/${name.replace('.ndjson', '.txt')}`);
  });

  it('keeps every rule when nested flat', () => {
    const nested = readOtlpJsonLines([...otlpJsonLines(rayEventsToSpans(events, { nesting: 'flat' }).spans)].join(''));
    expect(checkTraces(events, nested, { nesting: 'flat' })).toEqual([]);
  });

  it.each([60, 100, 150])('keeps every rule with a budget of %i spans', (maxSpansPerTrace) => {
    const folded = readOtlpJsonLines([...otlpJsonLines(rayEventsToSpans(events, { maxSpansPerTrace }).spans)].join(''));
    expect(checkTraces(events, folded, { maxSpansPerTrace })).toEqual([]);
  });
});
