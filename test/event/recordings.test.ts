import { describe, expect, it } from 'vitest';
import { decodeEvent, type RayEvent, redactRawEvent } from '../../src/event/index.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';
import { inSnakeCase } from '../support/raw-events.ts';

function decodeAll(name: string): RayEvent[] {
  return recordedEvents(name).map((raw) => {
    const decoded = decodeEvent(raw);
    if (!decoded.ok) throw new Error(decoded.rejection.message);
    return decoded.event;
  });
}

describe.each(SMALL_RECORDINGS)('%s', (name) => {
  const raws = recordedEvents(name);

  it('every recorded event decodes', () => {
    expect(raws.length).toBeGreaterThan(30);
    expect(decodeAll(name).length).toBe(raws.length);
  });

  it('recorded events decode the same from snake_case keys', () => {
    for (const raw of raws) expect(decodeEvent(inSnakeCase(raw))).toStrictEqual(decodeEvent(raw));
  });

  it('recorded events decode the same from their redacted copy, and redacting again changes nothing', () => {
    for (const raw of raws) {
      const redacted = redactRawEvent(raw);
      expect(decodeEvent(redacted)).toStrictEqual(decodeEvent(raw));
      expect(redactRawEvent(redacted)).toStrictEqual(redacted);
    }
  });

  it('every recorded transition keeps its time', () => {
    const events = decodeAll(name);
    for (const [index, raw] of raws.entries()) {
      const event = events[index];
      if (event === undefined || !('transitions' in event)) continue;
      const kept = event.transitions.map(({ timeNs }) => timeNs);
      expect(kept.toSorted(byTime)).toStrictEqual(sentTimes(raw).toSorted(byTime));
    }
  });
});

describe('the executing node in recordings', () => {
  it.each(SMALL_RECORDINGS)('the executing node is set only together with a worker in %s', (name) => {
    for (const event of decodeAll(name)) {
      expect(event.type === 'task_lifecycle' && event.nodeId !== undefined && event.workerId === undefined).toBe(false);
    }
  });

  it('every SUBMITTED_TO_WORKER has an executing node, also in Ray 2.54', () => {
    const submitted = decodeAll('features-ray-2.54.0.ndjson').filter(
      (event) => event.type === 'task_lifecycle' && event.transitions.some(({ state }) => state === 'SUBMITTED_TO_WORKER'),
    );
    expect(submitted).toHaveLength(39);
    for (const event of submitted) expect(event).toHaveProperty('nodeId');
  });
});

describe('facts that only recordings show', () => {
  it('states of Ray 2.49 are read from a map of enum numbers', () => {
    const lifecycles = decodeAll('features-ray-2.49.0.ndjson').filter((event) => event.type === 'task_lifecycle');
    const states = new Set(lifecycles.flatMap(({ transitions }) => transitions.map(({ state }) => state)));
    expect(lifecycles).toHaveLength(88);
    expect(states).toContain('SUBMITTED_TO_WORKER');
    expect(states).toContain('FAILED');
    expect([...states].filter((state) => state.startsWith('UNKNOWN'))).toStrictEqual([]);
  });

  it('the exception of a failed execution has no terminal colours', () => {
    const entries = decodeAll('mix-ray-2.56.1.ndjson').flatMap((event) => (event.type === 'task_profile' ? event.entries : []));
    const failed = entries.filter(({ exceptionType }) => exceptionType !== undefined);
    expect(failed.map(({ exceptionType }) => exceptionType)).toContain('ray.exceptions.ActorDiedError');
    expect(failed.find(({ exceptionType }) => exceptionType === 'RuntimeError')?.exceptionMessage).toBe('first');
    for (const entry of failed) expect(entry.exceptionMessage ?? '').not.toContain('\u001b');
    expect(entries.some((entry) => entry.name === 'submit_task')).toBe(false);
  });

  it('the deaths of a node, its workers and its actor have their reasons', () => {
    const reasons = decodeAll('node-death-three-jobs-ray-2.60.0.ndjson').flatMap((event) =>
      event.type === 'node_lifecycle' || event.type === 'worker_lifecycle' || event.type === 'actor_lifecycle'
        ? event.transitions.flatMap(({ deathCause }) => (deathCause === undefined ? [] : [`${event.type} ${deathCause.reason}`]))
        : [],
    );
    expect(new Set(reasons)).toStrictEqual(
      new Set([
        'node_lifecycle UNEXPECTED_TERMINATION',
        'actor_lifecycle OWNER_DIED',
        'worker_lifecycle INTENDED_SYSTEM_EXIT',
        'worker_lifecycle INTENDED_USER_EXIT',
      ]),
    );
  });
});

function byTime(left: bigint, right: bigint): number {
  return left < right ? -1 : Number(left > right);
}

/** Every time inside the lifecycle payload of a raw event, found without the decoder. */
function sentTimes(raw: unknown): bigint[] {
  const times: bigint[] = [];
  const slot = Object.entries(raw ?? {}).find(([key]) => /(lifecycle_event|LifecycleEvent|taskExecutionEvent)$/.test(key));
  const text = JSON.stringify(slot);
  for (const [, seconds = '', fraction = ''] of text.matchAll(/"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z"/g)) {
    times.push(BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0')));
  }
  return times;
}
