import { describe, expect, it } from 'vitest';
import { createTurns } from '../../src/runtime/index.ts';

/** An event loop that a test turns by hand. */
function createLoop() {
  const deferred: (() => void)[] = [];
  return {
    defer: (callback: () => void) => deferred.push(callback),
    turn: async () => {
      for (const callback of deferred.splice(0)) callback();
      await Promise.resolve();
    },
  };
}

describe('turns', () => {
  it('gives one turn in each turn of the event loop, first come first served', async () => {
    const loop = createLoop();
    const turns = createTurns({ defer: loop.defer });
    const granted: string[] = [];
    for (const name of ['a', 'b', 'c']) void turns.take().then(() => granted.push(name));
    await loop.turn();
    expect(granted).toEqual(['a']);
    await loop.turn();
    expect(granted).toEqual(['a', 'b']);
    void turns.take().then(() => granted.push('d'));
    await loop.turn();
    await loop.turn();
    expect(granted).toEqual(['a', 'b', 'c', 'd']);
  });

  it('serves answers before the background, which is not forgotten', async () => {
    const loop = createLoop();
    const turns = createTurns({ defer: loop.defer });
    const granted: string[] = [];
    for (const name of ['p', 'q']) void turns.take('background').then(() => granted.push(name));
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) void turns.take().then(() => granted.push(name));
    for (let turn = 0; turn < 8; turn += 1) await loop.turn();
    expect(granted.join('')).toBe('abcdpefq');
  });

  it('gives the background short turns while senders wait, and whole ones when they are gone or it is behind', async () => {
    let nowMs = 0;
    let isBehind = false;
    const turns = createTurns({ turnMs: 8, monotonicMs: () => nowMs, isBackgroundBehind: () => isBehind });
    const lengthOfTurn = async (kind: 'answer' | 'background'): Promise<number> => {
      const turn = await turns.take(kind);
      const startMs = nowMs;
      while (!turn.isOver()) nowMs += 1;
      return nowMs - startMs;
    };
    expect(await lengthOfTurn('background')).toBe(8);
    expect(await lengthOfTurn('answer')).toBe(8);
    expect(await lengthOfTurn('background')).toBe(2);
    isBehind = true;
    expect(await lengthOfTurn('background')).toBe(8);
    isBehind = false;
    nowMs += 50;
    expect(await lengthOfTurn('background')).toBe(8);
  });

  it('ends a turn by the clock', async () => {
    let nowMs = 100;
    const turns = createTurns({ turnMs: 8, monotonicMs: () => nowMs });
    const turn = await turns.take();
    nowMs = 107.9;
    expect(turn.isOver()).toBe(false);
    nowMs = 108;
    expect(turn.isOver()).toBe(true);
    expect((await turns.take()).isOver()).toBe(false);
  });
});
