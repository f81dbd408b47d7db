import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { quarantineCommand } from '../../src/command/quarantine.ts';
import { type Invocation, runProgram } from '../../src/command/index.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { spansOfOtlpJson } from '../../src/otlp/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { quarantineFolder } from '../../src/quarantine/index.ts';
import {
  bytesOf,
  createTestQuarantine,
  invalid,
  knownEvent,
  readAll,
  realSpans,
  type TestQuarantine,
  unknownType,
} from '../quarantine/quarantine-fixture.ts';
import { rawEvent } from '../receiver/receiver-fixture.ts';
import { invocation, type TestInvocation } from './invocation.ts';
import { freePort, type ScriptedAnswer, scriptedServer } from './scripted-server.ts';

interface Bench extends TestQuarantine {
  readonly dataDir: string;
  run(argv: readonly string[], over?: Partial<Invocation>): Promise<TestInvocation & { outcome: unknown }>;
  ids(): Promise<string[]>;
}

async function createBench(): Promise<Bench> {
  const dataDir = await mkdtemp(join(tmpdir(), 'data-'));
  let nowMs = Date.UTC(2026, 0, 1);
  const quarantined = await createTestQuarantine({ folder: quarantineFolder(dataDir), now: () => (nowMs += 1000) });
  return {
    ...quarantined,
    dataDir,
    async run(argv, over = {}) {
      // Exporters wait on this clock, too.
      const context = invocation([...argv, '--data-dir', dataDir], { now: systemClock.now, sleep: systemClock.sleep, ...over });
      return Object.assign(context, { outcome: await quarantineCommand.run(context) });
    },
    ids: async () => (await readAll(quarantined.folder)).entries.map(({ id }) => id),
  };
}

const taken = (accepted: number, rejected = 0): ScriptedAnswer => ({
  status: 200,
  body: JSON.stringify({ accepted, duplicates: 0, rejected, errors: [] }),
});

const hostile = '\u001b[2J\u009b31m\u202eevil\u{e0041}';

async function addSpans(bench: Bench, count: number, exporter = 'otlp'): Promise<void> {
  for (const span of realSpans().slice(0, count)) bench.quarantine.addSpan(span, 'HTTP 400: too odd', exporter);
  await bench.written();
}

async function addEvents(bench: Bench, events: readonly unknown[]): Promise<void> {
  for (const event of events) bench.quarantine.addEvent(bytesOf(event), invalid());
  await bench.written();
}

describe('list', () => {
  test('list prints a table, oldest entries first', async () => {
    const bench = await createBench();
    await addSpans(bench, 1);
    bench.quarantine.addEvent(bytesOf({ eventId: 'a' }), invalid());
    bench.quarantine.addEvent(bytesOf({ eventId: 'b' }), unknownType('NEW'));
    await bench.written();
    const { outcome, stdout, stderr } = await bench.run(['list']);
    expect(outcome).toEqual({ kind: 'done' });
    const offset = (await bench.ids())[1];
    expect(stdout.text.split('\n').map((line) => line.trimEnd())).toEqual([
      'ID      TIME                      KIND   CODE                 REASON',
      's1-0    2026-01-01T00:00:01.000Z  span   span_refused         HTTP 400: too odd',
      'e1-0    2026-01-01T00:00:02.000Z  event  event_field_invalid  In taskLifecycleEvent: taskId is missing.',
      `${offset}  2026-01-01T00:00:03.000Z  event  event_type_unknown   The event type NEW is not known.`,
      '',
    ]);
    expect(stderr.text).toBe('');
  });

  test.each([
    [['--kind', 'span'], ['span_refused']],
    [
      ['--kind', 'event'],
      ['event_field_invalid', 'event_type_unknown'],
    ],
    [['--code', 'event_type_unknown'], ['event_type_unknown']],
    [['--id', 'event-b'], ['event_type_unknown']],
    [
      ['--id', 'e1-'],
      ['event_field_invalid', 'event_type_unknown'],
    ],
    [['--id', realSpans()[0]?.spanContext().traceId.slice(0, 12) ?? ''], ['span_refused']],
    [['--id', 'nothing'], []],
    [['e1-0'], ['event_field_invalid']],
  ])('list %j prints the matching entries', async (argv, codes) => {
    const bench = await createBench();
    await addSpans(bench, 1);
    bench.quarantine.addEvent(bytesOf(knownEvent('event-a')), invalid());
    bench.quarantine.addEvent(bytesOf(knownEvent('event-b')), unknownType('NEW'));
    await bench.written();
    const { stdout, stderr } = await bench.run(['list', '--json', ...argv]);
    const rows = stdout.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { code: string });
    expect(rows.map(({ code }) => code).toSorted()).toEqual(codes);
    expect(stderr.text).toBe(codes.length === 0 ? 'no matching entry in quarantine\n' : '');
  });

  test('list and show escape text that could control the terminal', async () => {
    const bench = await createBench();
    bench.quarantine.addEvent(bytesOf(knownEvent(hostile, hostile)), invalid(`at ${hostile}`));
    await bench.written();
    const runs = [await bench.run(['list']), await bench.run(['list', '--json']), await bench.run(['show', 'e1-0'])];
    for (const { stdout } of runs) {
      expect(stdout.text.length).toBeGreaterThan(50);
      expect(stdout.text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
    const [, json, shown] = runs.map(({ stdout }) => stdout.text);
    expect(JSON.parse(json ?? '')).toMatchObject({ reason: `at ${hostile}` });
    expect(JSON.parse(shown ?? '')).toMatchObject({ id: 'e1-0', reason: `at ${hostile}`, event: { message: '\u202eevil\u{e0041}' } });
  });

  test('list cuts reasons to the width of the terminal', async () => {
    const bench = await createBench();
    bench.quarantine.addEvent(bytesOf({}), invalid('x'.repeat(500)));
    await bench.written();
    const context = invocation(['list', '--data-dir', bench.dataDir]);
    Object.assign(context.stdout, { isTTY: true });
    await quarantineCommand.run(context);
    expect(Math.max(...context.stdout.text.split('\n').map((line) => line.length))).toBe(79);
  });

  test('list of an empty quarantine succeeds', async () => {
    expect(await (await createBench()).run(['list'])).toMatchObject({ outcome: { kind: 'done' }, stdout: { text: '' } });
  });
});

describe('show', () => {
  test('show prints the complete entry', async () => {
    const bench = await createBench();
    await addSpans(bench, 2);
    const [id = ''] = (await bench.ids()).slice(1);
    const { stdout, outcome } = await bench.run(['show', id]);
    expect(outcome).toEqual({ kind: 'done' });
    expect(JSON.parse(stdout.text)).toEqual((await readAll(bench.folder)).entries[1]);
  });

  test('show of an unknown id fails', async () => {
    const bench = await createBench();
    expect((await bench.run(['show', 'e7-1'])).outcome).toEqual({
      kind: 'failed',
      problems: ['not in quarantine, or not selected: "e7-1"'],
    });
  });
});

describe('drop', () => {
  test.each([
    [['e1-0'], 1],
    [['--kind', 'span'], 2],
    [['--code', 'span_refused', '--id', 's1-0'], 1],
    [['--all'], 4],
  ])('drop %j removes the matching entries', async (argv, count) => {
    const bench = await createBench();
    await addSpans(bench, 2);
    await addEvents(bench, [{ eventId: 'a' }, { eventId: 'b' }]);
    const { outcome, stdout } = await bench.run(['drop', ...argv]);
    expect(outcome).toEqual({ kind: 'done' });
    expect(stdout.text).toBe(`dropped ${count} ${count === 1 ? 'entry' : 'entries'}\n`);
    expect(await bench.ids()).toHaveLength(4 - count);
  });
});

describe('retry of events', () => {
  test('retry posts the events that this release accepts, and removes those that the bridge accepted', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1), 'never', rawEvent(2)]);
    const server = await scriptedServer([taken(2)]);
    const { outcome, stdout, stderr } = await bench.run(['retry', '--to', server.url]);
    expect(server.posts.map(({ body }) => JSON.parse(body) as unknown)).toEqual([[rawEvent(1), rawEvent(2)]]);
    expect(outcome).toEqual({ kind: 'failed', problems: ['1 entry could not be sent again'] });
    expect(stdout.text).toBe('2 entries accepted and removed, 1 entry kept in quarantine\n');
    expect(stderr.text).toMatch(/e1-\d+: this release rejects it, too: The event is not a JSON object/);
    expect((await readAll(bench.folder)).entries).toMatchObject([{ event: '[string]' }]);
  });

  test('retry finds the single event that the bridge rejects again', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1), rawEvent(2), rawEvent(3)]);
    const server = await scriptedServer([taken(2, 1), taken(1), taken(0, 1), taken(1)]);
    const { stderr } = await bench.run(['retry', '--to', server.url]);
    expect(server.posts).toHaveLength(4);
    expect(stderr.text).toMatch(/e1-\d+: the bridge rejects it again/);
    expect((await readAll(bench.folder)).entries).toMatchObject([{ event: rawEvent(2) }]);
  });

  test('retry removes each batch once it is accepted, so an interruption loses nothing', async () => {
    const bench = await createBench();
    await addEvents(
      bench,
      Array.from({ length: 150 }, (_, index) => rawEvent(index)),
    );
    const server = await scriptedServer([taken(100), { status: 404 }]);
    const { outcome, stdout } = await bench.run(['retry', '--to', server.url]);
    expect(outcome).toMatchObject({ kind: 'failed', problems: [expect.stringContaining('answered 404')] });
    expect(stdout.text).toBe('100 entries accepted and removed, 50 entries kept in quarantine\n');
    expect(await bench.ids()).toHaveLength(50);
  });

  test('retry with ids keeps the other entries', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1), rawEvent(2)]);
    const server = await scriptedServer([taken(1)]);
    const { outcome } = await bench.run(['retry', 'e1-0', 'e9-9', '--to', server.url]);
    expect(outcome).toMatchObject({ kind: 'failed', problems: [expect.stringContaining('"e9-9"')] });
    expect(await bench.ids()).toHaveLength(1);
  });

  test('retry removes nothing when another program answers', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1)]);
    const server = await scriptedServer([{ status: 200, body: '<html>welcome</html>' }]);
    expect((await bench.run(['retry', '--to', server.url])).outcome).toMatchObject({
      problems: [expect.stringContaining('it is not a bridge')],
    });
    expect(await bench.ids()).toHaveLength(1);
  });
});

describe('retry of spans', () => {
  const env = (url: string): Record<string, string> => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });

  test('retry sends spans to the backend unchanged', async () => {
    const bench = await createBench();
    await addSpans(bench, 3);
    const server = await scriptedServer([{ status: 200, body: '{}' }]);
    const { outcome, stdout } = await bench.run(['retry'], { env: env(server.url) });
    expect(outcome).toEqual({ kind: 'done' });
    expect(stdout.text).toBe('3 entries accepted and removed\n');
    expect(await bench.ids()).toEqual([]);
    expect(server.posts.map(({ url }) => url)).toEqual(['/v1/traces']);
    const sent = spansOfOtlpJson(JSON.parse(server.posts[0]?.body ?? ''));
    expect(sent.flatMap((span) => [...otlpJsonLines([span])])).toEqual(
      realSpans()
        .slice(0, 3)
        .flatMap((span) => [...otlpJsonLines([span])]),
    );
  });

  test('retry keeps spans that are refused again', async () => {
    const bench = await createBench();
    await addSpans(bench, 1);
    const server = await scriptedServer([{ status: 400, body: 'still odd' }]);
    const { outcome, stderr } = await bench.run(['retry'], { env: env(server.url) });
    expect(outcome).toEqual({ kind: 'failed', problems: ['1 entry could not be sent again'] });
    expect(stderr.text).toContain('s1-0: HTTP 400');
    expect(await bench.ids()).toEqual(['s1-0']);
  });

  test('retry gives up on an unreachable backend and reports the reason', async () => {
    const bench = await createBench();
    await addSpans(bench, 2);
    const { outcome } = await bench.run(['retry', '--give-up', '50ms'], { env: env(`http://127.0.0.1:${await freePort()}`) });
    expect(outcome).toMatchObject({ kind: 'failed', problems: [expect.stringMatching(/not all spans were accepted .* ECONNREFUSED/)] });
    expect(await bench.ids()).toHaveLength(2);
  });

  test('retry sends each span to the exporter that refused it, if that exporter is configured', async () => {
    const bench = await createBench();
    await addSpans(bench, 1, 'file');
    const file = join(bench.dataDir, 'traces.jsonl');
    const server = await scriptedServer([{ status: 200, body: '{}' }]);
    await bench.run(['retry'], { env: { ...env(server.url), OTEL_TRACES_EXPORTER: 'otlp,file', OTEL_EXPORTER_FILE_PATH: file } });
    expect(server.posts).toHaveLength(0);
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(2);
    expect(await bench.ids()).toEqual([]);
  });

  test('retry without an exporter is a usage error', async () => {
    const bench = await createBench();
    await addSpans(bench, 1);
    expect((await bench.run(['retry'], { env: { OTEL_TRACES_EXPORTER: 'none' } })).outcome).toMatchObject({ kind: 'usage' });
    expect((await bench.run(['retry'], { env: { OTEL_TRACES_EXPORTER: 'jaeger' } })).outcome).toMatchObject({ kind: 'usage' });
    expect(await bench.ids()).toHaveLength(1);
  });

  test('retry ends at a signal and keeps the entries that were not accepted', async () => {
    const bench = await createBench();
    await addSpans(bench, 1);
    const server = await scriptedServer(['silent']);
    const stop = new AbortController();
    const running = bench.run(['retry'], { env: env(server.url), stop: stop.signal });
    while (server.posts.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    stop.abort();
    expect((await running).outcome).toEqual({ kind: 'interrupted' });
    expect(await bench.ids()).toHaveLength(1);
  });
});

describe('usage errors', () => {
  test.each([
    [[], 'an action is required'],
    [['lsit'], 'unknown action "lsit": use list, show, retry or drop (did you mean list?)'],
    [['show'], 'a selection is required'],
    [['drop'], 'a selection is required'],
    [['list', '--all'], '--all works with drop only'],
    [['list', '--kind', 'trace'], '--kind: "trace" is not one of'],
    [['list', '--json=maybe'], '--json: "maybe" is not true or false'],
    [['retry', '--to', 'h:1'], '--to: must begin with http://'],
  ])('the arguments %j are a usage error', async (argv, problem) => {
    const bench = await createBench();
    expect((await bench.run(argv)).outcome).toEqual({ kind: 'usage', problems: [expect.stringContaining(problem)] });
  });

  test('retry of events without --to is a usage error', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1)]);
    expect((await bench.run(['retry'])).outcome).toMatchObject({ kind: 'usage', problems: [expect.stringContaining('--to')] });
  });

  test('a missing or absent data folder is a usage error', async () => {
    expect(await quarantineCommand.run(invocation(['list', '--data-dir=']))).toMatchObject({
      kind: 'usage',
      problems: [expect.stringContaining('--data-dir')],
    });
    const gone = join(tmpdir(), 'no-such-folder-of-a-bridge');
    expect(await quarantineCommand.run(invocation(['list', '--data-dir', gone]))).toMatchObject({ kind: 'usage' });
    await expect(stat(gone)).rejects.toThrow('ENOENT');
  });

  test('the data folder can be set by its variable', async () => {
    const bench = await createBench();
    await addEvents(bench, ['x']);
    const context = invocation(['quarantine', 'list'], { env: { RAY_OTEL_DATA_DIR: bench.dataDir } });
    expect(await runProgram(context)).toBe(0);
    expect(context.stdout.text).toContain('e1-0');
  });
});
