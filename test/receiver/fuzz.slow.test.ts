import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTestReceiver } from './receiver-fixture.ts';
import { sized } from '../support/sized.ts';

/** `FUZZ_BODIES=100000` for the full size; takes minutes. */
const FUZZ_BODIES = Number(process.env['FUZZ_BODIES'] ?? sized(100, 5000));
const RECORDINGS = new URL('../fixtures/recordings/', import.meta.url);

type RawEvent = Record<string, unknown>;

/** What real Ray clusters of all releases posted. */
const REAL_EVENTS: readonly RawEvent[] = readdirSync(RECORDINGS)
  .filter((name) => name.endsWith('.ndjson'))
  .flatMap((name) => readFileSync(new URL(name, RECORDINGS), 'utf8').trim().split('\n'))
  .flatMap((line) => JSON.parse((JSON.parse(line) as { body: string }).body) as RawEvent[]);

const hostileText = fc.constantFrom(
  '',
  '!!!',
  'AA==',
  '9'.repeat(400),
  '-1',
  '1e999',
  'NaN',
  'Infinity',
  '2026-13-45T99:99:99Z',
  '0000-00-00T00:00:00Z',
  '275761-01-01T00:00:00Z',
  '\u0000',
  '\u001b]0;owned\u0007\u001b[31m',
  '<script>alert(1)</script>',
  '\ud800',
  '__proto__',
  'constructor',
  'x'.repeat(10_000),
  '{"env_vars":{"TOKEN":"secret"}}',
  '{"env_vars":',
  '00-00000000000000000000000000000000-0000000000000000-01',
);
const hostileNumber = fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53, 2 ** 63, 1e308, -1e308, 5e-324);
const hostileJson = fc.constantFrom<unknown>(
  null,
  true,
  [],
  {},
  [null],
  JSON.parse('{"__proto__":{"polluted":1}}'),
  JSON.parse('{"constructor":{"prototype":{"polluted":1}}}'),
  JSON.parse('['.repeat(200) + ']'.repeat(200)),
  { length: 1e9 },
  { seconds: '9'.repeat(30), nanos: -1 },
);
const hostileValue = fc.oneof(hostileText, hostileNumber, hostileJson, fc.jsonValue());
const mutation = fc.record({
  /** Which node of the event's tree, as a fraction of all. */
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  kind: fc.constantFrom('replace', 'replace', 'replace', 'delete', 'rename', 'add', 'wrap'),
  value: hostileValue,
  key: fc.oneof(hostileText, fc.constantFrom('taskId', 'stateTransitions', 'eventType', 'task_id')),
});
const chosen = fc.record({ index: fc.nat(REAL_EVENTS.length - 1), mutations: fc.array(mutation, { maxLength: 3 }) });
const batch = fc.uniqueArray(chosen, { selector: ({ index }) => index, maxLength: 6 });

describe(`${FUZZ_BODIES} bodies`, () => {
  it('of mutated events always receive 200, and their unchanged events are accepted', async () => {
    await fc.assert(
      fc.asyncProperty(batch, fc.array(hostileValue, { maxLength: 2 }), async (choices, strays) => {
        const { app, journal, telemetry } = createTestReceiver();
        const events: unknown[] = choices.map(({ index, mutations }) =>
          mutations.map(ownValue).reduce(mutate, structuredClone(REAL_EVENTS[index])),
        );
        const response = await send(app, Buffer.from(JSON.stringify([...strays, ...events])));
        expect(response.status).toBe(200);
        const taken = new Set((await journal.read(0, 100)).entries.map(({ event }) => event.eventId));
        for (const { index, mutations } of choices) {
          if (mutations.length === 0) expect(taken).toContain(eventIdOf(REAL_EVENTS[index]));
        }
        expect(telemetry.internalErrors).toEqual([]);
        expect('polluted' in {}).toBe(false);
      }),
      { numRuns: Math.ceil(FUZZ_BODIES / 2) },
    );
  }, 600_000);

  it('of random bytes receive 200, 400 or 413, and no other status', async () => {
    const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255), cut: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(
        batch,
        fc.array(edit, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        fc.boolean(),
        async (choices, edits, zipped, zipLast) => {
          const { app, telemetry } = createTestReceiver({ limits: { maxBodyBytes: 20_000 } });
          const text = Buffer.from(JSON.stringify(choices.map(({ index }) => REAL_EVENTS[index])));
          const broken = zipped && !zipLast ? breakBytes(gzipSync(text, { level: 1 }), edits) : breakBytes(text, edits);
          const body = zipped && zipLast ? gzipSync(broken, { level: 1 }) : broken;
          const response = await send(app, body, zipped ? { 'content-encoding': 'gzip' } : {});
          expect([200, 400, 413]).toContain(response.status);
          expect(await response.json()).toBeTypeOf('object');
          expect(telemetry.internalErrors).toEqual([]);
        },
      ),
      { numRuns: Math.floor(FUZZ_BODIES / 2) },
    );
  }, 600_000);
});

function send(app: ReturnType<typeof createTestReceiver>['app'], body: Uint8Array, headers: Record<string, string> = {}) {
  return app.request('/', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
}

function eventIdOf(event: RawEvent | undefined): unknown {
  return event?.['eventId'] ?? event?.['event_id'];
}

interface Slot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

/** A later mutation may change an earlier one's value: each works on its own. */
function ownValue<Mutation extends { readonly value: unknown }>(given: Mutation): Mutation {
  return { ...given, value: structuredClone(given.value) };
}

function mutate(event: unknown, { at, kind, value, key }: { at: number; kind: string; value: unknown; key: string }): unknown {
  const slots = slotsOf(event);
  const slot = slots[Math.floor(at * slots.length)];
  if (slot === undefined) return value;
  const { holder } = slot;
  if (kind === 'replace') define(holder, slot.key, value);
  else if (kind === 'wrap') define(holder, slot.key, [{ [key]: holder[slot.key] }]);
  else if (kind === 'add') define(holder, key, value);
  else {
    const moved = holder[slot.key];
    delete holder[slot.key];
    if (kind === 'rename') define(holder, key, moved);
  }
  return event;
}

/** An assignment to `__proto__` would not make a key of that name. */
function define(holder: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Every place of the tree that holds a value. */
function slotsOf(node: unknown): readonly Slot[] {
  if (typeof node !== 'object' || node === null) return [];
  const holder = node as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }].concat(slotsOf(holder[key])));
}

function breakBytes(bytes: Uint8Array, edits: readonly { readonly at: number; readonly byte: number; readonly cut: number }[]): Uint8Array {
  let broken = Buffer.from(bytes);
  for (const { at, byte, cut } of edits) {
    const position = Math.floor(at * broken.length);
    if (cut === 3) broken = broken.subarray(0, position);
    else broken = Buffer.concat([broken.subarray(0, position), Buffer.from([byte]), broken.subarray(position + cut)]);
  }
  return broken;
}
