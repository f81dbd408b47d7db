import { describe, expect, it } from 'vitest';
import { createTurns } from '../../src/receiver/index.ts';

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
