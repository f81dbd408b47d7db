import { readdirSync, readFileSync } from 'node:fs';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { createMeasure } from '../../src/convert.ts';
import { type CorrelateOptions, createCorrelator } from '../../src/correlate/index.ts';
import { decodeEvent } from '../../src/event/index.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { createSpanMapper } from '../../src/span/index.ts';
import { checkTraces } from '../support/oracle.ts';
import { type FlatSpan, readOtlpJsonLines } from '../support/otlp-spans.ts';
import { eventsOfBody } from '../support/posts.ts';

// The recordings as they happened: each post at its time, spans as they become due. Nothing may come too late that a trace of
// the whole stream would have had, and every rule holds for what was sent piece by piece.

const RECORDINGS = new URL('../fixtures/recordings/', import.meta.url);
const TICK_MS = 250;
const HOUR_MS = 3_600_000;

function sendLive(name: string, options: Partial<CorrelateOptions> = {}) {
  const spansOf = createSpanMapper();
  const correlator = createCorrelator({ measure: createMeasure(spansOf), ...options });
  const spans: ReadableSpan[] = [];
  const events: unknown[] = [];
  let nowMs = 0;
  const passTo = (ms: number): void => {
    nowMs = Math.max(nowMs, ms);
    for (const lifecycle of correlator.advance(nowMs)) spans.push(...spansOf(lifecycle));
  };
  for (const line of readFileSync(new URL(name, RECORDINGS), 'utf8').trim().split('\n')) {
    const { receivedAt, body } = JSON.parse(line) as { receivedAt: number; body: string };
    const receivedMs = receivedAt * 1000;
    const firstTickMs = nowMs === 0 ? receivedMs : nowMs + TICK_MS;
    for (let tickMs = firstTickMs; tickMs < receivedMs; tickMs += TICK_MS) passTo(tickMs);
    passTo(receivedMs);
    for (const raw of eventsOfBody(body)) {
      events.push(raw);
      const decoded = decodeEvent(raw);
      if (decoded.ok) correlator.apply(decoded.event, nowMs);
    }
  }
  for (let tick = 0; tick < 400; tick += 1) passTo(nowMs + TICK_MS);
  passTo(nowMs + HOUR_MS);
  return { events, spans: readOtlpJsonLines([...otlpJsonLines(spans)].join('')), stats: correlator.stats() };
}

describe.each(readdirSync(RECORDINGS).filter((name) => name.endsWith('.ndjson')))('%s', (name) => {
  const { events, spans, stats } = sendLive(name);

  // Until 2.51 a restarted actor runs its creation again as the same attempt, long after that attempt's end was sent.
  const creationRunsAgain = ['features-ray-2.49.0.ndjson', 'features-ray-2.51.1.ndjson'].includes(name);

  it.each([0, 500, 3_000])('has marks beside the same spans, when they are sent after %i ms', (inFlightAfterMs) => {
    const marked = sendLive(name, { inFlight: 'running', inFlightAfterMs });
    const isMark = (span: FlatSpan): boolean => span.attributes['ray.in_flight'] === true;
    const bySpan = (a: FlatSpan, b: FlatSpan): number => (a.traceId + a.spanId < b.traceId + b.spanId ? -1 : 1);
    expect(marked.spans.filter((span) => !isMark(span)).sort(bySpan)).toEqual(spans.toSorted(bySpan));
    const marks = marked.spans.filter(isMark);
    if (inFlightAfterMs === 0) expect(marks.length).toBeGreaterThan(0);
    expect(marks.filter(({ startNs, endNs }) => endNs !== startNs + 1n)).toEqual([]);
    expect(checkTraces(events, marked.spans).filter((text) => text.startsWith('mark '))).toEqual([]);
    expect(checkTraces(events, marked.spans)).toEqual(checkTraces(events, spans));
  });

  it('keeps every rule when its spans are sent as they become due', () => {
    const violations = checkTraces(events, spans);
    expect(creationRunsAgain ? violations.filter((text) => !/^attempt f{16}\w+\/0: ends at/.test(text)) : violations).toEqual([]);
    // Ends of log files, and a DEAD that Ray told twice: nothing that a span would show otherwise.
    expect(stats.late).toBeLessThanOrEqual(2);
    expect(stats).toMatchObject({ openAttempts: 0, openJobs: 0 });
  });
});
