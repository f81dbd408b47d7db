import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { otlpJsonLines } from '../../src/export/index.ts';
import { spansOfOtlpJson } from '../../src/otlp/index.ts';
import { removeEntries } from '../../src/quarantine/index.ts';
import {
  bytesOf,
  createTestQuarantine,
  invalid,
  knownEvent,
  NOW_MS,
  readAll,
  realSpans,
  type TestQuarantine,
  unknownType,
} from './quarantine-fixture.ts';

const secretEvent = {
  eventId: 'a',
  eventType: 'DRIVER_JOB_DEFINITION_EVENT',
  driverJobDefinitionEvent: {
    config: {
      serializedRuntimeEnv: JSON.stringify({ env_vars: { API_KEY: 'hunter2' }, pip: ['torch'] }),
      metadata: { owner: 'hunter2', job_name: 'train' },
    },
    entrypoint: 'python train.py --key hunter2',
  },
  message: 'at https://user:hunter2@host/x?sig=hunter2 \u001b[2J',
};

const names = (test: TestQuarantine): string[] => test.events.map(({ name }) => name);
const count = (test: TestQuarantine, name: string): number =>
  test.events.reduce((sum, event) => (event.name === name && 'entries' in event ? sum + event.entries : sum), 0);
const dropped = (test: TestQuarantine): string[] =>
  test.events.flatMap((event) => (event.name === 'quarantine_dropped' ? [`${event.reason} ${event.entries}`] : []));

async function filesOf({ folder }: TestQuarantine): Promise<string[]> {
  return (await readdir(folder)).sort();
}

describe('entries', () => {
  it('an entry of an event has code, reason, time and the event without its secrets', async () => {
    const test = await createTestQuarantine();
    test.quarantine.addEvent(bytesOf(secretEvent), invalid());
    test.quarantine.addEvent(bytesOf('hunter\u001b[2J'), { code: 'event_not_object', message: 'No object.' });
    await test.written();
    const { entries } = await readAll(test.folder);
    expect(entries).toMatchObject([
      {
        id: 'e1-0',
        kind: 'event',
        time: new Date(NOW_MS).toISOString(),
        code: 'event_field_invalid',
        reason: 'In taskLifecycleEvent: taskId is missing.',
        event: { eventId: 'a', driverJobDefinitionEvent: { entrypoint: 'python train.py', config: { metadata: { job_name: 'train' } } } },
      },
      { kind: 'event', code: 'event_not_object', event: '[string]' },
    ]);
    const bytes = await readFile(join(test.folder, 'events-1.ndjson'), 'utf8');
    expect(bytes).not.toContain('hunter2');
    expect(bytes).not.toContain('\\u001b');
    expect(test.events).toEqual([{ name: 'quarantine_written', kind: 'event', entries: 2 }]);
  });

  it('an entry of a span has OTLP JSON that gives the same span', async () => {
    const test = await createTestQuarantine();
    const spans = realSpans();
    for (const span of spans) test.quarantine.addSpan(span, 'HTTP 400: too odd', 'otlp');
    await test.written();
    const { entries } = await readAll(test.folder);
    expect(entries).toHaveLength(spans.length);
    for (const [index, span] of spans.entries()) {
      const entry = entries[index];
      expect(entry).toMatchObject({ kind: 'span', code: 'span_refused', reason: 'HTTP 400: too odd', exporter: 'otlp', ...ids(span) });
      const again = entry?.kind === 'span' ? spansOfOtlpJson(entry.request) : [];
      expect([...otlpJsonLines(again)]).toEqual([...otlpJsonLines([span])]);
    }
  });

  it('only the owner can read the files', async () => {
    const test = await createTestQuarantine();
    test.quarantine.addEvent(bytesOf({}), invalid());
    await test.written();
    await removeEntries(test.folder, ['e1-0']);
    expect((await stat(test.folder)).mode & 0o777).toBe(0o700);
    for (const file of await filesOf(test)) expect((await stat(join(test.folder, file))).mode & 0o777).toBe(0o600);
  });

  it('entries are encoded from a copy, after the caller continues', async () => {
    const test = await createTestQuarantine();
    const bytes = bytesOf(knownEvent('kept'));
    test.quarantine.addEvent(bytes, invalid());
    bytes.fill(0);
    await expect(stat(test.folder)).rejects.toThrow('ENOENT');
    await test.written();
    expect((await readAll(test.folder)).entries).toMatchObject([{ event: { eventId: 'kept' } }]);
  });

  it('entries that are not JSON are counted as dropped', async () => {
    const test = await createTestQuarantine();
    test.quarantine.addEvent(Buffer.from('[[}]]'), { code: 'event_too_deep', message: 'deep' });
    await test.written();
    expect(dropped(test)).toEqual(['not_encodable 1']);
  });

  it('deeply nested events are cut', async () => {
    const test = await createTestQuarantine();
    test.quarantine.addEvent(Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)), { code: 'event_too_deep', message: 'deep' });
    await test.written();
    const { entries } = await readAll(test.folder);
    expect(JSON.stringify(entries[0]).length).toBeLessThan(300);
  });

  it('only a few events of an unknown type are kept', async () => {
    const test = await createTestQuarantine({ limits: { maxUnknownTypes: 3, maxSamplesPerUnknownType: 2 } });
    for (let index = 0; index < 10; index += 1)
      for (const type of ['A', 'B', 'C', 'D', 'E']) test.quarantine.addEvent(bytesOf({ eventType: type }), unknownType(type));
    await test.written();
    const types = (await readAll(test.folder)).entries.map(
      (entry) => entry.kind === 'event' && (entry.event as { eventType: string }).eventType,
    );
    // D and E exceed the limit of types, so they share one sample.
    expect(types).toEqual(['A', 'B', 'C', 'D', 'E', 'A', 'B', 'C']);
    expect(count(test, 'quarantine_dropped')).toBe(42);
    expect(new Set(dropped(test))).toEqual(new Set(['type_sampled 1']));
  });
});

function ids(span: ReturnType<typeof realSpans>[number]): { traceId: string; spanId: string } {
  const { traceId, spanId } = span.spanContext();
  return { traceId, spanId };
}

describe('bounds', () => {
  it('an entry has a maximum size', async () => {
    const test = await createTestQuarantine({ limits: { maxEntryBytes: 100 } });
    test.quarantine.addEvent(bytesOf('x'.repeat(98)), invalid());
    test.quarantine.addEvent(bytesOf('x'.repeat(99)), invalid());
    for (const span of realSpans().slice(0, 1)) test.quarantine.addSpan(span, 'no', 'otlp');
    await test.written();
    expect((await readAll(test.folder)).entries).toHaveLength(1);
    expect(dropped(test)).toEqual(['too_large 1', 'too_large 1']);
  });

  it.each([
    ['entries', { maxQueuedEntries: 3 }],
    ['bytes', { maxQueuedBytes: 30 }],
  ])('the waiting entries have a limit of %s', async (_what, limits) => {
    const test = await createTestQuarantine({ limits });
    for (let index = 0; index < 5; index += 1) test.quarantine.addEvent(Buffer.from('{"a":"bc"}'), invalid());
    expect(test.quarantine.queuedEntries()).toBe(3);
    await test.written();
    expect(dropped(test)).toEqual(['queue_full 1', 'queue_full 1']);
    test.quarantine.addEvent(Buffer.from('{"a":"bc"}'), invalid());
    await test.written();
    expect((await readAll(test.folder)).entries).toHaveLength(4);
  });

  it('a new file replaces the oldest one with its removals, and no id is used twice', async () => {
    const test = await createTestQuarantine({ limits: { maxFileBytes: 1000, maxFiles: 2 } });
    const seen = new Map<string, string>();
    for (let index = 0; index < 40; index += 1) {
      test.quarantine.addEvent(bytesOf(knownEvent(String(index), 'x'.repeat(200))), invalid());
      await test.written();
      const { entries } = await readAll(test.folder);
      for (const entry of entries) {
        const text = JSON.stringify(entry);
        expect(seen.get(entry.id) ?? text).toBe(text);
        seen.set(entry.id, text);
      }
      if (index === 5) await removeEntries(test.folder, [entries[0]?.id ?? '']);
      for (const file of await filesOf(test)) expect((await stat(join(test.folder, file))).size).toBeLessThanOrEqual(1000);
    }
    expect(seen.size).toBe(40);
    const files = await filesOf(test);
    expect(files).toHaveLength(2);
    expect(files.every((file) => file.endsWith('.ndjson'))).toBe(true);
    expect(names(test).filter((name) => name === 'quarantine_rotated').length).toBeGreaterThan(5);
    expect((await readAll(test.folder)).entries.at(-1)).toMatchObject({ event: { eventId: '39' } });
  });

  it('the limits of events do not affect spans', async () => {
    const test = await createTestQuarantine({ limits: { maxFileBytes: 5000 } });
    const [span] = realSpans();
    if (span !== undefined) test.quarantine.addSpan(span, 'no', 'otlp');
    for (let index = 0; index < 100; index += 1) test.quarantine.addEvent(bytesOf(knownEvent('a', 'x'.repeat(500))), invalid());
    await test.written();
    expect((await readAll(test.folder)).entries.filter(({ kind }) => kind === 'span')).toHaveLength(1);
  });
});

describe('a disk that is full or read-only', () => {
  it('a full disk is reported once, loses nothing while the queue has capacity, and its recovery is reported once', async () => {
    const test = await createTestQuarantine();
    await mkdir(dirname(test.folder), { recursive: true });
    // A file instead of the folder: every write fails, even as root.
    await writeFile(test.folder, '');
    test.quarantine.addEvent(bytesOf(knownEvent('a')), invalid());
    const tries = async (): Promise<void> => {
      test.wake();
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    for (let index = 0; index < 5; index += 1) await tries();
    test.quarantine.addEvent(bytesOf(knownEvent('b')), invalid());
    expect(test.events).toEqual([{ name: 'quarantine_unwritable', folder: test.folder, reason: expect.stringContaining('EEXIST') }]);
    await rm(test.folder);
    while (test.quarantine.queuedEntries() > 0) await tries();
    expect(names(test).slice(1)).toEqual(['quarantine_writable', 'quarantine_written', 'quarantine_written']);
    expect((await readAll(test.folder)).entries).toMatchObject([{ event: { eventId: 'a' } }, { event: { eventId: 'b' } }]);
  });

  it('a full disk does not block closing', async () => {
    const test = await createTestQuarantine();
    await mkdir(dirname(test.folder), { recursive: true });
    await writeFile(test.folder, '');
    test.quarantine.addEvent(bytesOf({}), invalid());
    await test.quarantine.close(60_000);
    expect(names(test)).toEqual(['quarantine_unwritable', 'quarantine_dropped']);
    expect(dropped(test)).toEqual(['write_failed 1']);
  });

  it('a disk that hangs blocks closing only until the timeout', async () => {
    const test = await createTestQuarantine({ sleep: () => Promise.resolve() });
    test.quarantine.addEvent(bytesOf({}), invalid());
    await test.quarantine.close(10);
    expect(test.quarantine.queuedEntries()).toBe(1);
    await test.written();
  });
});

describe('files', () => {
  it('files are continued after a restart, also after a line that a crash cut', async () => {
    const first = await createTestQuarantine();
    first.quarantine.addEvent(bytesOf(knownEvent('a')), invalid());
    await first.quarantine.close(1000);
    await appendFile(join(first.folder, 'events-1.ndjson'), '{"kind":"event","time":"2026');
    expect(await readAll(first.folder)).toMatchObject({ entries: [{ id: 'e1-0' }], problems: [] });
    const second = await createTestQuarantine({ folder: first.folder });
    second.quarantine.addEvent(bytesOf(knownEvent('b')), invalid());
    await second.quarantine.close(1000);
    const { entries, problems } = await readAll(first.folder);
    expect(entries).toMatchObject([{ event: { eventId: 'a' } }, { event: { eventId: 'b' } }]);
    expect(problems).toMatchObject([{ message: 'the line is damaged' }]);
    await removeEntries(
      first.folder,
      problems.map(({ id }) => id),
    );
    expect((await readAll(first.folder)).problems).toEqual([]);
  });

  it('removed files are created again', async () => {
    const test = await createTestQuarantine();
    test.quarantine.addEvent(bytesOf({}), invalid());
    await test.written();
    await rm(test.folder, { recursive: true });
    expect(await readAll(test.folder)).toEqual({ entries: [], problems: [] });
    test.quarantine.addEvent(bytesOf(knownEvent('b')), invalid());
    await test.written();
    expect((await readAll(test.folder)).entries).toMatchObject([{ event: { eventId: 'b' } }]);
  });

  it('entries can be removed while the bridge writes', async () => {
    const test = await createTestQuarantine();
    const add = async (eventId: string): Promise<void> => {
      test.quarantine.addEvent(bytesOf(knownEvent(eventId)), invalid());
      await test.written();
    };
    for (const eventId of ['a', 'b', 'c']) await add(eventId);
    const [, middle] = (await readAll(test.folder)).entries;
    await Promise.all([removeEntries(test.folder, [middle?.id ?? '', 'e9-0', 'e1-7', '../x']), add('d')]);
    expect((await readAll(test.folder)).entries).toMatchObject(['a', 'c', 'd'].map((eventId) => ({ event: { eventId } })));
    expect(await filesOf(test)).toEqual(['events-1.ndjson', 'events-1.removed']);
  });

  it('a file is deleted when its last entry is removed and the bridge writes to a newer file', async () => {
    const test = await createTestQuarantine({ limits: { maxFileBytes: 300 } });
    for (const eventId of ['a', 'b']) {
      test.quarantine.addEvent(bytesOf(knownEvent(eventId, 'x'.repeat(200))), invalid());
      await test.written();
    }
    expect(await filesOf(test)).toEqual(['events-1.ndjson', 'events-2.ndjson']);
    await removeEntries(test.folder, ['e1-0', 'e2-0']);
    expect(await filesOf(test)).toEqual(['events-2.ndjson', 'events-2.removed']);
    expect((await readAll(test.folder)).entries).toEqual([]);
  });

  it('an incomplete removal keeps the entry', async () => {
    const test = await createTestQuarantine();
    test.quarantine.addEvent(bytesOf({}), invalid());
    await test.written();
    await writeFile(join(test.folder, 'events-1.removed'), 'x\n-1\n0');
    expect((await readAll(test.folder)).entries).toHaveLength(1);
    await appendFile(join(test.folder, 'events-1.removed'), '\n');
    expect((await readAll(test.folder)).entries).toHaveLength(0);
  });
});
