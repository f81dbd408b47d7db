import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { eventsOfBody } from './posts.ts';

/** What a Ray cluster posted in one request. */
export interface RecordedPost {
  readonly receivedMs: number;
  /** Text of the request's body. */
  readonly body: string;
}

const FIXTURES = new URL('../fixtures/', import.meta.url);
const FOLDER = new URL('recordings/', FIXTURES);

/** File names of all recordings but the load of 20,000 tasks, which a test that runs on every recording cannot afford. */
export const SMALL_RECORDINGS: readonly string[] = readdirSync(FOLDER).filter(
  (name) => name.includes('.ndjson') && !name.startsWith('load'),
);

/** Small streams that once gave wrong spans, as paths for `recordedPosts`. */
export const CASES: readonly string[] = readdirSync(new URL('cases/', FIXTURES)).map((name) => `../cases/${name}`);

const read = new Map<string, readonly RecordedPost[]>();

/** The posts of a recording, in order of arrival. Each process reads a recording once. */
export function recordedPosts(name: string): readonly RecordedPost[] {
  const posts = read.get(name) ?? readPosts(name);
  read.set(name, posts);
  return posts;
}

function readPosts(name: string): RecordedPost[] {
  const bytes = readFileSync(new URL(name, FOLDER));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { receivedAt, body } = JSON.parse(line) as { receivedAt: number; body: string };
      return { receivedMs: receivedAt * 1000, body };
    });
}

/** The events of a recording, in order of arrival. */
export function recordedEvents(name: string): unknown[] {
  return recordedPosts(name).flatMap(({ body }) => eventsOfBody(body));
}
