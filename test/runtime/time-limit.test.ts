import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { withTimeLimit } from '../../src/runtime/clock.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a signal with a time limit aborts although the garbage collector runs before the limit', async () => {
  const signal = withTimeLimit(new AbortController().signal, 50);
  await setImmediate();
  collectGarbage();
  await expect.poll(() => signal.aborted, { timeout: 10_000 }).toBe(true);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
});

test('a signal with a time limit aborts as soon as its parent signal does, with the same reason', () => {
  const stop = new AbortController();
  const signal = withTimeLimit(stop.signal, 60_000);
  stop.abort('stopped');
  expect([signal.aborted, signal.reason]).toEqual([true, 'stopped']);
});
