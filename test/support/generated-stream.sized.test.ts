import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { type GeneratedStreamOptions, generatedPosts, generatedStream } from './generated-stream.ts';
import { checkTraces } from './oracle.ts';
import { readOtlpJsonLines } from './otlp-spans.ts';
import { eventsOfBody } from './posts.ts';
import { isDriver, readFacts } from './ray-facts.ts';
import { sized } from './sized.ts';

type Json = Readonly<Record<string, unknown>>;

const eventsOf = (options: GeneratedStreamOptions): unknown[] => generatedStream(options).posts.flatMap(eventsOfBody);
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const record = (value: unknown): Json => (isObject(value) ? value : {});

describe('a generated stream', () => {
  it('has the bytes of a post as Python writes them', () => {
    const [first = ''] = generatedStream({ seed: 1, jobs: 1, tasksPerJob: 10 }).posts;
    const pythonJson = (value: unknown): string => {
      if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
      if (!isObject(value)) return JSON.stringify(value);
      return `{${Object.entries(value)
        .map(([key, inner]) => `${JSON.stringify(key)}: ${pythonJson(inner)}`)
        .join(', ')}}`;
    };
    expect(first.replaceAll('.0,', ',').replaceAll('.0}', '}')).toBe(pythonJson(JSON.parse(first)));
  });

  it('is the same for the same seed, and another for another', () => {
    const hash = (seed: number): string =>
      createHash('sha256')
        .update(generatedStream({ seed, jobs: 3, tasksPerJob: 200, profiles: 0.5, openTasks: 20 }).posts.join('\n'))
        .digest('hex');
    expect(hash(1)).toBe(hash(1));
    expect(hash(1)).not.toBe(hash(2));
  });

  it('never repeats an event id or a task', () => {
    const ids = eventsOf({ seed: 3, jobs: 2, tasksPerJob: sized(500, 3000) }).map((event) => record(event)['eventId']);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each<[string, Partial<GeneratedStreamOptions>]>([
    ['the default mix', {}],
    ['retries and failures', { retried: 0.4, failed: 0.2 }],
    ['lost definitions', { lost: 0.3, profiles: 0.5 }],
    ['callers that are tried again', { actors: 0, parents: 0.5, fanOut: 6, depth: 3, retried: 0.5 }],
    ['deep and wide calls', { actors: 0, parents: 0.3, fanOut: 12, depth: 6 }],
    ['actors alone', { actors: 1 }],
    ['jobs without an end, and open attempts', { endlessJobs: 1, openTasks: 100 }],
    ['the older shape', { release: '2.54' }],
    ['a runtime environment', { runtimeEnv: '{"env_vars": {"PASSWORD": "planted-secret"}}' }],
  ])('becomes spans that keep every rule: %s', (_name, options) => {
    const { posts, summary } = generatedStream({ seed: 11, jobs: 3, tasksPerJob: sized(40, 300), ...options });
    const events = posts.flatMap(eventsOfBody);
    const { spans, rejected } = rayEventsToSpans(events, { maxSpansPerTrace: 0, maxBytesPerTrace: 0 });
    const flat = readOtlpJsonLines([...otlpJsonLines(spans)].join(''));
    expect(rejected).toEqual([]);
    expect(checkTraces(events, flat, { plantedSecrets: ['planted-secret'] })).toEqual([]);
    const facts = [...readFacts(events).sessions.values()];
    const attempts = facts.flatMap((session) => [...session.attempts.values()]).filter((one) => !isDriver(one.taskId));
    const count = (state: string): number => attempts.filter(({ states }) => states.some((one) => one.state === state)).length;
    expect(summary).toMatchObject({
      posts: posts.length,
      events: events.length,
      bytes: posts.reduce((sum, post) => sum + Buffer.byteLength(post), 0),
      attempts: attempts.length,
      finished: count('FINISHED'),
      failed: count('FAILED'),
      unended: attempts.length - count('FINISHED') - count('FAILED'),
    });
  });

  it('posts 10,000 events of about 8 MB as older releases did', () => {
    const [first = ''] = generatedStream({ seed: 1, release: '2.54', jobs: 1, tasksPerJob: 3000, runtimeEnv: '{}' }).posts;
    expect(eventsOfBody(first)).toHaveLength(10_000);
    expect(Buffer.byteLength(first) / 1e6).toBeGreaterThan(7);
  });

  it('remembers no more of a long stream than of a short one', () => {
    const posts = generatedPosts({ seed: 1, jobs: 1, tasksPerJob: 1_000_000_000, windowMs: 100 });
    let length = 0;
    for (let taken = 0; taken < 50; taken += 1) {
      const { value } = posts.next();
      if (typeof value === 'string') length += value.length;
    }
    expect(length).toBeGreaterThan(30_000_000);
  });
});
