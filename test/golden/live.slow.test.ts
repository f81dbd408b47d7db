import { describe, expect, it } from 'vitest';
import { checkTraces } from '../support/oracle.ts';
import type { FlatSpan } from '../support/otlp-spans.ts';
import { SMALL_RECORDINGS } from '../support/recordings.ts';
import { playLive } from './play-live.ts';
import { sized } from '../support/sized.ts';

// The recordings as they happened: each post at its time, spans as they become due. Nothing may come too late that a trace of
// the whole stream would have had, and every rule holds for what was sent piece by piece.

describe.each(SMALL_RECORDINGS.filter((_, index) => index % sized(2, 1) === 0))('%s', (name) => {
  const { events, spans, stats } = playLive(name);

  it.each(sized([500], [0, 500, 3_000]))('has marks beside the same spans, when they are sent after %i ms', (inFlightAfterMs) => {
    const reportedInFlight = playLive(name, { inFlight: 'running', inFlightAfterMs });
    const isMark = (span: FlatSpan): boolean => span.attributes['ray.in_flight'] === true;
    const bySpan = (a: FlatSpan, b: FlatSpan): number => (a.traceId + a.spanId < b.traceId + b.spanId ? -1 : 1);
    expect(reportedInFlight.spans.filter((span) => !isMark(span)).sort(bySpan)).toEqual(spans.toSorted(bySpan));
    const marks = reportedInFlight.spans.filter(isMark);
    if (inFlightAfterMs === 0) expect(marks.length).toBeGreaterThan(0);
    expect(marks.filter(({ startNs, endNs }) => endNs !== startNs + 1n)).toEqual([]);
    expect(checkTraces(events, reportedInFlight.spans).filter((text) => text.startsWith('mark '))).toEqual([]);
    expect(checkTraces(events, reportedInFlight.spans)).toEqual(checkTraces(events, spans));
  });

  it('keeps every rule when its spans are sent as they become due', () => {
    expect(checkTraces(events, spans)).toEqual([]);
    // Log files, profile phases, and a repeated DEAD, after everything that the attempt waits for.
    expect(stats.late).toBeLessThanOrEqual(4);
    expect(stats).toMatchObject({ openAttempts: 0, openJobs: 0 });
  });
});
