import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createByteBudget } from '../../src/http/body-buffers.ts';
import { readBody } from '../../src/http/read-body.ts';
import { createTestReceiver, post, rawEvents } from '../receiver/receiver-fixture.ts';

const LIMIT_BYTES = 1024 * 1024;

/**
 * A body that counts the bytes that were pulled from it; `more` makes the next piece, or ends it.
 */
function countedStream(more: () => Uint8Array | undefined) {
  let pulledBytes = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = more();
        if (piece === undefined) return controller.close();
        pulledBytes += piece.length;
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, pulledBytes: () => pulledBytes };
}

function streamOf(bytes: Uint8Array) {
  return new Blob([bytes]).stream();
}

function read(body: ReadableStream<Uint8Array> | null, encoding?: string, budget = createByteBudget(2 * LIMIT_BYTES)) {
  return readBody({ body, encoding, contentLength: undefined, maxBodyBytes: LIMIT_BYTES, budget });
}

describe('content-encoding', () => {
  const text = JSON.stringify(rawEvents(2));
  it.each([
    ['identity', Buffer.from(text)],
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['GZIP ', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
  ])('%s is decoded', async (encoding, bytes) => {
    const { app } = createTestReceiver();
    expect(await post(app, bytes, { 'content-encoding': encoding })).toMatchObject({ status: 200, body: { accepted: 2 } });
  });

  it.each(['zstd', 'compress', 'gzip, gzip', 'constructor', '__proto__'])('%s receives 415', async (encoding) => {
    const { app } = createTestReceiver();
    expect(await post(app, '[]', { 'content-encoding': encoding })).toMatchObject({
      status: 415,
      body: { error: { code: 'content_encoding_unsupported' } },
    });
  });

  it.each([
    ['gzip', gzipSync(text).subarray(0, -9)],
    ['gzip', gzipSync(text).subarray(0, 5)],
    ['gzip', Buffer.from(text)],
    ['deflate', deflateSync(text).subarray(0, -1)],
    ['br', brotliCompressSync(text).subarray(0, -1)],
    ['br', Buffer.from(text)],
  ])('%s that is truncated or in another format receives 400', async (encoding, bytes) => {
    const { app, journal } = createTestReceiver();
    expect(await post(app, bytes, { 'content-encoding': encoding })).toMatchObject({
      status: 400,
      body: { error: { code: 'body_incomplete' } },
    });
    expect(journal.stats().entries).toBe(0);
  });

  it('gzip of an empty body receives 400, because it is not JSON', async () => {
    const { app } = createTestReceiver();
    expect((await post(app, gzipSync(''), { 'content-encoding': 'gzip' })).status).toBe(400);
    expect((await post(app, '', { 'content-encoding': 'gzip' })).status).toBe(400);
  });
});

describe('limits of bodies', () => {
  it('accept a body of exactly the limit', async () => {
    const exactly = await read(streamOf(Buffer.alloc(LIMIT_BYTES)));
    expect(exactly.ok && exactly.bytes.length).toBe(LIMIT_BYTES);
    expect(await read(streamOf(Buffer.alloc(LIMIT_BYTES + 1)))).toMatchObject({ ok: false, code: 'body_too_large' });
    const compressed = await read(streamOf(gzipSync(Buffer.alloc(LIMIT_BYTES))), 'gzip');
    expect(compressed.ok && compressed.bytes.length).toBe(LIMIT_BYTES);
    expect(await read(streamOf(gzipSync(Buffer.alloc(LIMIT_BYTES + 1))), 'gzip')).toMatchObject({ ok: false, code: 'body_too_large' });
  });

  it('refuse a declared length above the limit without reading', async () => {
    const { body, pulledBytes } = countedStream(() => Buffer.alloc(1000));
    const budget = createByteBudget(LIMIT_BYTES);
    const refused = await readBody({
      body,
      encoding: undefined,
      contentLength: String(LIMIT_BYTES + 1),
      maxBodyBytes: LIMIT_BYTES,
      budget,
    });
    expect(refused).toMatchObject({ ok: false, code: 'body_too_large' });
    expect(pulledBytes()).toBe(0);
    const exactly = { encoding: undefined, contentLength: String(LIMIT_BYTES), maxBodyBytes: LIMIT_BYTES, budget };
    expect(await readBody({ ...exactly, body: streamOf(Buffer.alloc(LIMIT_BYTES)) })).toMatchObject({ ok: true });
  });

  it('stop reading an endless body', async () => {
    const { body, pulledBytes } = countedStream(() => Buffer.alloc(1000));
    expect(await read(body)).toMatchObject({ ok: false, code: 'body_too_large' });
    expect(pulledBytes()).toBeLessThan(LIMIT_BYTES + 100_000);
  });

  it('stop a decompression bomb long before it is unpacked', async () => {
    const member = gzipSync(Buffer.alloc(LIMIT_BYTES));
    // Larger by far than the 64 KiB that a stream of Node 24 reads ahead.
    const bomb = Buffer.concat(Array.from({ length: 1000 }, () => member));
    let position = 0;
    const { body, pulledBytes } = countedStream(() => bomb.subarray(position, (position += 512)));
    expect(await read(body, 'gzip')).toMatchObject({ ok: false, code: 'body_too_large' });
    expect(pulledBytes()).toBeLessThan(bomb.length / 4);
  });

  it('count compressed bytes that unpack to nothing', async () => {
    const emptyMembers = Buffer.concat(Array.from({ length: 100 }, () => gzipSync('')));
    const { body, pulledBytes } = countedStream(() => emptyMembers);
    expect(await read(body, 'gzip')).toMatchObject({ ok: false, code: 'body_too_large' });
    expect(pulledBytes()).toBeLessThan(LIMIT_BYTES + 500_000);
  });

  it('apply to all bodies together, and a refused body gives its bytes back', async () => {
    const budget = createByteBudget(LIMIT_BYTES);
    const first = await read(streamOf(Buffer.alloc(700_000)), undefined, budget);
    expect(first.ok).toBe(true);
    expect(budget.taken()).toBe(700_000);
    expect(await read(streamOf(Buffer.alloc(700_000)), undefined, budget)).toMatchObject({
      ok: false,
      code: 'receiver_busy',
      retryAfterMs: 1000,
    });
    expect(await read(streamOf(gzipSync('x').subarray(0, 8)), 'gzip', budget)).toMatchObject({ ok: false, code: 'body_incomplete' });
    expect(budget.taken()).toBe(700_000);
    budget.giveBack(700_000);
    expect((await read(streamOf(Buffer.alloc(700_000)), undefined, budget)).ok).toBe(true);
  });

  it('apply to posts, and every post gives its bytes back', async () => {
    const { app } = createTestReceiver({ limits: { maxBodyBytes: 50_000, maxInFlightBytes: 60_000 } });
    for (let index = 0; index < 5; index += 1) {
      expect((await post(app, rawEvents(80, index * 80))).status).toBe(200);
      expect((await post(app, `[${' '.repeat(40_000)}`)).status).toBe(400);
      expect((await post(app, ' '.repeat(50_001))).status).toBe(413);
    }
    const both = await Promise.all([post(app, rawEvents(80, 1000)), post(app, rawEvents(80, 2000))]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 503]));
  });
});

describe('an incomplete body', () => {
  it('receives 400 when the sender aborts', async () => {
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pieces++ < 3) controller.enqueue(Buffer.from('[1,'));
        else controller.error(new Error('aborted'));
      },
    });
    const budget = createByteBudget(LIMIT_BYTES);
    expect(await read(body, undefined, budget)).toMatchObject({ ok: false, code: 'body_incomplete' });
    expect(budget.taken()).toBe(0);
  });

  it('is empty when the request has none', async () => {
    expect(await read(null)).toMatchObject({ ok: true, bytes: Buffer.alloc(0) });
  });
});
