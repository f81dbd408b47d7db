import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { teeCommand } from '../../src/command/tee.ts';
import { invocation } from './invocation.ts';
import { scriptedServer } from './scripted-server.ts';

async function startTee(env: Record<string, string>, ...argv: readonly string[]) {
  const run = invocation(['--listen', '127.0.0.1:0', ...argv], { env });
  const outcome = teeCommand.run(run);
  const [, url = ''] = await run.stdout.shows(/listening on (\S+);/);
  const post = async (body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> =>
    await fetch(`${url}/v1/events`, {
      method: 'POST',
      body: new Uint8Array(Buffer.from(body)),
      headers: { 'content-type': 'application/json', ...headers },
    });
  const stop = async () => {
    run.interrupt();
    return await outcome;
  };
  return { run, url, post, stop };
}

describe('tee', () => {
  test('sends each post to all consumers, as it came, also a compressed one', async () => {
    const [one, two] = [await scriptedServer([{ status: 200 }]), await scriptedServer([{ status: 200 }])];
    const { post, stop, run, url } = await startTee({}, '--to', one.url, '--to', two.url);
    expect(await (await post('[{"a":1}]')).json()).toEqual({ forwardedTo: 2 });
    expect((await post(gzipSync('[{"b":2}]'), { 'content-encoding': 'gzip' })).status).toBe(200);
    await expect.poll(() => [one.posts.length, two.posts.length]).toEqual([2, 2]);
    expect(one.posts.map(({ headers }) => headers['content-encoding'])).toContain('gzip');
    expect(two.posts.map(({ body }) => body)).toContain('[{"a":1}]');
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      `ray_otel_tee_forwarded_total{target="${new URL(one.url).origin}",outcome="taken"} 2\n`,
    );
    expect(await stop()).toEqual({ kind: 'done' });
    expect(run.stdout.text).toMatch(/stopped after 2 posts, .*; consumers took 4 posts\n$/);
  });

  test('answers 200 although a consumer is away, and says so once', async () => {
    const one = await scriptedServer([{ status: 200 }]);
    const { post, stop, run } = await startTee({}, '--to', `${one.url},http://127.0.0.1:9`);
    for (let number = 0; number < 3; number += 1) expect((await post('[]')).status).toBe(200);
    await expect.poll(() => one.posts.length).toBe(3);
    await expect.poll(() => run.stderr.text.match(/http:\/\/127\.0\.0\.1:9 does not take posts: /g)).toHaveLength(1);
    expect(await stop()).toEqual({ kind: 'done' });
  });

  test('answers 503 with --required when a consumer did not take the post', async () => {
    const one = await scriptedServer([{ status: 400 }]);
    const { post, stop } = await startTee({}, '--to', one.url, '--required');
    const answer = await post('[]');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { code: 'forward_failed' } });
    await stop();
  });

  test('refuses a sender without a token, and a page of a browser', async () => {
    const one = await scriptedServer([{ status: 200 }]);
    const { post, stop } = await startTee({ RAY_OTEL_INGEST_TOKEN: 'a-token-of-a-sender' }, '--to', one.url);
    expect((await post('[]')).status).toBe(401);
    expect((await post('[]', { authorization: 'Bearer a-token-of-a-sender', origin: 'http://evil.example' })).status).toBe(403);
    expect((await post('[]', { authorization: 'Bearer a-token-of-a-sender' })).status).toBe(200);
    await expect.poll(() => one.posts.length).toBe(1);
    await stop();
    expect(JSON.stringify(one.posts)).not.toContain('a-token-of-a-sender');
  });

  test.each([
    [[], '--to: is required'],
    [['--to', 'ftp://a'], '--to: must begin with http:// or https://'],
    [['--to', 'http://a', 'b'], 'unexpected argument: name the consumers with --to'],
  ])('%j is a usage error that says what to write', async (argv, problem) => {
    const outcome = await teeCommand.run(invocation(argv));
    expect(outcome).toMatchObject({ kind: 'usage', problems: [expect.stringContaining(problem)] });
  });
});
