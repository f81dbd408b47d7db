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
      // Exporters wait on this clock too.
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
  test('is a table in the order of time', async () => {
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
  ])('of %j', async (argv, codes) => {
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
    expect(stderr.text).toBe(codes.length === 0 ? 'nothing is in quarantine that this asks for\n' : '');
  });

  test('and show give hostile text no power over the terminal', async () => {
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

  test('cuts reasons to the width of a terminal', async () => {
    const bench = await createBench();
    bench.quarantine.addEvent(bytesOf({}), invalid('x'.repeat(500)));
    await bench.written();
    const context = invocation(['list', '--data-dir', bench.dataDir]);
    Object.assign(context.stdout, { isTTY: true });
    await quarantineCommand.run(context);
    expect(Math.max(...context.stdout.text.split('\n').map((line) => line.length))).toBe(79);
  });

  test('of nothing is no failure', async () => {
    expect(await (await createBench()).run(['list'])).toMatchObject({ outcome: { kind: 'done' }, stdout: { text: '' } });
  });
});

describe('show', () => {
  test('is the whole entry', async () => {
    const bench = await createBench();
    await addSpans(bench, 2);
    const [id = ''] = (await bench.ids()).slice(1);
    const { stdout, outcome } = await bench.run(['show', id]);
    expect(outcome).toEqual({ kind: 'done' });
    expect(JSON.parse(stdout.text)).toEqual((await readAll(bench.folder)).entries[1]);
  });

  test('of an id that is not there is trouble', async () => {
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
  ])('%j', async (argv, count) => {
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
  test('posts what this release takes, and removes what the bridge took', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1), 'never', rawEvent(2)]);
    const server = await scriptedServer([taken(2)]);
    const { outcome, stdout, stderr } = await bench.run(['retry', '--to', server.url]);
    expect(server.posts.map(({ body }) => JSON.parse(body) as unknown)).toEqual([[rawEvent(1), rawEvent(2)]]);
    expect(outcome).toEqual({ kind: 'failed', problems: ['1 entry could not be sent again'] });
    expect(stdout.text).toBe('2 entries taken and removed, 1 entry left in quarantine\n');
    expect(stderr.text).toMatch(/e1-\d+: this release rejects it too: The event is not a JSON object/);
    expect((await readAll(bench.folder)).entries).toMatchObject([{ event: '[string]' }]);
  });

  test('finds the one that the bridge rejects again', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1), rawEvent(2), rawEvent(3)]);
    const server = await scriptedServer([taken(2, 1), taken(1), taken(0, 1), taken(1)]);
    const { stderr } = await bench.run(['retry', '--to', server.url]);
    expect(server.posts).toHaveLength(4);
    expect(stderr.text).toMatch(/e1-\d+: the bridge rejects it again/);
    expect((await readAll(bench.folder)).entries).toMatchObject([{ event: rawEvent(2) }]);
  });

  test('goes in batches, each of them removed when it is taken: what ends it loses nothing', async () => {
    const bench = await createBench();
    await addEvents(
      bench,
      Array.from({ length: 150 }, (_, index) => rawEvent(index)),
    );
    const server = await scriptedServer([taken(100), { status: 404 }]);
    const { outcome, stdout } = await bench.run(['retry', '--to', server.url]);
    expect(outcome).toMatchObject({ kind: 'failed', problems: [expect.stringContaining('answered 404')] });
    expect(stdout.text).toBe('100 entries taken and removed, 50 entries left in quarantine\n');
    expect(await bench.ids()).toHaveLength(50);
  });

  test('of some ids leaves the others alone', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1), rawEvent(2)]);
    const server = await scriptedServer([taken(1)]);
    const { outcome } = await bench.run(['retry', 'e1-0', 'e9-9', '--to', server.url]);
    expect(outcome).toMatchObject({ kind: 'failed', problems: [expect.stringContaining('"e9-9"')] });
    expect(await bench.ids()).toHaveLength(1);
  });

  test('removes nothing when the answer is not that of a bridge', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1)]);
    const server = await scriptedServer([{ status: 200, body: '<html>welcome</html>' }]);
    expect((await bench.run(['retry', '--to', server.url])).outcome).toMatchObject({
      problems: [expect.stringContaining('not as a bridge does')],
    });
    expect(await bench.ids()).toHaveLength(1);
  });
});

describe('retry of spans', () => {
  const env = (url: string): Record<string, string> => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });

  test('sends them to the backend as they were', async () => {
    const bench = await createBench();
    await addSpans(bench, 3);
    const server = await scriptedServer([{ status: 200, body: '{}' }]);
    const { outcome, stdout } = await bench.run(['retry'], { env: env(server.url) });
    expect(outcome).toEqual({ kind: 'done' });
    expect(stdout.text).toBe('3 entries taken and removed\n');
    expect(await bench.ids()).toEqual([]);
    expect(server.posts.map(({ url }) => url)).toEqual(['/v1/traces']);
    const sent = spansOfOtlpJson(JSON.parse(server.posts[0]?.body ?? ''));
    expect(sent.flatMap((span) => [...otlpJsonLines([span])])).toEqual(
      realSpans()
        .slice(0, 3)
        .flatMap((span) => [...otlpJsonLines([span])]),
    );
  });

  test('keeps those that are refused again', async () => {
    const bench = await createBench();
    await addSpans(bench, 1);
    const server = await scriptedServer([{ status: 400, body: 'still odd' }]);
    const { outcome, stderr } = await bench.run(['retry'], { env: env(server.url) });
    expect(outcome).toEqual({ kind: 'failed', problems: ['1 entry could not be sent again'] });
    expect(stderr.text).toContain('s1-0: HTTP 400');
    expect(await bench.ids()).toEqual(['s1-0']);
  });

  test('gives up on a backend that is away, and says what is wrong', async () => {
    const bench = await createBench();
    await addSpans(bench, 2);
    const { outcome } = await bench.run(['retry', '--give-up', '50ms'], { env: env(`http://127.0.0.1:${await freePort()}`) });
    expect(outcome).toMatchObject({ kind: 'failed', problems: [expect.stringMatching(/not all spans were taken .* ECONNREFUSED/)] });
    expect(await bench.ids()).toHaveLength(2);
  });

  test('goes to the exporter that refused them, where it is set', async () => {
    const bench = await createBench();
    await addSpans(bench, 1, 'file');
    const file = join(bench.dataDir, 'traces.jsonl');
    const server = await scriptedServer([{ status: 200, body: '{}' }]);
    await bench.run(['retry'], { env: { ...env(server.url), OTEL_TRACES_EXPORTER: 'otlp,file', OTEL_EXPORTER_FILE_PATH: file } });
    expect(server.posts).toHaveLength(0);
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(2);
    expect(await bench.ids()).toEqual([]);
  });

  test('without an exporter is a mistake of the user', async () => {
    const bench = await createBench();
    await addSpans(bench, 1);
    expect((await bench.run(['retry'], { env: { OTEL_TRACES_EXPORTER: 'none' } })).outcome).toMatchObject({ kind: 'usage' });
    expect((await bench.run(['retry'], { env: { OTEL_TRACES_EXPORTER: 'jaeger' } })).outcome).toMatchObject({ kind: 'usage' });
    expect(await bench.ids()).toHaveLength(1);
  });

  test('ends at a signal, and keeps what was not taken', async () => {
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

describe('mistakes of the user', () => {
  test.each([
    [[], 'say what to do'],
    [['lsit'], '"lsit" is none of list, show, retry, drop (did you mean list?)'],
    [['show'], 'say which'],
    [['drop'], 'say what to drop'],
    [['list', '--all'], '--all is for drop only'],
    [['list', '--kind', 'trace'], '--kind: "trace" is not one of'],
    [['list', '--json=maybe'], '--json: "maybe" is not true or false'],
    [['retry', '--to', 'h:1'], '--to: must begin with http://'],
  ])('%j', async (argv, problem) => {
    const bench = await createBench();
    expect((await bench.run(argv)).outcome).toEqual({ kind: 'usage', problems: [expect.stringContaining(problem)] });
  });

  test('events without --to', async () => {
    const bench = await createBench();
    await addEvents(bench, [rawEvent(1)]);
    expect((await bench.run(['retry'])).outcome).toMatchObject({ kind: 'usage', problems: [expect.stringContaining('--to')] });
  });

  test('no data folder, or one that is not there', async () => {
    expect(await quarantineCommand.run(invocation(['list', '--data-dir=']))).toMatchObject({
      kind: 'usage',
      problems: [expect.stringContaining('--data-dir')],
    });
    const gone = join(tmpdir(), 'no-such-folder-of-a-bridge');
    expect(await quarantineCommand.run(invocation(['list', '--data-dir', gone]))).toMatchObject({ kind: 'usage' });
    await expect(stat(gone)).rejects.toThrow('ENOENT');
  });

  test('the folder may come from the variable', async () => {
    const bench = await createBench();
    await addEvents(bench, ['x']);
    const context = invocation(['quarantine', 'list'], { env: { RAY_OTEL_DATA_DIR: bench.dataDir } });
    expect(await runProgram(context)).toBe(0);
    expect(context.stdout.text).toContain('e1-0');
  });
});
