import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeEvent, type RayEvent, type TaskDefinition, type TaskLifecycle } from '../../src/event/index.ts';
import { packEvents, unpackEvents } from '../../src/journal/packed-events.ts';
import { decodeBatch, encodeBatch } from '../../src/journal/stored-value.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { sized } from '../support/sized.ts';

/** A few texts come again and again, the others are anything that decoded events may hold. */
const text = fc.oneof(fc.constantFrom('', 'RUNNING', 'f', 'naïve', '日本', '\u{1f600}'), fc.string({ unit: 'grapheme' }));
const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString('hex'));
const timeNs = fc.oneof(fc.bigInt(0n, 2n ** 62n), fc.constantFrom(-1n, 2n ** 63n - 1n));
const count = fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.constantFrom(127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 35));
const resources = fc.dictionary(text, fc.double({ noNaN: true, min: 0 }), { maxKeys: 3 });

/** What a row cannot hold is as good an event as any. */
const identity = {
  eventId: fc.oneof(fc.base64String(), text),
  session: text,
  taskId: fc.oneof(hex(24), hex(3), fc.constant('FF'.repeat(24)), fc.constant('zz'.repeat(24))),
  attempt: fc.oneof(count, fc.constantFrom(-1, 0.5, Number.MAX_VALUE)),
};
const log = fc.record(
  {
    stdoutFile: text,
    stderrFile: text,
    stdoutStart: count,
    stdoutEnd: count,
    stderrStart: fc.oneof(count, fc.constant(-1)),
    stderrEnd: count,
  },
  { requiredKeys: [] },
);
const lifecycle: fc.Arbitrary<TaskLifecycle> = fc.record(
  {
    type: fc.constant('task_lifecycle'),
    ...identity,
    transitions: fc.array(fc.record({ state: text, timeNs })),
    emitterNodeId: hex(28),
    error: fc.record({ errorType: text, message: text }),
    nodeId: hex(28),
    workerId: hex(28),
    workerPid: fc.oneof(count, fc.constant(-7)),
    actorReprName: text,
    isDebuggerPaused: fc.boolean(),
    log,
  },
  { requiredKeys: ['type', 'eventId', 'session', 'taskId', 'attempt', 'transitions'] },
);
const definition: fc.Arbitrary<TaskDefinition> = fc.record(
  {
    type: fc.constant('task_definition'),
    ...identity,
    taskType: fc.constantFrom('NORMAL_TASK', 'ACTOR_CREATION_TASK', 'ACTOR_TASK', 'DRIVER_TASK'),
    name: text,
    language: text,
    requiredResources: resources,
    emitterNodeId: hex(28),
    moduleName: text,
    className: text,
    functionName: text,
    parentTaskId: hex(24),
    actorId: hex(16),
    placementGroupId: hex(18),
    isDetachedActor: fc.boolean(),
    labelSelector: fc.dictionary(text, text, { maxKeys: 3 }),
    callSite: text,
    runtimeEnv: fc.record({ pip: fc.array(text), conda: text, workingDir: text }, { requiredKeys: [] }),
  },
  { requiredKeys: ['type', 'eventId', 'session', 'taskId', 'attempt', 'taskType', 'name', 'language', 'requiredResources'] },
);
const other: fc.Arbitrary<RayEvent> = fc.record({
  type: fc.constant('actor_lifecycle'),
  eventId: text,
  session: text,
  actorId: hex(16),
  transitions: fc.array(fc.record({ state: text, timeNs: fc.bigInt(0n, 2n ** 62n) })),
});
const batches = fc.array(fc.oneof(lifecycle, definition, other), { maxLength: 20 });

const RECORDINGS = new URL('../fixtures/recordings/', import.meta.url).pathname;

function packed(events: readonly RayEvent[]): Buffer {
  return Buffer.from(packEvents(0, events));
}

function unpackedOrError(bytes: Buffer): readonly RayEvent[] | Error {
  try {
    return unpackEvents(bytes);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function messagePack(events: readonly RayEvent[]): Buffer {
  return new Packr({ useRecords: true, moreTypes: false }).pack(events.map(withoutAbsent));
}

function withoutAbsent(event: RayEvent): object {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined));
}

function decoded(raw: readonly unknown[]): readonly RayEvent[] {
  return raw.flatMap((event) => {
    const outcome = decodeEvent(event);
    return outcome.ok ? [outcome.event] : [];
  });
}

const LARGE = 'load-20k-tasks-ray-2.60.0.ndjson.gz';
const RECORDED = readdirSync(RECORDINGS).filter((name) => sized(name !== LARGE, true));

describe('packed events', () => {
  it('unpack to the same events, whatever their values', () => {
    fc.assert(
      fc.property(batches, (events) => {
        expect(unpackEvents(packed(events))).toEqual(events);
      }),
    );
  });

  it.each(RECORDED)('unpack to the same events for %s, and take fewer bytes than MessagePack', (recording) => {
    const events = decoded(readRecordedEvents(join(RECORDINGS, recording)));
    expect(events.length).toBeGreaterThan(0);
    const bytes = packed(events);
    expect(unpackEvents(bytes)).toEqual(events);
    // Of one hidden class with those that were decoded, as far as a test can see that.
    for (const [index, event] of unpackEvents(bytes).entries()) expect(Object.keys(event)).toEqual(Object.keys(events[index] ?? {}));
    expect(bytes.length).toBeLessThan(messagePack(events).length * (recording.startsWith('load') ? 0.3 : 1));
  });

  it('unpack to the same events when one exceeds the kept buffer, which is then released', () => {
    const task = decoded(readRecordedEvents(join(RECORDINGS, 'mix-ray-2.58.1.ndjson'))).find(({ type }) => type === 'task_definition');
    const short = { type: 'worker_definition', eventId: 'a', session: 's', workerId: 'w', workerType: 'DRIVER' } as const;
    const long = { ...short, workerType: 'x'.repeat(20 * 1024 * 1024) };
    const wide = { ...task, callSite: '日'.repeat(10_000_000) } as TaskDefinition;
    expect(unpackEvents(packed([long, wide, short]))).toEqual([long, wide, short]);
    expect(unpackEvents(packed([short]))).toEqual([short]);
    expect(packEvents(0, [short]).buffer.byteLength).toBe(64 * 1024);
  });

  it('that are truncated or changed unpack to events or throw an error, and never fail otherwise', () => {
    fc.assert(
      fc.property(batches, fc.nat(), fc.nat(255), (events, place, byte) => {
        const bytes = packed(events);
        const at = place % bytes.length;
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        const cut = unpackedOrError(bytes.subarray(0, at));
        expect(cut instanceof Error || cut).toEqual(cut instanceof Error || events.slice(0, cut.length));
        // The checksum around them detects changes.
        unpackedOrError(changed);
      }),
    );
    const row = packed([
      { type: 'task_lifecycle', eventId: 'e', session: 's', taskId: 'ab'.repeat(24), attempt: 0, transitions: [], actorReprName: 'A(1)' },
    ]);
    for (let end = 2; end < row.length; end += 1) expect(unpackedOrError(row.subarray(0, end))).toBeInstanceOf(Error);
    expect(() => unpackEvents(Buffer.alloc(0))).toThrow('bytes end too early');
    expect(() => unpackEvents(Buffer.from([0x90]))).toThrow('not packed events');
  });

  it('throw for a reference to an unknown shared value', () => {
    const events = decoded(readRecordedEvents(join(RECORDINGS, 'mix-ray-2.58.1.ndjson'))).filter(({ type }) => type === 'task_lifecycle');
    const [first, second] = [packed(events.slice(0, 1)), packed(events.slice(0, 2))];
    // The second row alone, which names what only the first one holds.
    const rest = Buffer.concat([second.subarray(0, 1), second.subarray(first.length)]);
    expect(() => unpackEvents(rest)).toThrow('no shared value');
  });
});

describe('a stored batch', () => {
  const events = decoded(readRecordedEvents(join(RECORDINGS, 'mix-ray-2.58.1.ndjson'))).slice(0, 20);
  const header = { receivedAtMs: 1_790_000_000_000, count: events.length, bytesBefore: 77 };

  it('decodes to its events, and to nothing when any byte is damaged', () => {
    const value = encodeBatch(5, header, events);
    expect(decodeBatch(5, value)).toMatchObject({
      firstCursor: 5,
      entries: events.map((event) => ({ event, receivedAtMs: header.receivedAtMs })),
    });
    for (let at = 0; at < value.length; at += 1) {
      const damaged = Buffer.from(value);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(decodeBatch(5, damaged)).toBeUndefined();
    }
  });

  it('has its receive time since the epoch; one of an older bridge uses the journal clock', () => {
    const value = encodeBatch(5, header, events, 1_800_000_000_000);
    expect(decodeBatch(5, value)?.entries[0]?.epochMs).toBe(1_800_000_000_000);
    const rest = Buffer.concat([value.subarray(4, 24), value.subarray(33)]);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(rest, 5));
    const older = decodeBatch(5, Buffer.concat([checksum, rest]));
    expect(older?.entries.map(({ event }) => event)).toEqual(events);
    expect(older?.entries[0]?.epochMs).toBe(header.receivedAtMs);
  });

  it('can be read in format 1 too', () => {
    const head = encodeBatch(5, header, events).subarray(4, 24);
    const rest = Buffer.concat([head, messagePack(events)]);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(rest, 5));
    expect(decodeBatch(5, Buffer.concat([checksum, rest]))?.entries.map(({ event }) => event)).toEqual(events);
  });
});
