import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The events of a recording (one line a post, `{"body": text}`; `.gz` too), in order of arrival. */
export function readRecordedEvents(path: string): unknown[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : eventsOfBody(bodyOfLine(line))));
}

/** The events of one posted body. */
export function eventsOfBody(body: string): unknown[] {
  const parsed: unknown = JSON.parse(body);
  return Array.isArray(parsed) ? parsed : [parsed];
}

function bodyOfLine(line: string): string {
  const post: unknown = JSON.parse(line);
  if (typeof post !== 'object' || post === null || !('body' in post) || typeof post.body !== 'string')
    throw new Error('not a line of a recording');
  return post.body;
}
