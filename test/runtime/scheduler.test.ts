import { describe, expect, it } from 'vitest';
import { createScheduler } from '../../src/runtime/index.ts';

/** An event loop that a test advances by hand. */
function createLoop() {
  const deferred: (() => void)[] = [];
  return {
    defer: (callback: () => void) => deferred.push(callback),
    iterate: async () => {
      for (const callback of deferred.splice(0)) callback();
      await Promise.resolve();
    },
  };
}

describe('the scheduler', () => {
  it('grants one time slice in each iteration of the event loop, first come first served', async () => {
    const loop = createLoop();
    const scheduler = createScheduler({ defer: loop.defer });
    const granted: string[] = [];
    for (const name of ['a', 'b', 'c']) void scheduler.take().then(() => granted.push(name));
    await loop.iterate();
    expect(granted).toEqual(['a']);
    await loop.iterate();
    expect(granted).toEqual(['a', 'b']);
    void scheduler.take().then(() => granted.push('d'));
    await loop.iterate();
    await loop.iterate();
    expect(granted).toEqual(['a', 'b', 'c', 'd']);
  });

  it('grants answers before the background, which still gets every fifth slice', async () => {
    const loop = createLoop();
    const scheduler = createScheduler({ defer: loop.defer });
    const granted: string[] = [];
    for (const name of ['p', 'q']) void scheduler.take('background').then(() => granted.push(name));
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) void scheduler.take().then(() => granted.push(name));
    for (let count = 0; count < 8; count += 1) await loop.iterate();
    expect(granted.join('')).toBe('abcdpefq');
  });

  it('grants the background short slices while senders wait, and whole ones when none waits or it is behind', async () => {
    let nowMs = 0;
    let isBehind = false;
    const scheduler = createScheduler({ sliceMs: 8, monotonicMs: () => nowMs, isBackgroundBehind: () => isBehind });
    const lengthOfSlice = async (kind: 'answer' | 'background'): Promise<number> => {
      const slice = await scheduler.take(kind);
      const startMs = nowMs;
      while (!slice.hasEnded()) nowMs += 1;
      return nowMs - startMs;
    };
    expect(await lengthOfSlice('background')).toBe(8);
    expect(await lengthOfSlice('answer')).toBe(8);
    expect(await lengthOfSlice('background')).toBe(2);
    isBehind = true;
    expect(await lengthOfSlice('background')).toBe(8);
    isBehind = false;
    nowMs += 50;
    expect(await lengthOfSlice('background')).toBe(8);
  });

  it('ends a slice by the clock', async () => {
    let nowMs = 100;
    const scheduler = createScheduler({ sliceMs: 8, monotonicMs: () => nowMs });
    const slice = await scheduler.take();
    nowMs = 107.9;
    expect(slice.hasEnded()).toBe(false);
    nowMs = 108;
    expect(slice.hasEnded()).toBe(true);
    expect((await scheduler.take()).hasEnded()).toBe(false);
  });
});
