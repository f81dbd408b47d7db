import { describe, expect, it } from 'vitest';
import { createForwarder, type ForwardedPost, type ForwarderOptions, type ForwardEvent } from '../../src/forward/index.ts';
import { createTestClock, NEVER_MS, until } from '../export/support.ts';

interface Sent {
  readonly url: string;
  readonly body: string;
  readonly headers: Record<string, string>;
}

/** Consumers that answer with `status`, which may change. */
function consumers(status: (sent: Sent) => number | Promise<number>) {
  const sent: Sent[] = [];
  const send: typeof fetch = async (input, init) => {
    if (!(input instanceof URL)) throw new TypeError('the forwarder passes a URL');
    const one = {
      url: input.href,
      body: Buffer.from(init?.body as Uint8Array).toString('utf8'),
      headers: init?.headers as Record<string, string>,
    };
    sent.push(one);
    const answer = await status(one);
    if (answer === 0) throw new TypeError('fetch failed');
    return new Response(null, { status: answer });
  };
  return { sent, send };
}

const post = (body: string, sender: object = {}): ForwardedPost => ({
  sender,
  contentType: 'application/json',
  encoding: undefined,
  body: Buffer.from(body),
});

function forwarding(send: typeof fetch, options: Partial<ForwarderOptions> = {}) {
  const events: ForwardEvent[] = [];
  const clock = createTestClock();
  const forwarder = createForwarder({
    targets: [new URL('http://one.example/v1/events')],
    clock,
    fetch: send,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const outcomes = (): readonly string[] => events.flatMap((event) => (event.name === 'forwarded' ? [event.outcome] : []));
  return { forwarder, events, outcomes, clock };
}

/** An answer that comes when the test says so. */
function later() {
  let resolve: (status: number) => void = () => undefined;
  const promise = new Promise<number>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (status: number) => resolve(status) };
}

const bodies = (sent: readonly Sent[]): readonly string[] => sent.map(({ body }) => body);

describe('forwarding posts', () => {
  it('sends each post to every target, with its type, encoding and bytes', async () => {
    const { sent, send } = consumers(() => 200);
    const { forwarder } = forwarding(send, { targets: [new URL('http://one.example/a'), new URL('http://two.example/b')] });
    forwarder.forward({ sender: {}, contentType: undefined, encoding: 'gzip', body: Buffer.from('[1]') });
    await forwarder.close(NEVER_MS);
    expect(sent).toEqual([
      { url: 'http://one.example/a', body: '[1]', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
      { url: 'http://two.example/b', body: '[1]', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
    ]);
  });

  it('sends the posts of one connection in order, also when one of them has to be retried', async () => {
    let failures = 2;
    const { sent, send } = consumers(({ body }) => (body === 'b' && failures-- > 0 ? 503 : 200));
    const { forwarder, outcomes } = forwarding(send);
    const sender = {};
    for (const body of ['a', 'b', 'c']) forwarder.forward(post(body, sender));
    await forwarder.close(NEVER_MS);
    expect(bodies(sent)).toEqual(['a', 'b', 'b', 'b', 'c']);
    expect(outcomes()).toEqual(['taken', 'taken', 'taken']);
  });

  it('does not hold up the posts of one connection because of another one', async () => {
    const { promise, resolve } = later();
    const { sent, send } = consumers(({ body }) => (body === 'slow' ? promise : 200));
    const { forwarder } = forwarding(send);
    forwarder.forward(post('slow'));
    forwarder.forward(post('fast'));
    await until(() => sent.length === 2);
    expect(bodies(sent)).toEqual(['slow', 'fast']);
    resolve(200);
    await forwarder.close(NEVER_MS);
  });

  it('does not hold up one target because of another one', async () => {
    const { sent, send } = consumers(({ url }) => (url.includes('one') ? 503 : 200));
    const { forwarder } = forwarding(send, {
      targets: [new URL('http://one.example/'), new URL('http://two.example/')],
      retryForMs: 10_000,
    });
    const sender = {};
    for (const body of ['a', 'b']) forwarder.forward(post(body, sender));
    await forwarder.close(NEVER_MS);
    expect(bodies(sent.filter(({ url }) => url.includes('two')))).toEqual(['a', 'b']);
  });

  it.each([500, 503, 429, 408, 401, 404, 302, 0])(
    'retries a target that answers %i until the time is up, then drops the post',
    async (status) => {
      const { sent, send } = consumers(() => status);
      const { forwarder, outcomes, clock } = forwarding(send, { retryForMs: 10_000 });
      forwarder.forward(post('a'));
      await forwarder.close(NEVER_MS);
      expect(outcomes()).toEqual(['late']);
      expect(clock.now()).toBeGreaterThanOrEqual(10_000);
      expect(sent.length).toBeGreaterThan(3);
      expect(sent.length).toBeLessThan(15);
    },
  );

  it.each([400, 413, 415, 422])('drops a post that a target refuses with %i, and sends the next one', async (status) => {
    const { sent, send } = consumers(({ body }) => (body === 'bad' ? status : 200));
    const { forwarder, outcomes } = forwarding(send);
    const sender = {};
    for (const body of ['bad', 'good']) forwarder.forward(post(body, sender));
    await forwarder.close(NEVER_MS);
    expect(bodies(sent)).toEqual(['bad', 'good']);
    expect(outcomes()).toEqual(['refused', 'taken']);
  });

  it('drops what does not fit into the memory for waiting posts, and gives the memory back', async () => {
    const { promise, resolve } = later();
    const { sent, send } = consumers(() => promise);
    const { forwarder, outcomes } = forwarding(send, { maxWaitingBytes: 10 });
    for (const body of ['aaaaa', 'bbbbb', 'c']) forwarder.forward(post(body));
    expect(forwarder.stats()).toEqual([{ target: 'http://one.example', waitingBytes: 10 }]);
    resolve(200);
    await forwarder.close(NEVER_MS);
    expect(bodies(sent)).toEqual(['aaaaa', 'bbbbb']);
    expect(outcomes().toSorted()).toEqual(['full', 'taken', 'taken']);
    expect(forwarder.stats()).toEqual([{ target: 'http://one.example', waitingBytes: 0 }]);
  });

  it('has at most 64 requests to a target under way', async () => {
    let underWay = 0;
    let most = 0;
    const { send } = consumers(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return 200;
    });
    const { forwarder, outcomes } = forwarding(send);
    for (let number = 0; number < 500; number += 1) forwarder.forward(post(String(number)));
    await forwarder.close(NEVER_MS);
    expect(most).toBe(64);
    expect(outcomes()).toEqual(Array.from({ length: 500 }, () => 'taken'));
  });

  it('sends the user and password of a target as Basic authentication, and reports neither', async () => {
    const { sent, send } = consumers(() => 503);
    const { forwarder, events } = forwarding(send, { targets: [new URL('http://ray:s3cret@one.example:81/x')], retryForMs: 500 });
    forwarder.forward(post('a'));
    await forwarder.close(NEVER_MS);
    expect(sent[0]).toMatchObject({
      url: 'http://one.example:81/x',
      headers: { authorization: `Basic ${Buffer.from('ray:s3cret').toString('base64')}` },
    });
    expect(JSON.stringify([events, forwarder.stats()])).not.toContain('s3cret');
  });

  it('reports that a target fails and that it works again, once each', async () => {
    let failures = 3;
    const { send } = consumers(() => (failures-- > 0 ? 503 : 200));
    const { forwarder, events } = forwarding(send);
    for (let number = 0; number < 5; number += 1) forwarder.forward(post(String(number)));
    await forwarder.close(NEVER_MS);
    expect(events.filter(({ name }) => name !== 'forwarded')).toEqual([
      { name: 'forward_failing', target: 'http://one.example', reason: 'answered 503' },
      { name: 'forward_recovered', target: 'http://one.example' },
    ]);
  });

  it('drops what is left when the time to stop has passed', async () => {
    const { send } = consumers(() => 503);
    const { forwarder, outcomes } = forwarding(send, { retryForMs: 1_000_000 });
    forwarder.forward(post('a'));
    await forwarder.close(5_000);
    expect(outcomes()).toEqual(['stopped']);
  });
});

describe('forwarding posts that every target must take', () => {
  it('succeeds when all took it', async () => {
    const { send } = consumers(() => 200);
    const { forwarder } = forwarding(send, { targets: [new URL('http://one.example/'), new URL('http://two.example/')] });
    expect(await forwarder.forwardAll(post('a'), 2_000)).toBeUndefined();
  });

  it.each([503, 400, 0])('names the target that did not take it in time, for an answer of %i', async (status) => {
    const { send } = consumers(({ url }) => (url.includes('two') ? status : 200));
    const { forwarder } = forwarding(send, { targets: [new URL('http://one.example/'), new URL('http://two.example/')] });
    expect(await forwarder.forwardAll(post('a'), 2_000)).toBe('http://two.example');
  });
});
