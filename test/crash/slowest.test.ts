import { afterAll, beforeAll, expect, it } from 'vitest';
import { spanId } from '../support/identity.ts';
import { hexToBase64, JOB_ID, rawDefinition, rawEvent, rawLifecycle } from '../support/raw-events.ts';
import { buildPrograms, type Programs } from './build.ts';
import { matrixReport } from './matrix-sizes.ts';
import { runMatrix } from './matrix.ts';
import { createRandom } from './random.ts';
import type { SpanRecord } from './sink.ts';

const SESSION = 'session_2026-11-27_10-00-00_000001_1';
const FUNCTIONS = ['extract', 'transform'];
const ATTEMPTS = 6_000;
const ATTEMPTS_PER_POST = 100;
const DRIVER = hexToBase64(`${'f'.repeat(40)}01000000`);

let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});
afterAll(() => programs.remove());

const random = createRandom(11);
const durationsMs = Array.from({ length: ATTEMPTS }, () => Math.round(1 + random.next() ** 6 * 100_000));

function taskOf(number: number): string {
  return (number + 1).toString(16).padStart(16, '0') + 'f'.repeat(24) + '01000000';
}

const inSession = { sessionName: SESSION };
let events = 0;

function timed(state: string, ms: number): { readonly state: string; readonly timestamp: string } {
  return { state, timestamp: new Date(1_795_600_000_000 + ms).toISOString() };
}

function withIdentity(event: Record<string, unknown>): Record<string, unknown> {
  events += 1;
  return { ...event, ...inSession, eventId: hexToBase64(events.toString(16).padStart(56, '0')) };
}

function attempt(number: number): Record<string, unknown>[] {
  const taskId = hexToBase64(taskOf(number));
  const taskName = FUNCTIONS[number % FUNCTIONS.length];
  const runningMs = number * 10;
  const states = [timed('RUNNING', runningMs), timed('FINISHED', runningMs + (durationsMs[number] ?? 0))];
  return [rawDefinition({ taskId, taskName, parentTaskId: DRIVER }), rawLifecycle({ taskId, stateTransitions: states })];
}

function jobState(state: string, ms: number): Record<string, unknown> {
  return rawEvent('DRIVER_JOB_LIFECYCLE_EVENT', 'driverJobLifecycleEvent', { jobId: JOB_ID, stateTransitions: [timed(state, ms)] });
}

function bodies(): string[] {
  const posts = Array.from({ length: ATTEMPTS / ATTEMPTS_PER_POST }, (_, post) =>
    Array.from({ length: ATTEMPTS_PER_POST }, (__, index) => attempt(post * ATTEMPTS_PER_POST + index)).flat(),
  );
  return [[jobState('CREATED', 0)], ...posts, [jobState('FINISHED', ATTEMPTS * 10 + 200_000)]].map((post) =>
    JSON.stringify(post.map(withIdentity)),
  );
}

/** The ten slowest attempts of each function that have no span. */
function slowestWithout({ spans }: SpanRecord): string[] {
  const sent = new Set([...spans.keys()].map((key) => key.slice(32, 48)));
  return FUNCTIONS.flatMap((name, index) =>
    durationsMs
      .map((ms, number) => ({ ms, number }))
      .filter(({ number }) => number % FUNCTIONS.length === index)
      .sort((a, b) => b.ms - a.ms)
      .slice(0, 10)
      .filter(({ number }) => !sent.has(spanId('task', SESSION, taskOf(number), 0)))
      .map(({ number, ms }) => `${name} ${number}, which ran ${ms} ms`),
  );
}

it('the slowest attempts of a huge job have their spans, although the process is killed while they are held back', async () => {
  const result = await runMatrix({
    programs,
    streams: [{ name: 'one huge job', bodies: bodies() }],
    kills: 8,
    killsAfter: 3,
    seed: 3,
    senders: 1,
    settings: { settleMs: 300, orphanTimeoutMs: 60_000, maxJournalBytes: 8 * 1024 * 1024, hasTraceBudget: true, maxSpansPerTrace: 400 },
  });
  expect(matrixReport(result, true).problems).toEqual([]);
  expect(result.found.spans.size).toBeLessThanOrEqual(410);
  expect(result.checkpoints).toBeGreaterThan(2);
  expect(slowestWithout(result.wanted)).toEqual([]);
  expect(slowestWithout(result.found)).toEqual([]);
});
