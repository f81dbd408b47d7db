import { describe, expect, it } from 'vitest';
import { readFields } from '../../src/otlp/byte-reader.ts';

const of = (...bytes: number[]) => readFields(Uint8Array.from(bytes));

describe('reading fields of a message from another program', () => {
  it('varint and bytes fields are read, and fixed-size fields skipped', () => {
    expect(of(0x08, 0x96, 0x01, 0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 2, 7, 9)).toEqual([
      { number: 1, varint: 150, bytes: undefined },
      { number: 3, varint: undefined, bytes: Buffer.from([7, 9]) },
    ]);
    expect(of()).toEqual([]);
  });

  it('a negative varint is read as an int64', () => {
    expect(of(0x08, 0xfe, ...Array.from({ length: 8 }, () => 0xff), 0x01)?.[0]?.varint).toBe(-2);
    expect(of(0x08, ...Array.from({ length: 7 }, () => 0xff), 0x01)?.[0]?.varint).toBe(2 ** 50 - 1);
  });

  it.each([
    ['a varint that does not end', [0x08, 0x80]],
    ['a varint that is too long', [0x08, ...Array.from({ length: 10 }, () => 0x80), 1]],
    ['a fixed32 that is cut', [0x0d, 1, 2, 3]],
    ['a fixed64 that is cut', [0x11, 1, 2, 3, 4, 5, 6, 7]],
    ['bytes that are cut', [0x0a, 5, 1]],
    ['bytes of a negative length', [0x0a, ...Array.from({ length: 9 }, () => 0xff), 0x01]],
    ['field number 0', [0x00, 0x01]],
    ['a group', [0x0b]],
    ['a wire type that does not exist', [0x0f]],
    ['a tag that is cut', [0x80]],
  ])('a message with %s is invalid', (_, bytes) => {
    expect(of(...bytes)).toBeUndefined();
  });
});
