import { describe, expect, it } from 'vitest';
import { shrunk, sizeOf } from '../../src/event/index.ts';

describe('estimating the size of a value', () => {
  it('the size of a value grows with its texts, keys, lists and bytes', () => {
    expect(sizeOf(undefined)).toBe(0);
    expect(sizeOf(5)).toBe(0);
    expect(sizeOf('x'.repeat(1_000))).toBe(1_016);
    expect(sizeOf({ [`key ${'k'.repeat(996)}`]: 1 })).toBe(1_040);
    expect(sizeOf(['x'.repeat(100), 'y'.repeat(100)])).toBe(32 + 2 * 124);
    expect(sizeOf(new Uint8Array(500))).toBe(532);
    expect(sizeOf({ times: [1n, 2n] })).toBe(32 + 8 + 5 + 32 + 2 * 24);
  });
});

describe('shrinking a large value', () => {
  it('a large value keeps its shape, with shorter texts and smaller maps', () => {
    const labels = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`label ${index}`, 'v'.repeat(2_000)]));
    const event = {
      type: 'task_definition',
      attempt: 3,
      labels,
      states: Array.from({ length: 40 }, (_, index) => ({ state: 'RUNNING', timeNs: BigInt(index) })),
    };
    const small = shrunk(event);
    expect(small).toMatchObject({ type: 'task_definition', attempt: 3, states: event.states });
    expect(Object.keys(small.labels)).toHaveLength(16);
    expect(small.labels['label 3']).toBe(`${'v'.repeat(512)}…`);
    expect(sizeOf(event)).toBeGreaterThan(200_000);
    expect(sizeOf(small)).toBeLessThan(15_000);
  });

  it('a small value is not changed', () => {
    const event = { name: 'work' };
    expect(shrunk(event)).toBe(event);
  });
});
