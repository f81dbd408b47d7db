import * as fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decodeEvent, type RayEvent, redactRawEvent } from '../../src/event/index.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { printed } from '../support/raw-events.ts';
import { sized } from '../support/sized.ts';

const CHANGED_EVENTS = sized(2_000, 20_000);

const folder = new URL('../fixtures/recordings/', import.meta.url).pathname;
const recorded = readdirSync(folder)
  .filter((name) => name.endsWith('.ndjson'))
  .flatMap((name) => readRecordedEvents(folder + name).filter((_, index) => index % 7 === 0));

const ID_LENGTHS: Readonly<Record<string, number>> = {
  emitterNodeId: 56,
  taskId: 48,
  parentTaskId: 48,
  actorId: 32,
  jobId: 8,
  creatorJobId: 8,
  placementGroupId: 36,
  nodeId: 56,
  driverNodeId: 56,
  workerId: 56,
};

const DEEP = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as unknown;
const HOSTILE = [
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  Number.NaN,
  '',
  'AQAAAA==',
  'not base64!',
  '/'.repeat(38),
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '-9223372036854775808',
  '99999999999999999999999999',
  'UNHEARD_OF',
  '\u001b]0;x\u0007\u001b[31m',
  '\ud800',
  [],
  {},
  [[]],
  [null, 5, {}],
  { __proto__: null, state: 1e9 },
  JSON.parse('{"__proto__": {"taskId": "x"}, "constructor": {"prototype": {}}}') as unknown,
  DEEP,
  'x'.repeat(100_000),
];

const hostileValue = fc.oneof(fc.constantFrom(...HOSTILE), fc.jsonValue({ maxDepth: 3 }));
const change = fc.tuple(fc.nat(), hostileValue, fc.constantFrom('replace', 'delete', 'rename'));

/**
 * Returns a copy, so that a later change cannot alter the value of an earlier one. A value that
 * is too deep to copy is shared.
 */
function copyOfValue(value: unknown): unknown {
  return value === DEEP ? value : structuredClone(value);
}

/** Changes the `at`-th value of the event. */
function mutate(raw: unknown, at: number, value: unknown, how: string): void {
  const places: [object, string][] = [];
  const visit = (node: unknown, depth: number): void => {
    if (typeof node !== 'object' || node === null || depth > 12) return;
    for (const [key, inner] of Object.entries(node)) {
      places.push([node, key]);
      visit(inner, depth + 1);
    }
  };
  visit(raw, 0);
  const place = places[at % places.length];
  if (place === undefined) return;
  const [owner, key] = place;
  if (how === 'replace') {
    define(owner, key, value);
  } else if (!Array.isArray(owner)) {
    if (how === 'rename') define(owner, '__proto__', Reflect.get(owner, key));
    Reflect.deleteProperty(owner, key);
  }
}

function define(owner: object, key: string, value: unknown): void {
  Object.defineProperty(owner, key, { value, enumerable: true, configurable: true, writable: true });
}

function expectSound(event: RayEvent): void {
  expect(event.session).not.toBe('');
  expect(event.eventId).not.toBe('');
  expectSoundIds(event);
  expect(printed(event)).not.toContain('\u009b');
  expect(printed(event)).not.toContain(String.raw`\u001b`);
}

function expectSoundIds(value: object): void {
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined && key !== 'taskId' && key !== 'attempt') continue;
    const length = ID_LENGTHS[key];
    if (length !== undefined) expect(inner).toMatch(new RegExp(`^[0-9a-f]{${length}}$`));
    if (key.endsWith('Ns')) expect(typeof inner).toBe('bigint');
    if (key === 'attempt') expect(Number.isSafeInteger(inner)).toBe(true);
    if (!Array.isArray(inner)) continue;
    for (const element of inner.filter(isObject)) expectSoundIds(element);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function expectHarmless(raw: unknown): void {
  const decoded = decodeEvent(raw);
  const decodedCopy = decodeEvent(redactRawEvent(raw));
  if (decoded.ok) expectSound(decoded.event);
  expect(decoded.ok ? decodedCopy : decoded).toStrictEqual(decoded);
  expect(decoded.ok || decoded.rejection.message.length < 400).toBe(true);
  expect('taskId' in {}).toBe(false);
  expect('polluted' in {}).toBe(false);
}

it('any JSON decodes to an event or a rejection', () => {
  fc.assert(
    fc.property(hostileValue, (raw) => expectHarmless(raw)),
    { numRuns: sized(500, 3_000) },
  );
});

it('a real event with random changes decodes to an event with valid ids or a rejection', () => {
  let taken = 0;
  let rejected = 0;
  fc.assert(
    fc.property(fc.constantFrom(...recorded), fc.array(change, { minLength: 1, maxLength: 3 }), (original, changes) => {
      const raw = structuredClone(original);
      for (const [at, value, how] of changes) mutate(raw, at, copyOfValue(value), how);
      expectHarmless(raw);
      if (decodeEvent(raw).ok) taken += 1;
      else rejected += 1;
    }),
    { numRuns: CHANGED_EVENTS },
  );
  expect(taken).toBeGreaterThan(CHANGED_EVENTS / 10);
  expect(rejected).toBeGreaterThan(CHANGED_EVENTS / 10);
});
