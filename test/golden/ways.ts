import { rayEventsToSpans, type ReceivedEvent, receivedEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { type FlatSpan, readOtlpJsonLines } from '../support/otlp-spans.ts';
import { inBatches, play, type ReceivedPost } from './play-live.ts';

/** The ways in which one stream reaches a bridge, each with the spans that it makes then. */

type Way = (posts: readonly ReceivedPost[]) => readonly FlatSpan[];

/** With which the others are compared. */
export const CONVERT: Way = (posts) => flat(receivedEventsToSpans(posts.flatMap(eventsOf)));

export const WAYS = {
  'convert, without receive times': (posts) => flat(rayEventsToSpans(posts.flatMap(({ events }) => events))),
  'as fast as possible': (posts) => play(posts, { atOwnPace: false }).spans,
  'at its own pace': (posts) => play(posts, {}).spans,
} satisfies Readonly<Record<string, Way>>;

/** Which take longer. */
export const SLOW_WAYS = {
  'in posts of seven events, restarted after every fifth': (posts) => play(inBatches(posts, 7), { postsPerRun: 5 }).spans,
  'one event at a time': (posts) => play(inBatches(posts, 1), {}).spans,
  'in posts of a thousand events': (posts) => play(inBatches(posts, 1000), {}).spans,
  'restarted after every post': (posts) => play(posts, { postsPerRun: 1 }).spans,
  'as fast as possible, restarted in the middle': (posts) =>
    play(posts, { atOwnPace: false, postsPerRun: Math.ceil(posts.length / 2) }).spans,
} satisfies Readonly<Record<string, Way>>;

function eventsOf({ receivedMs, events }: ReceivedPost): ReceivedEvent[] {
  return events.map((event) => ({ event, receivedMs }));
}

function flat({ spans }: ReturnType<typeof rayEventsToSpans>): FlatSpan[] {
  return readOtlpJsonLines([...otlpJsonLines(spans)].join(''));
}
