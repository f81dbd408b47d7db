import { expect, test } from 'vitest';
import { readEventStream, type ServerEvent } from '../../src/command/event-stream.ts';

async function read(text: string, pieceBytes: number, maxLength = 1000): Promise<readonly ServerEvent[]> {
  const bytes = Buffer.from(text);
  const pieces = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += pieceBytes) controller.enqueue(bytes.subarray(at, at + pieceBytes));
      controller.close();
    },
  });
  const found: ServerEvent[] = [];
  for await (const event of readEventStream(pieces, maxLength)) found.push(event);
  return found;
}

const text =
  'retry: 2000\n\nevent: overview\ndata: {"a":"é界😀"}\n\n: a remark\ndata:one\r\ndata: two\r\n\r\nevent: job\n\ndata\n\ndata: half';

test.each([1, 2, 3, 7, 1000])('a stream in chunks of %i bytes gives the same events', async (pieceBytes) => {
  expect(await read(text, pieceBytes)).toEqual([
    { event: 'overview', data: '{"a":"é界😀"}' },
    { event: 'message', data: 'one\ntwo' },
    { event: 'message', data: '' },
  ]);
});

test('an event that never ends is refused at a limit', async () => {
  await expect(read(`data: ${'x'.repeat(100)}`, 10, 50)).rejects.toThrow('longer than 50');
  await expect(read('data: x\n'.repeat(100), 10, 50)).rejects.toThrow('longer than 50');
  expect(await read('data: x\n\n'.repeat(100), 10, 50)).toHaveLength(100);
});
