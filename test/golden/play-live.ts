import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type CorrelateOptions, type Correlator, createCorrelator } from '../../src/correlate/index.ts';
import { decodeEvent } from '../../src/event/index.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { throughCheckpoint } from '../support/correlator.ts';
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

/** Events that come together. */
export interface ReceivedPost {
  readonly receivedMs: number;
  readonly events: readonly unknown[];
}

export interface HowToPlay {
  /** Time passes while the posts come, as it did when they were recorded; else they come at once. Default true. */
  readonly atOwnPace?: boolean;
  /** The bridge is restarted after every so many posts. Default never. */
  readonly postsPerRun?: number;
}

/** A recording as it happened: each post at its time, and spans as they become due, until a silent hour has closed everything. */
export function playLive(name: string, options: Partial<CorrelateOptions> = {}): Played {
  return play(postsOf(name), {}, options);
}

export function postsOf(name: string): ReceivedPost[] {
  return recordedPosts(name).map(({ receivedMs, body }) => ({ receivedMs, events: eventsOfBody(body) }));
}

/** The same events as of a sender that posts `size` of them at once, and no event later than a second. */
export function inBatches(posts: readonly ReceivedPost[], size: number): ReceivedPost[] {
  const batches: { readonly sinceMs: number; receivedMs: number; readonly events: unknown[] }[] = [];
  for (const { receivedMs, events } of posts) {
    for (const event of events) {
      const last = batches.at(-1);
      if (last === undefined || last.events.length >= size || receivedMs > last.sinceMs + 1000) {
        batches.push({ sinceMs: receivedMs, receivedMs, events: [event] });
        continue;
      }
      last.events.push(event);
      last.receivedMs = receivedMs;
    }
  }
  return batches;
}

/** Plays posts to a correlator until a silent hour has closed everything. */
export function play(
  posts: readonly ReceivedPost[],
  { atOwnPace = true, postsPerRun = Number.POSITIVE_INFINITY }: HowToPlay,
  options: Partial<CorrelateOptions> = {},
): Played {
  const create = (): Correlator<ReadableSpan> => createCorrelator({ mapping: createMapping(), ...options });
  let correlator = create();
  const restart = (): void => {
    correlator = throughCheckpoint(correlator, create());
  };
  const spans: ReadableSpan[] = [];
  let nowMs = posts[0]?.receivedMs ?? 0;
  const passTo = (ms: number): void => {
    nowMs = Math.max(nowMs, ms);
    for (const output of correlator.advance(nowMs)) spans.push(...(output.spans ?? []));
  };
  for (const [index, { receivedMs, events }] of posts.entries()) {
    if (atOwnPace) {
      for (let tickMs = nowMs + TICK_MS; tickMs < receivedMs; tickMs += TICK_MS) passTo(tickMs);
      passTo(receivedMs);
    }
    for (const raw of events) {
      const decoded = decodeEvent(raw);
      if (decoded.ok) correlator.apply(decoded.event, nowMs, receivedMs);
    }
    if ((index + 1) % postsPerRun === 0) restart();
  }
  for (let tick = 0; tick < 400; tick += 1) passTo(nowMs + TICK_MS);
  passTo(nowMs + HOUR_MS);
  const events = posts.flatMap((post) => post.events);
  return { events, spans: readOtlpJsonLines([...otlpJsonLines(spans)].join('')), stats: correlator.stats() };
}
