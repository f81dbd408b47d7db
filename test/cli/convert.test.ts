import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { convertCommand } from '../../src/command/convert.ts';
import { invocation } from './invocation.ts';

const recording = fileURLToPath(new URL('../fixtures/recordings/job-submit-ray-2.60.0.ndjson', import.meta.url));
let folder: string;
let lines: readonly string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convert-'));
  lines = (await readFile(recording, 'utf8')).trimEnd().split('\n');
});

async function fileOf(name: string, text: string | Buffer): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

async function converted(...argv: readonly string[]): Promise<string> {
  const run = invocation(argv);
  expect(await convertCommand.run(run)).toEqual({ kind: 'done' });
  return run.stdout.text;
}

function spansIn(otlpLines: string): readonly { readonly name: string; readonly traceId: string }[] {
  type Request = { resourceSpans: { scopeSpans: { spans: { name: string; traceId: string }[] }[] }[] };
  const requests = otlpLines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Request);
  return requests.flatMap((request) => request.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)));
}

describe('convert', () => {
  test('convert writes OTLP JSON lines, and a summary on standard error', async () => {
    const run = invocation([recording]);
    expect(await convertCommand.run(run)).toEqual({ kind: 'done' });
    const spans = spansIn(run.stdout.text);
    expect(spans.filter(({ name }) => name === 'preprocess').length).toBeGreaterThan(3);
    const traces = new Set(spans.map(({ traceId }) => traceId)).size;
    expect(run.stderr.text).toBe(`123 events, 0 rejected, ${spans.length} spans, ${traces} traces\n`);
  });

  test('is not misled by one time of a wrong clock, whether it is known when the events were received or not', async () => {
    const events = lines.flatMap((line) => JSON.parse((JSON.parse(line) as { body: string }).body) as unknown[]);
    const { sessionName } = events[0] as { sessionName: string };
    const wrong = (timestamp: string) => ({
      eventId: 'd3Jvbmc=',
      eventType: 'NODE_LIFECYCLE_EVENT',
      timestamp: '2026-11-23T22:00:00Z',
      sessionName,
      nodeLifecycleEvent: { nodeId: Buffer.alloc(28, 9).toString('base64'), stateTransitions: [{ state: 'ALIVE', timestamp }] },
    });
    const ofOthers = (otlpLines: string): unknown =>
      spansIn(otlpLines)
        .filter(({ name }) => !name.startsWith('node'))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    const expected = ofOthers(await converted(recording));
    for (const time of ['2199-12-31T23:59:59.999999999Z', '2000-01-01T00:00:00Z']) {
      const plain = await fileOf('wrong.json', JSON.stringify([wrong(time), ...events]));
      expect(ofOthers(await converted(plain))).toEqual(expected);
      const { receivedAt } = JSON.parse(lines[0] ?? '') as { receivedAt: number };
      const post = JSON.stringify({ receivedAt, path: '/v1/events', headers: {}, body: JSON.stringify([wrong(time)]) });
      expect(ofOthers(await converted(await fileOf('wrong.ndjson', [post, ...lines].join('\n'))))).toEqual(expected);
    }
  });

  test('convert writes the same bytes for any form, order and division of the input', async () => {
    const expected = await converted(recording);
    const events = lines.flatMap((line) => JSON.parse((JSON.parse(line) as { body: string }).body) as unknown[]);
    const half = Math.floor(lines.length / 2);
    const reversed = lines.toReversed().join('\n');
    expect(await converted(await fileOf('reversed.ndjson', reversed))).toBe(expected);
    expect(await converted(await fileOf('events.json.gz', gzipSync(JSON.stringify(events.toReversed()))))).toBe(expected);
    expect(
      await converted(await fileOf('b.ndjson', lines.slice(half).join('\n')), await fileOf('a.ndjson', lines.slice(0, half).join('\n'))),
    ).toBe(expected);
    expect(await converted(recording, recording)).toBe(expected);
  });

  test('convert reads standard input for the file name -', async () => {
    const run = invocation(['-'], { stdin: Readable.from([lines.join('\n')]) });
    expect(await convertCommand.run(run)).toEqual({ kind: 'done' });
    expect(run.stdout.text).toBe(await converted(recording));
  });

  test('convert --output replaces the file atomically and leaves no partial file', async () => {
    const output = await fileOf('traces.jsonl', 'old');
    expect(await converted(recording, '--output', output)).toBe('');
    expect(await readFile(output, 'utf8')).toBe(await converted(recording));
    expect(await readdir(folder)).toEqual(['traces.jsonl']);
  });

  test('convert fails when the output cannot be written, and keeps the existing file', async () => {
    const output = join(folder, 'taken');
    await mkdir(join(output, 'inside'), { recursive: true });
    expect(await convertCommand.run(invocation([recording, '--output', output]))).toMatchObject({ kind: 'failed' });
    expect(await readdir(folder)).toEqual(['taken']);
  });

  test('convert reports an unreadable line with its position, converts the rest, and fails', async () => {
    const broken = [...lines.slice(0, 3), '{"receivedAt', ...lines.slice(3)].join('\n');
    const file = await fileOf('broken.ndjson', broken);
    const run = invocation([file]);
    expect(await convertCommand.run(run)).toEqual({
      kind: 'failed',
      problems: [expect.stringContaining('1 part of the input could not be read and is missing from')],
    });
    expect(run.stderr.text).toContain(`${file}:4: not JSON`);
    expect(run.stdout.text).toBe(await converted(recording));
  });

  test('convert counts rejected events by reason and does not fail', async () => {
    const file = await fileOf(
      'strange.json',
      JSON.stringify([{ eventId: 'b' }, { eventId: 'a', eventType: 'TOMORROWS_EVENT', sessionName: 's' }]),
    );
    const run = invocation([file]);
    expect(await convertCommand.run(run)).toEqual({ kind: 'done' });
    expect(run.stderr.text).toContain('2 events, 2 rejected, 0 spans, 0 traces');
    expect(run.stderr.text).toMatch(/rejected 1: event_type_unknown/);
  });

  test('convert reads the settings for spans from the same flags and variables as serve', async () => {
    const flat = await converted(recording, '--phases', 'none');
    const run = invocation([recording], { env: { RAY_OTEL_PHASES: 'none' } });
    await convertCommand.run(run);
    expect(run.stdout.text).toBe(flat);
    expect(flat).not.toBe(await converted(recording));
  });

  test('convert applies the OTEL variables for spans, and reports wrong ones as usage errors', async () => {
    const run = invocation([recording], { env: { OTEL_SERVICE_NAME: 'my-cluster' } });
    await convertCommand.run(run);
    expect(run.stdout.text).toContain('{"key":"service.name","value":{"stringValue":"my-cluster"}}');
    const wrong = invocation([recording, '--phases', 'all'], { env: { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: 'long' } });
    expect(await convertCommand.run(wrong)).toMatchObject({
      kind: 'usage',
      problems: [expect.stringContaining('--phases'), expect.stringContaining('LENGTH_LIMIT')],
    });
  });

  test('a signal ends convert without a result', async () => {
    const output = join(folder, 'traces.jsonl');
    const run = invocation([recording, '--output', output]);
    run.interrupt();
    expect(await convertCommand.run(run)).toEqual({ kind: 'interrupted' });
    expect(await readdir(folder)).toEqual([]);
  });

  test('convert without a file is a usage error', async () => {
    expect(await convertCommand.run(invocation([]))).toMatchObject({
      kind: 'usage',
      problems: [expect.stringContaining('FILE is required')],
    });
  });
});
