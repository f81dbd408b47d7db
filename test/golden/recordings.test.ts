import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { checkTraces } from '../support/oracle.ts';
import { readOtlpJsonLines } from '../support/otlp-spans.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';
import { describeSpans } from './describe-spans.ts';

// Every recording's spans, as they were when a person last looked at them, and beside them the rules that must hold whatever
// the golden says. After a change that was meant: `npx vitest run test/golden -u`, and read the difference.

describe.each(SMALL_RECORDINGS)('%s', (name) => {
  const events = recordedEvents(name);
  const { spans, rejected } = rayEventsToSpans(events);
  const flat = readOtlpJsonLines([...otlpJsonLines(spans)].join(''));

  it('is decoded whole', () => {
    expect(events.length).toBeGreaterThan(30);
    expect(rejected).toEqual([]);
  });

  it('keeps every rule', () => {
    expect(checkTraces(events, flat)).toEqual([]);
  });

  it('is as it was', async () => {
    await expect(describeSpans(flat)).toMatchFileSnapshot(`expected/${name.replace(/\.ndjson(\.gz)?$/, '.txt')}`);
  });

  it('keeps every rule when nested flat', () => {
    const nested = readOtlpJsonLines([...otlpJsonLines(rayEventsToSpans(events, { nesting: 'flat' }).spans)].join(''));
    expect(checkTraces(events, nested, { nesting: 'flat' })).toEqual([]);
  });

  // Failed attempts stay whole. Where there are many, the last come after the phases of the first were sent: 60 spans are too few.
  const budgets = /^(?:odd-errors|endings|tune-serve)-/.test(name) ? [80, 100, 150] : [60, 100, 150];

  it.each(budgets)('keeps every rule with a budget of %i spans', (maxSpansPerTrace) => {
    const folded = readOtlpJsonLines([...otlpJsonLines(rayEventsToSpans(events, { maxSpansPerTrace }).spans)].join(''));
    expect(checkTraces(events, folded, { maxSpansPerTrace })).toEqual([]);
  });
});
