import * as fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { EventScanner, ScanBytes } from '../../src/event/index.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { inSnakeCase, rawDefinition, rawEvent, rawLifecycle, type Raw, TASK_HEX, WORKER_ID } from '../support/raw-events.ts';
import { propertyRuns } from '../support/sized.ts';

const folder = new URL('../fixtures/recordings/', import.meta.url).pathname;
const names = readdirSync(folder).filter((name) => name.endsWith('.ndjson'));

/**
 * Does what the receiver does: the scanner first, then the decoder, whose result the scanner
 * learns.
 */
function scanOrLearn(scanner: EventScanner, json: string): RayEvent | undefined {
  const bytes = Buffer.from(json);
  const scanned = scanner.scan(new ScanBytes(bytes), 0);
  const decoded = decodeEvent(JSON.parse(json));
  if (scanned === undefined) {
    if (decoded.ok) scanner.learn(new ScanBytes(bytes), 0, bytes.length, decoded.event);
    return undefined;
  }
  expect(decoded).toStrictEqual({ ok: true, event: scanned });
  // All events have one hidden class, as far as a test can check.
  expect(Object.keys(scanned)).toEqual(Object.keys(decoded.ok ? decoded.event : {}));
  expect(scanner.end).toBe(bytes.length);
  return scanned;
}

function learnedFrom(...raws: readonly unknown[]): EventScanner {
  const scanner = new EventScanner();
  for (const raw of raws) scanOrLearn(scanner, JSON.stringify(raw));
  return scanner;
}

function scan(scanner: EventScanner, json: string): RayEvent | undefined {
  return scanner.scan(new ScanBytes(Buffer.from(json)), 0);
}

const full = {
  log: rawLifecycle({
    taskLogInfo: { stdoutFile: '/a.out', stderrFile: '/a.err', stdoutStart: '1', stdoutEnd: '2', stderrStart: 3, stderrEnd: 4 },
    isDebuggerPaused: true,
    actorReprName: 'Counter(1)',
    workerPid: 7,
  }),
  owner: rawLifecycle({
    stateTransitions: [
      { state: 'SUBMITTED_TO_WORKER', timestamp: '2026-11-23T22:01:37.035311483Z' },
      { timestamp: '2026-11-23T22:01:38Z', state: 'FINISHED' },
    ],
    nodeId: 'F56zawnhKBLFqf06tBfjWP1W5VP8GeVzxL9Ryw==',
    workerId: WORKER_ID,
  }),
  definition: rawDefinition({
    callSite: 'File "a.py"\n  f.remote()',
    serializedRuntimeEnv: '{"pip": ["numpy==2"], "env_vars": {"A": "secret"}}',
    labelSelector: { zone: 'in(a,b)' },
    refIds: { a: 'b' },
  }),
  actorTask: rawEvent('ACTOR_TASK_DEFINITION_EVENT', 'actorTaskDefinitionEvent', {
    taskId: 'oOCT0LypqtYxVtes9x75+E/QMS4BAAAA',
    actorFunc: { pythonFunctionDescriptor: { moduleName: 'm', className: 'A', functionName: 'f', functionHash: '' } },
    actorTaskName: 'A.f',
    actorId: 'MVbXrPce+fhP0DEuAQAAAA==',
    jobId: 'AQAAAA==',
    taskAttempt: 2,
    language: 'PYTHON',
    requiredResources: {},
    serializedRuntimeEnv: '{}',
  }),
  actor: rawDefinition({ taskType: 'ACTOR_CREATION_TASK', taskName: 'A.__init__', parentTaskId: '//////////////////////////8BAAAA' }),
  driver: rawDefinition({ taskType: 'DRIVER_TASK', taskName: '', taskFunc: {} }),
};

describe('the scanner reads the same events as the decoder', () => {
  it.each(names)('the scanner reads %s as the decoder does, and most of it the second time', (name) => {
    const raws = readRecordedEvents(folder + name);
    const scanner = new EventScanner();
    const first = raws.filter((raw) => scanOrLearn(scanner, JSON.stringify(raw)) !== undefined);
    const again = raws.filter((raw) => scanOrLearn(scanner, JSON.stringify(raw)) !== undefined);
    expect(again.length).toBeGreaterThanOrEqual(first.length);
    // Ray before 2.51 sends runtime environments in a form that is never learned, and states in
    // another form.
    const isOld = /2\.(?:49|50)\./.test(name);
    expect(again.length > raws.length * 0.4).toBe(!isOld);
  });

  it('the scanner reads a log position with any single part', () => {
    for (const part of ['stdoutFile', 'stderrFile', 'stdoutStart', 'stdoutEnd', 'stderrStart', 'stderrEnd']) {
      const [empty, set] = part.endsWith('File') ? ['', 'a.out'] : ['0', '5'];
      const scanner = learnedFrom(rawLifecycle({ taskLogInfo: { [part]: empty } }));
      expect(scanOrLearn(scanner, JSON.stringify(rawLifecycle({ taskLogInfo: { [part]: set } })))).toBeDefined();
    }
  });

  it.each(Object.keys(full) as (keyof typeof full)[])('the scanner reads an event with all fields: %s', (kind) => {
    const raw = full[kind];
    const scanner = learnedFrom(raw);
    expect(scanOrLearn(scanner, JSON.stringify(raw))).toBeDefined();
    const spaced = JSON.stringify(raw, undefined, 1);
    expect(scanOrLearn(scanner, spaced)).toBeUndefined();
    expect(scanOrLearn(scanner, spaced)).toBeDefined();
    const snake = JSON.stringify(inSnakeCase(raw));
    expect(scanOrLearn(scanner, snake)).toBeUndefined();
    expect(scanOrLearn(scanner, snake)).toBeDefined();
  });
});

describe('the scanner reads unusual events as the decoder does', () => {
  const VALUES: readonly unknown[] = [
    '',
    null,
    0,
    '0',
    7,
    1.5,
    -1,
    '12345678901234567890',
    4_000_000_000,
    true,
    [],
    {},
    '{}',
    'plain',
    'a"b\\c\n',
    'ünï',
    '\u001b[31mred',
    '\u007f',
    '\ud800',
    'x'.repeat(300),
    'https://user:secret@host/?q=1',
    "{'env_vars': {'A': 'secret'}}",
    'NIL',
    'RUNNING',
    '2026-11-23T22:01:37.035311483Z',
    '2026-11-23T22:01:59Z',
    '2026-11-23T22:01:60Z',
    '2026-11-23T22:01:37+01:00',
    '1999-12-31T23:59:59Z',
    'AQAAAA==',
    'yO9FzNARJXH///////////////8BAAAA',
    '////////////////////////////////',
    WORKER_ID,
    '{"working_dir": "/data"}',
  ];

  it.each(Object.keys(full) as (keyof typeof full)[])(
    'one changed value of a %s event is read as by the decoder, learned or not',
    (kind) => {
      const original = JSON.stringify(full[kind]);
      const scanners = { original: learnedFrom(full[kind]), all: learnedFrom(full[kind]) };
      const paths = pathsOf(full[kind]);
      expect(paths.length).toBeGreaterThan(15);
      for (const path of paths) {
        for (const value of VALUES) {
          const changed = JSON.stringify(withValue(full[kind], path, value));
          const scanned = scan(scanners.original, changed);
          if (scanned !== undefined) expect({ ok: true, event: scanned }).toStrictEqual(decodeEvent(JSON.parse(changed)));
          scanOrLearn(scanners.all, changed);
          const own = learnedFrom(JSON.parse(changed));
          scanOrLearn(own, changed);
          scanOrLearn(own, original);
        }
      }
      // Learning in between did not change the result of any event.
      for (const path of paths) for (const value of VALUES) scanOrLearn(scanners.all, JSON.stringify(withValue(full[kind], path, value)));
    },
    120_000,
  );

  it('changed bytes never make the scanner disagree with the decoder', () => {
    const scanner = learnedFrom(...Object.values(full));
    const texts = Object.values(full).map((raw) => Buffer.from(JSON.stringify(raw)));
    const edit = fc.record({ at: fc.nat(), byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"\\{}[],:0 ue'))), cut: fc.nat(2) });
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
        let bytes = text;
        for (const { at, byte, cut } of edits) {
          const position = at % bytes.length;
          bytes = Buffer.concat([bytes.subarray(0, position), Buffer.of(byte), bytes.subarray(position + cut)]);
        }
        const event = scanner.scan(new ScanBytes(bytes), 0);
        if (event === undefined) return;
        read += 1;
        expect(decodeEvent(JSON.parse(bytes.toString('utf8', 0, scanner.end)))).toStrictEqual({ ok: true, event });
      }),
      { numRuns: propertyRuns(5_000, 20_000) },
    );
    expect(read).toBeGreaterThan(200);
  }, 60_000);
});

describe('events that the scanner leaves to the decoder', () => {
  it('the scanner leaves a truncated event to the decoder', () => {
    const scanner = learnedFrom(full.log);
    const json = JSON.stringify(full.log);
    for (let length = 0; length < json.length; length += 1) expect(scan(scanner, json.slice(0, length))).toBeUndefined();
    expect(scan(scanner, json)).toBeDefined();
  });

  it('the scanner leaves an event with a repeated field or an escaped field name to the decoder', () => {
    const json = JSON.stringify(full.log);
    for (const more of ['"taskId": "x"', String.raw`"t\u0061skId": "x"`, '"task_id": "yO9FzNARJXH///////////////8BAAAA"']) {
      const changed = json.replace('"stateTransitions"', `${more},"stateTransitions"`);
      const scanner = new EventScanner();
      const bytes = new ScanBytes(Buffer.from(changed));
      const decoded = decodeEvent(JSON.parse(changed));
      if (decoded.ok) scanner.learn(bytes, 0, bytes.length, decoded.event);
      expect(scanner.scan(bytes, 0)).toBeUndefined();
    }
  });

  it('the scanner leaves a number with a fraction or an exponent to the decoder', () => {
    const json = JSON.stringify(full.owner);
    for (const zero of ['0e1', '0.0', '-0']) {
      const scanner = new EventScanner();
      for (const number of [zero, zero.replace('0', '1')]) {
        expect(scanOrLearn(scanner, json.replace('"workerPid":0', `"workerPid":${number}`))).toBeUndefined();
      }
    }
  });

  it('the scanner leaves states to the decoder when the decoder skips one, even with equal times', () => {
    const timestamp = '2026-11-23T22:01:37.035311483Z';
    const raw = rawLifecycle({
      stateTransitions: [
        { state: 'NIL', timestamp },
        { state: 'RUNNING', timestamp },
      ],
    });
    const scanner = learnedFrom(raw);
    expect(scan(scanner, JSON.stringify(raw))).toBeUndefined();
  });

  it.each([
    ['an error', rawLifecycle({ rayErrorInfo: { errorType: 'WORKER_DIED', errorMessage: 'secret' } })],
    ['the runtime environment of Ray 2.49', rawDefinition({ runtimeEnvInfo: { serializedRuntimeEnv: '{}' } })],
    ['more states than it has room for', rawLifecycle({ stateTransitions: manyStates(9) })],
    ['a rare type', rawEvent('DRIVER_JOB_LIFECYCLE_EVENT', 'driverJobLifecycleEvent', { jobId: 'AQAAAA==' })],
    ['a large event', rawLifecycle({ jobId: 'x'.repeat(10_000) })],
  ])('the scanner leaves %s to the decoder', (_what, raw) => {
    expect(decodeEvent(raw).ok).toBe(true);
    expect(scan(learnedFrom(raw), JSON.stringify(raw))).toBeUndefined();
  });
});

it('scanned events share equal values', () => {
  const scanner = learnedFrom(full.definition, rawDefinition());
  const [one, two] = [1, 2].map((attempt) => scan(scanner, JSON.stringify(rawDefinition({ taskAttempt: attempt }))));
  expect(one).toMatchObject({ type: 'task_definition', taskId: TASK_HEX, attempt: 1 });
  expect(two).toMatchObject({ attempt: 2 });
  expect(one?.type === 'task_definition' && two?.type === 'task_definition' && one.requiredResources === two.requiredResources).toBe(true);
});

function manyStates(count: number): readonly Raw[] {
  return Array.from({ length: count }, (_, index) => ({ state: 'RUNNING', timestamp: `2026-11-23T22:01:0${index}Z` }));
}

type Path = readonly (string | number)[];

/** Counts every value, including objects and lists. */
function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value) ? value.map((element, index) => [index, element] as const) : Object.entries(value);
  return [...(path.length > 0 ? [path] : []), ...inner.flatMap(([key, element]) => pathsOf(element, [...path, key]))];
}

function withValue(raw: Raw, path: Path, value: unknown): unknown {
  const copy = structuredClone(raw);
  let owner: Record<string | number, unknown> = copy;
  for (const key of path.slice(0, -1)) owner = owner[key] as Record<string | number, unknown>;
  owner[path.at(-1) ?? ''] = value;
  return copy;
}
