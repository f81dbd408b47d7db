import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { rawEventsOf, type RecordingItem, readRecording } from '../../src/recording/index.ts';

let folder: string;
let fileCount = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recording-'));
});

async function fileOf(content: string | Buffer): Promise<string> {
  fileCount += 1;
  const file = join(folder, `file-${fileCount}`);
  await writeFile(file, content);
  return file;
}

async function itemsOf(file: string, options = {}): Promise<readonly RecordingItem[]> {
  const items: RecordingItem[] = [];
  for await (const item of readRecording(file, options)) items.push(item);
  return items;
}

async function eventsOf(content: string | Buffer): Promise<readonly unknown[]> {
  const items = await itemsOf(await fileOf(content));
  return items.flatMap((item) => {
    if (item.kind === 'problem') return [{ problem: item.message, line: item.line }];
    const raw = rawEventsOf(item);
    return raw.ok ? raw.value : [{ problem: raw.problem, line: item.line }];
  });
}

const events = [
  { eventId: 'a', note: '[{"\\' },
  { eventId: 'b', list: [1, [2]] },
  { eventId: 'ü', note: 'two\nlines' },
];
const posts = [
  { receivedAt: 10.5, path: '/', headers: {}, body: JSON.stringify(events.slice(0, 2)) },
  { receivedAt: 11, path: '/', headers: {}, body: JSON.stringify(events[2]) },
];

describe('forms of event files', () => {
  const forms: Record<string, string> = {
    'a recording': posts.map((post) => JSON.stringify(post)).join('\n'),
    'a recording with Windows line ends and empty lines': `${posts.map((post) => JSON.stringify(post)).join('\r\n\r\n')}\r\n`,
    'a JSON array on one line': JSON.stringify(events),
    'a JSON array, indented': JSON.stringify(events, null, 2),
    'a JSON array, an event a line': `[${events.map((event) => JSON.stringify(event)).join(',\n')}]`,
    'JSON lines of events': events.map((event) => JSON.stringify(event)).join('\n'),
    'JSON lines of arrays': `${JSON.stringify(events.slice(0, 1))}\n${JSON.stringify(events.slice(1))}\n`,
    'indented events one after the other': events.map((event) => JSON.stringify(event, null, 2)).join('\n'),
    'a text with a byte order mark': `\ufeff${JSON.stringify(events)}`,
  };

  test.each(Object.entries(forms))('%s can be read, plain and gzip', async (_name, text) => {
    expect(await eventsOf(text)).toEqual(events);
    expect(await eventsOf(gzipSync(text))).toEqual(events);
  });

  test('a gzip file with several members can be read', async () => {
    const lines = posts.map((post) => `${JSON.stringify(post)}\n`);
    expect(await eventsOf(Buffer.concat(lines.map((line) => gzipSync(line))))).toEqual(events);
  });

  test('a long gzip file can be read without a warning of Node.js', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning.message);
    process.on('warning', onWarning);
    const lines = Array.from({ length: 60_000 }, () => JSON.stringify({ eventId: randomBytes(80).toString('base64') }));
    expect(await eventsOf(gzipSync(lines.join('\n')))).toHaveLength(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('standard input can be read in chunks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(forms)),
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        async (text, isGzip, chunkBytes) => {
          const bytes = isGzip ? gzipSync(text) : Buffer.from(text);
          const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
            bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
          );
          const items = await itemsOf('-', { stdin: Readable.from(chunks) });
          expect(
            items.flatMap((item) =>
              item.kind === 'problem' ? [item] : [rawEventsOf(item)].flatMap((raw) => (raw.ok ? raw.value : [raw])),
            ),
          ).toEqual(events);
        },
      ),
    );
  });

  test('an empty file, an empty array and a single event can be read', async () => {
    expect(await eventsOf('')).toEqual([]);
    expect(await eventsOf('[]')).toEqual([]);
    expect(await eventsOf('{"eventId":"a"}')).toEqual([{ eventId: 'a' }]);
  });

  test('a recorded POST has its time, line and body', async () => {
    const file = await fileOf(posts.map((post) => JSON.stringify(post)).join('\n'));
    expect(await itemsOf(file)).toEqual([
      { kind: 'post', file, line: 1, receivedAtMs: 10_500, body: posts[0]?.body },
      { kind: 'post', file, line: 2, receivedAtMs: 11_000, body: posts[1]?.body },
    ]);
  });
});

describe('damaged files', () => {
  test('a broken line is reported, and the other lines are read', async () => {
    expect(await eventsOf('{"eventId":"a"}\n{"eventId":\n{"eventId":"b"}')).toEqual([
      { eventId: 'a' },
      { problem: expect.stringContaining('not JSON'), line: 2 },
      { eventId: 'b' },
    ]);
  });

  test('a broken element of an array is reported, and the other elements are read', async () => {
    expect(await eventsOf('[{"eventId":"a"},\n{"eventId":nope},\n{"eventId":"b"}]')).toEqual([
      { eventId: 'a' },
      { problem: expect.stringContaining('not JSON'), line: 2 },
      { eventId: 'b' },
    ]);
  });

  test('a problem does not quote the broken line', async () => {
    expect(JSON.stringify(await eventsOf('{"API_KEY":"hunter2",}'))).not.toContain('hunter2');
  });

  test.each([
    ['an array that is cut off', '[{"eventId":"a"},{"eventI', 'ends inside a value'],
    ['an array that is not closed', '[{"eventId":"a"},', 'before its array is closed'],
    ['a number', '{"eventId":"a"}\n17', 'neither an event nor a recorded POST'],
    ['a body that is no text', '{"receivedAt":1,"body":[]}', '"body" of a recorded POST must be text'],
    ['a time that is no number', '{"receivedAt":"x","body":"[]"}', '"receivedAt" of a recorded POST must be a number'],
    ['a body that is not JSON', '{"receivedAt":1,"body":"[1,"}', 'the recorded body is not JSON'],
  ])('%s', async (_name, text, problem) => {
    expect(await eventsOf(text)).toContainEqual({ problem: expect.stringContaining(problem), line: expect.any(Number) });
  });

  test('a truncated gzip file gives its events and a problem', async () => {
    const lines = Array.from({ length: 2000 }, (_, index) => JSON.stringify({ eventId: `${index}-${Math.sin(index)}` })).join('\n');
    const whole = gzipSync(lines);
    const read = await eventsOf(whole.subarray(0, whole.length / 2));
    expect(read.length).toBeGreaterThan(100);
    expect(read.at(-1)).toEqual({ problem: 'the gzip data ends too early: the file was cut off', line: 0 });
  });

  test('an absent file and a folder give a problem', async () => {
    expect(await itemsOf(join(folder, 'none'))).toEqual([expect.objectContaining({ kind: 'problem', line: 0, message: 'no such file' })]);
    expect(await itemsOf(folder)).toEqual([expect.objectContaining({ kind: 'problem', line: 0, message: 'is a folder, not a file' })]);
  });

  test.each(['{"eventId":"a"}\n{"eventId":"LONG"}\n{"eventId":"b"}', '[{"eventId":"a"},\n{"eventId":"LONG"},\n{"eventId":"b"}]'])(
    'a value that is longer than the limit is skipped: %s',
    async (text) => {
      const file = await fileOf(text.replace('LONG', 'x'.repeat(300_000)));
      const items = await itemsOf(file, { maxLineBytes: 1000 });
      expect(items.map((item) => (item.kind === 'event' ? item.event : item))).toEqual([
        { eventId: 'a' },
        expect.objectContaining({ kind: 'problem', line: 2, message: expect.stringContaining('limit of 1000') }),
        { eventId: 'b' },
      ]);
    },
  );
});
