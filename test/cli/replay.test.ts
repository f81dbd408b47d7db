import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { replayCommand } from '../../src/command/replay.ts';
import { invocation } from './invocation.ts';
import { freePort, type ScriptedAnswer, scriptedServer } from './scripted-server.ts';

const taken = (accepted: number): ScriptedAnswer => ({
  status: 200,
  body: JSON.stringify({ accepted, duplicates: 0, rejected: 0, errors: [] }),
});

const bodies = [
  JSON.stringify([{ eventId: 'a' }]),
  JSON.stringify([{ eventId: 'b' }, { eventId: 'c' }]),
  JSON.stringify([{ eventId: 'd' }]),
];
const recording = bodies.map((body, index) => JSON.stringify({ receivedAt: 100 + index * 2, path: '/x', headers: {}, body })).join('\n');

async function fileOf(text: string | Buffer): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'replay-')), 'events.ndjson');
  await writeFile(file, text);
  return file;
}

describe('replay', () => {
  test('replay posts every recorded body unchanged to the path of the URL and sums up the answers', async () => {
    const server = await scriptedServer([taken(1), { status: 200, body: '{"accepted":1,"duplicates":0,"rejected":1}' }, taken(1)]);
    const run = invocation([await fileOf(gzipSync(recording)), '--to', `${server.url}/v1/events`, '--speed', 'max']);
    expect(await replayCommand.run(run)).toEqual({ kind: 'done' });
    expect(server.posts.map(({ url, body }) => [url, body])).toEqual(bodies.map((body) => ['/v1/events', body]));
    expect(server.posts[0]?.headers['content-type']).toBe('application/json');
    expect(run.stdout.text).toContain('3 posts with 4 events');
    expect(run.stdout.text).toContain('3 accepted, 0 duplicates, 1 rejected');
    expect(run.sleptMs).toEqual([]);
  });

  test.each([
    ['1', [2000, 2000]],
    ['10', [200, 200]],
  ])('replay --speed %s keeps the pauses of the recording in proportion', async (speed, pausesMs) => {
    const server = await scriptedServer([taken(1)]);
    const run = invocation([await fileOf(recording), '--to', server.url, '--speed', speed]);
    expect(await replayCommand.run(run)).toEqual({ kind: 'done' });
    expect(run.sleptMs).toEqual(pausesMs);
  });

  test('replay posts plain events in batches of 1000, across lines', async () => {
    const server = await scriptedServer([taken(1000)]);
    const lines = Array.from({ length: 2500 }, (_, index) => JSON.stringify({ eventId: String(index) })).join('\n');
    const run = invocation(['-', '--to', server.url], { stdin: Readable.from([lines]) });
    expect(await replayCommand.run(run)).toEqual({ kind: 'done' });
    const batches = server.posts.map(({ body }) => JSON.parse(body) as { eventId: string }[]);
    expect(batches.map((batch) => batch.length)).toEqual([1000, 1000, 500]);
    expect(batches.flat().map(({ eventId }) => Number(eventId))).toEqual(Array.from({ length: 2500 }, (_, index) => index));
  });

  test('replay retries a post unchanged until it is accepted, with pauses that double up to 5 s', async () => {
    const busy = { status: 503, body: '{"error":{"code":"journal_full","message":"the journal is full"}}' };
    const server = await scriptedServer([...Array.from({ length: 10 }, () => busy), taken(1)]);
    const run = invocation([await fileOf(recording), '--to', server.url, '--speed', 'max', '--give-up', '0']);
    expect(await replayCommand.run(run)).toEqual({ kind: 'done' });
    expect(server.posts).toHaveLength(13);
    expect(new Set(server.posts.slice(0, 11).map(({ body }) => body))).toEqual(new Set([bodies[0]]));
    expect(run.sleptMs).toEqual([20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000]);
    expect(run.stderr.text).toContain('answered 503 (the journal is full)');
  });

  test('replay retries a post without an answer in time', async () => {
    const server = await scriptedServer(['silent', taken(1)]);
    const run = invocation([await fileOf(recording), '--to', server.url, '--speed', 'max', '--timeout', '50ms']);
    expect(await replayCommand.run(run)).toEqual({ kind: 'done' });
    expect(server.posts).toHaveLength(4);
  });

  test('replay gives up on a post after --give-up', async () => {
    const server = await scriptedServer([{ status: 500 }]);
    const run = invocation([await fileOf(recording), '--to', server.url, '--speed', 'max', '--give-up', '100ms']);
    expect(await replayCommand.run(run)).toEqual({
      kind: 'failed',
      problems: [expect.stringMatching(/events\.ndjson:1: .* answered 500; gave up after 4 tries/)],
    });
    expect(server.posts).toHaveLength(4);
  });

  test('replay fails when nothing listens at the URL', async () => {
    const port = await freePort();
    const run = invocation([await fileOf(recording), '--to', `http://127.0.0.1:${port}`, '--give-up', '10ms']);
    expect(await replayCommand.run(run)).toEqual({
      kind: 'failed',
      problems: [expect.stringContaining(`cannot reach 127.0.0.1:${port}: nothing listens there`)],
    });
  });

  test('replay reports and skips a refused body and an unreadable line', async () => {
    const server = await scriptedServer([taken(1), { status: 400, body: '{"error":{"message":"not JSON"}}' }, taken(1)]);
    const run = invocation([await fileOf(`${recording}\n{"broken`), '--to', server.url, '--speed', 'max']);
    expect(await replayCommand.run(run)).toEqual({ kind: 'failed', problems: ['2 lines or posts could not be replayed'] });
    expect(server.posts).toHaveLength(3);
    expect(run.stderr.text).toMatch(/events\.ndjson:2: .* answered 400 \(not JSON\)\n/);
    expect(run.stderr.text).toMatch(/events\.ndjson:4: not JSON/);
  });

  test.each([401, 404, 302])('replay ends immediately at a %d, because every other post would fail, too', async (status) => {
    const server = await scriptedServer([{ status, headers: { location: '/elsewhere' } }]);
    const run = invocation([await fileOf(recording), '--to', server.url, '--speed', 'max']);
    expect(await replayCommand.run(run)).toMatchObject({ kind: 'failed' });
    expect(server.posts).toHaveLength(1);
  });

  test('replay sends credentials in the URL as Basic authentication and never prints them', async () => {
    const server = await scriptedServer([{ status: 503 }, { status: 401 }]);
    const target = `http://user:hunter%232@127.0.0.1:${server.port}/`;
    const run = invocation([await fileOf(recording), '--to', target, '--speed', 'max'], {});
    const outcome = await replayCommand.run(run);
    expect(server.posts[0]?.headers.authorization).toBe(`Basic ${Buffer.from('user:hunter#2').toString('base64')}`);
    expect(JSON.stringify(outcome) + run.stdout.text + run.stderr.text).not.toMatch(/hunter|user/);
  });

  test('a signal ends replay between two posts, with a summary so far', async () => {
    const server = await scriptedServer([taken(1)]);
    const run = invocation([await fileOf(recording), '--to', server.url, '--speed', '1'], {
      sleep: async () => {
        run.interrupt();
        await Promise.resolve();
      },
    });
    expect(await replayCommand.run(run)).toEqual({ kind: 'interrupted' });
    expect(run.stdout.text).toContain('1 post with 1 event');
    expect(server.posts).toHaveLength(1);
  });

  test('on a terminal, replay rewrites one line of progress', async () => {
    const server = await scriptedServer([taken(1)]);
    const run = invocation([await fileOf(recording), '--to', server.url]);
    Object.assign(run.stderr, { isTTY: true });
    await replayCommand.run(run);
    expect(run.stderr.text).toMatch(/\r\u001b\[2K1 post, 1 event/);
    expect(run.stderr.text).not.toContain('\n');
  });

  test.each([
    [[], 'FILE is required'],
    [['none.ndjson', '--to', 'http://h'], 'none.ndjson: no such file'],
    [['-', '--to', 'h:1'], '--to: must begin with http://'],
    [['-'], '--to: is required'],
    [['-', '--to', 'http://h', '--speed', 'fast'], '--speed: "fast" is not a speed'],
  ])('the arguments %j are a usage error', async (argv, problem) => {
    expect(await replayCommand.run(invocation([...argv, ...(argv.length === 0 ? ['--to', 'http://h'] : [])]))).toEqual({
      kind: 'usage',
      problems: [expect.stringContaining(problem)],
    });
  });
});
