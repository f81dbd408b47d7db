import { describe, expect, it } from 'vitest';
import { createBodyBuffers } from '../../src/http/body-buffers.ts';
import { createTestReceiver, post, rawEvents } from '../receiver/receiver-fixture.ts';

function piecesOf(length: number, byte: number): readonly Uint8Array[] {
  return [Buffer.alloc(length - 10, byte), Buffer.alloc(10, byte)];
}

describe('the pool of body buffers', () => {
  it('reuses a buffer after it was given back, and never before', () => {
    const buffers = createBodyBuffers({ bufferBytes: 1000 });
    const one = buffers.join(piecesOf(900, 1), 900);
    const two = buffers.join(piecesOf(800, 2), 800);
    expect(two.buffer).not.toBe(one.buffer);
    expect([one, two].map((body) => [body.length, new Set(body)])).toEqual([
      [900, new Set([1])],
      [800, new Set([2])],
    ]);
    buffers.giveBack(one);
    const three = buffers.join(piecesOf(700, 3), 700);
    expect(three.buffer).toBe(one.buffer);
    expect([three.length, new Set(three), new Set(two)]).toEqual([700, new Set([3]), new Set([2])]);
    buffers.giveBack(three);
    buffers.giveBack(three);
    expect(buffers.join(piecesOf(700, 4), 700).buffer).not.toBe(buffers.join(piecesOf(700, 5), 700).buffer);
  });

  it('gives large and small bodies memory of their own, and keeps a limited number of buffers', () => {
    const buffers = createBodyBuffers({ bufferBytes: 1000, maxKept: 1 });
    for (const length of [0, 20, 1001]) expect(buffers.join([Buffer.alloc(length)], length)).toEqual(Buffer.alloc(length));
    const [one, two] = [buffers.join(piecesOf(900, 1), 900), buffers.join(piecesOf(900, 2), 900)];
    buffers.giveBack(one);
    buffers.giveBack(two);
    expect(buffers.join(piecesOf(900, 3), 900).buffer).toBe(one.buffer);
    expect(buffers.join(piecesOf(900, 3), 900).buffer).not.toBe(two.buffer);
  });
});

it('bodies decoded at the same time never share a buffer', async () => {
  const { app, journal } = createTestReceiver();
  const count = 500;
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => post(app, rawEvents(count, index * count))));
  for (const { body } of answers) expect(body).toEqual({ accepted: count, duplicates: 0, rejected: 0, errors: [] });
  expect(journal.stats().entries).toBe(12 * count);
});
