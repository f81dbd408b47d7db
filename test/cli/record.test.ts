import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { recordCommand } from '../../src/command/record.ts';
import { type RecordingItem, readRecording } from '../../src/recording/index.ts';
import { invocation } from './invocation.ts';
import { scriptedServer } from './scripted-server.ts';

const recordings = new URL('../fixtures/recordings/', import.meta.url);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'record-'));
});

async function startRecorder(...argv: readonly string[]) {
  const run = invocation(['--listen', '127.0.0.1:0', ...argv]);
  const outcome = recordCommand.run(run);
  const [, url = ''] = await run.stdout.shows(/listening on (\S+)\n[\s\S]*until Ctrl-C/);
  const post = async (body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> =>
    await fetch(url, {
      method: 'POST',
      body: new Uint8Array(Buffer.from(body)),
      headers: { 'content-type': 'application/json', ...headers },
    });
  const stop = async () => {
    run.interrupt();
    return await outcome;
  };
  return { run, url, post, stop, outcome };
}

async function itemsOf(file: string): Promise<readonly RecordingItem[]> {
  const items: RecordingItem[] = [];
  for await (const item of readRecording(file)) items.push(item);
  return items;
}

const secretEvent = {
  eventId: 'a',
  eventType: 'DRIVER_JOB_DEFINITION_EVENT',
  driverJobDefinitionEvent: {
    jobId: 'AQAAAA==',
    config: { serializedRuntimeEnv: '{"env_vars":{"API_KEY":"hunter2"},"pip":["numpy"]}', metadata: {} },
    entrypoint: 'python train.py --token hunter2',
  },
};

describe('record', () => {
  test.each(['events.ndjson', 'events.ndjson.gz'])('%s: a recording contains every event that Ray posted', async (name) => {
    const file = join(folder, name);
    const { post, stop, run } = await startRecorder('--output', file);
    const sent = (await readFile(new URL('job-submit-ray-2.60.0.ndjson', recordings), 'utf8')).trimEnd().split('\n');
    const bodies = sent.map((line) => (JSON.parse(line) as { body: string }).body);
    for (const body of bodies) {
      const response = await post(body);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ accepted: (JSON.parse(body) as unknown[]).length, duplicates: 0, rejected: 0, errors: [] });
    }
    expect(await stop()).toEqual({ kind: 'done' });
    expect((await stat(file)).mode & 0o077).toBe(0);

    const items = await itemsOf(file);
    const idsOf = (body: string): unknown[] => (JSON.parse(body) as { eventId: unknown }[]).map(({ eventId }) => eventId);
    expect(items.map((item) => (item.kind === 'post' ? idsOf(item.body) : item))).toEqual(bodies.map(idsOf));
    expect(run.stdout.text).toMatch(new RegExp(`recorded ${bodies.length} posts with \\d+ events, .* in `));
  });

  test('a recording contains no secret of an event or a header', async () => {
    const file = join(folder, 'events.ndjson');
    const { post, stop } = await startRecorder('--output', file);
    await post(JSON.stringify([secretEvent]), {
      authorization: 'Basic hunter2',
      cookie: 'session=hunter2',
      'x-api-key': 'hunter2',
      'user-agent': 'aiohttp',
    });
    await stop();
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain('hunter2');
    expect(text).toContain('train.py');
    const { headers } = JSON.parse(text) as { headers: Record<string, string> };
    expect(Object.keys(headers).toSorted()).toEqual(['content-length', 'content-type', 'user-agent']);
  });

  test('each post is in the file when it is answered, also in a compressed file', async () => {
    const file = join(folder, 'events.ndjson.gz');
    const { post, stop } = await startRecorder('--output', file);
    for (const count of [1, 2, 3]) {
      await post('[{"eventId":"a"}]');
      expect(
        gunzipSync(await readFile(file))
          .toString()
          .trimEnd()
          .split('\n'),
      ).toHaveLength(count);
    }
    await stop();
  });

  test('a compressed body is recorded as text, and a single event counts as one', async () => {
    const file = join(folder, 'events.ndjson');
    const { post, stop } = await startRecorder('--output', file);
    const response = await post(gzipSync('{"eventId":"a"}'), { 'content-encoding': 'gzip' });
    expect(await response.json()).toMatchObject({ accepted: 1 });
    await stop();
    expect(await itemsOf(file)).toMatchObject([{ kind: 'post', body: '[{"eventId":"[string]"}]' }]);
  });

  test('only the shape of unknown events, of other JSON and of the path is recorded', async () => {
    const file = join(folder, 'events.ndjson');
    const { url, stop } = await startRecorder('--output', file);
    const headers = { 'content-type': 'application/json' };
    const unknown = { eventType: 'A_NEW_EVENT', newEvent: { env: { TOKEN: 'hunter2' }, command: 'x --key hunter2' } };
    for (const body of [JSON.stringify([unknown, { password: 'hunter2', hunter2: 1 }, 'hunter2', ['hunter2']]), '"hunter2"'])
      await fetch(new URL('/ingest/hunter2?key=hunter2', url), { method: 'POST', headers, body });
    await stop();
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain('hunter2');
    const [post] = await itemsOf(file);
    expect(JSON.parse(post?.kind === 'post' ? post.body : '')).toEqual([
      { eventType: 'A_NEW_EVENT', newEvent: { env: { '[other keys]': '[redacted]' }, command: '[string]' } },
      { password: '[string]', '[other keys]': '[redacted]' },
      '[string]',
      ['[string]'],
    ]);
  });

  test('a body that is too large or not JSON is refused, and the recording continues', async () => {
    const file = join(folder, 'events.ndjson');
    const { post, stop } = await startRecorder('--output', file, '--max-body-bytes', '1000');
    expect((await post('{"eventId"')).status).toBe(400);
    expect((await post(`[{"eventId":"${'x'.repeat(2000)}"}]`)).status).toBe(413);
    expect((await post('[{"eventId":"a"}]')).status).toBe(200);
    await stop();
    expect(await itemsOf(file)).toHaveLength(1);
  });

  test('at the limit of the file the recording stops with a message, and posts are still answered with 200', async () => {
    const file = join(folder, 'events.ndjson');
    const { post, stop, run } = await startRecorder('--output', file, '--max-file-bytes', '500');
    for (let count = 0; count < 10; count += 1) expect((await post('[{"eventId":"a"}]')).status).toBe(200);
    expect(await stop()).toEqual({ kind: 'done' });
    expect((await stat(file)).size).toBeLessThanOrEqual(500);
    expect(run.stderr.text.match(/limit of 500 bytes: recording stops/g)).toHaveLength(1);
    expect(run.stdout.text).toMatch(/[1-9] posts not recorded/);
    expect((await itemsOf(file)).every((item) => item.kind === 'post')).toBe(true);
  });

  test('an existing file is not changed', async () => {
    const { stop } = await startRecorder('--output', join(folder, 'events.ndjson'));
    await stop();
    expect(await recordCommand.run(invocation(['--output', join(folder, 'events.ndjson')]))).toMatchObject({
      kind: 'usage',
      problems: [expect.stringContaining('exists already')],
    });
  });

  test('a port in use is reported, and leaves no file behind', async () => {
    const { port } = await scriptedServer([]);
    const file = join(folder, 'events.ndjson');
    const outcome = await recordCommand.run(invocation(['--output', file, '--listen', `127.0.0.1:${port}`]));
    expect(outcome).toMatchObject({ kind: 'failed', problems: [expect.stringContaining('is in use')] });
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });
});
