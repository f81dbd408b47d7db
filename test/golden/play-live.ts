import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type CorrelateOptions, type Correlator, createCorrelator } from '../../src/correlate/index.ts';
import { decodeEvent } from '../../src/event/index.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { type FlatSpan, readOtlpJsonLines } from '../support/otlp-spans.ts';
import { eventsOfBody } from '../support/posts.ts';
import { recordedPosts } from '../support/recordings.ts';

const TICK_MS = 250;
const HOUR_MS = 3_600_000;

export interface Played {
  readonly events: readonly unknown[];
  readonly spans: readonly FlatSpan[];
  readonly stats: ReturnType<Correlator['stats']>;
}

/** A recording as it happened: each post at its time, and spans as they become due, until a silent hour has closed everything. */
export function playLive(name: string, options: Partial<CorrelateOptions> = {}): Played {
  const correlator = createCorrelator({ mapping: createMapping(), ...options });
  const spans: ReadableSpan[] = [];
  const events: unknown[] = [];
  let nowMs = 0;
  const passTo = (ms: number): void => {
    nowMs = Math.max(nowMs, ms);
    for (const output of correlator.advance(nowMs)) spans.push(...(output.spans ?? []));
  };
  for (const { receivedMs, body } of recordedPosts(name)) {
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
