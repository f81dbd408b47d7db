import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  getField,
  MAX_KEY_LENGTH,
  MAX_MAP_KEYS,
  MAX_MESSAGE_LENGTH,
  MAX_NAME_LENGTH,
  Problem,
  readMessage,
  readName,
  readNumberMap,
  readTextMap,
} from '../../src/event/fields.ts';
import { hexFromBase64, isNilId } from '../../src/event/hex-id.ts';
import { parseTimestamp } from '../../src/event/timestamp.ts';

describe('reading ids', () => {
  it.each([4, 16, 18, 24, 28] as const)('ids of %i bytes decode as Buffer decodes them, padded or not', (bytes) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: bytes, maxLength: bytes }), (array) => {
        const buffer = Buffer.from(array);
        const text = buffer.toString('base64');
        expect(hexFromBase64(text, bytes)).toBe(buffer.toString('hex'));
        expect(hexFromBase64(text.replaceAll('=', ''), bytes)).toBe(buffer.toString('hex'));
      }),
    );
  });

  it.each([
    'AQAAA',
    'AQAAAA=',
    'AQAAAA===',
    'AQAAAA==\n',
    'AQAAAAA=',
    'AQAA_A==',
    'AQ=AAA==',
    'AQAAAB==',
    'AQAA\u0141A==',
    ' AQAAAA',
    '========',
  ])('the text %j is not an id', (text) => {
    expect(hexFromBase64(text, 4)).toBeUndefined();
  });

  it('an id is nil when every bit is one', () => {
    expect(isNilId('ffff')).toBe(true);
    expect(isNilId('ffef')).toBe(false);
  });
});

describe('reading times', () => {
  it('times equal those of Date, plus nanoseconds', () => {
    const first = Date.UTC(2000, 0, 1) / 1000;
    const last = Date.UTC(2200, 0, 1) / 1000 - 1;
    fc.assert(
      fc.property(fc.integer({ min: first, max: last }), fc.integer({ min: 0, max: 999_999_999 }), (seconds, ns) => {
        const text = `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(ns).padStart(9, '0')}Z`;
        expect(parseTimestamp(text)).toBe(BigInt(seconds) * 1_000_000_000n + BigInt(ns));
      }),
    );
  });

  it.each([
    ['2026-11-23T22:01:37Z', 1795471297000000000n],
    ['2026-11-23T22:01:37.5Z', 1795471297500000000n],
    ['2026-11-23t22:01:37.000000001z', 1795471297000000001n],
    ['2026-11-24T00:01:37+02:00', 1795471297000000000n],
    ['2026-11-23T16:31:37.25-05:30', 1795471297250000000n],
    ['2024-02-29T00:00:00Z', 1709164800000000000n],
  ])('the time %s is read', (text, timeNs) => {
    expect(parseTimestamp(text)).toBe(timeNs);
  });

  it.each([
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00.1234567890Z',
    '2026-01-01T00:00:00Zx',
    '2026-01-01T00:00:00+2:00',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+0200',
    '2026-01-01 00:00:00Z',
    '1999-12-31T23:59:59Z',
    '2200-01-01T00:00:00Z',
    '+026-01-01T00:00:00Z',
    '2026-1-001T00:00:00Z',
    '1795471297',
    '',
  ])('the text %j is not a time', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});

describe('limits of fields', () => {
  it('long texts are cut, never inside a character', () => {
    const problem = new Problem();
    expect(readName({ name: 'x'.repeat(MAX_NAME_LENGTH + 1) }, 'name', problem)).toHaveLength(MAX_NAME_LENGTH);
    expect(readMessage({ name: `${'x'.repeat(MAX_MESSAGE_LENGTH - 1)}\u{1f600}` }, 'name', problem)).toHaveLength(MAX_MESSAGE_LENGTH - 1);
    expect(problem.message).toBeUndefined();
  });

  it('surplus and oversized map keys are dropped', () => {
    const many = Object.fromEntries(Array.from({ length: MAX_MAP_KEYS + 9 }, (_, index) => [`k${index}`, 'v']));
    expect(Object.keys(readTextMap({ map: many }, 'map', new Problem()))).toHaveLength(MAX_MAP_KEYS);
    const long = { ['k'.repeat(MAX_KEY_LENGTH)]: 1, ['k'.repeat(MAX_KEY_LENGTH + 1)]: 2 };
    expect(Object.values(readNumberMap({ map: long }, 'map', new Problem()))).toStrictEqual([1]);
  });

  it('NaN and Infinity in a map are dropped', () => {
    const map = { a: 'NaN', b: 'Infinity', c: '-Infinity', d: 1e308 };
    expect(readNumberMap({ map }, 'map', new Problem())).toStrictEqual({ d: 1e308 });
  });
});

describe('reading field names', () => {
  it('a field is read in either spelling, and null means absent', () => {
    expect(getField({ taskId: 1 }, 'taskId')).toBe(1);
    expect(getField({ task_id: 1 }, 'taskId')).toBe(1);
    expect(getField({ taskId: null }, 'taskId')).toBeUndefined();
  });

  it('a map key cannot change a prototype', () => {
    const map = readTextMap({ map: JSON.parse('{"__proto__":"x","constructor":"y"}') }, 'map', new Problem());
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
    expect(Object.entries(map)).toStrictEqual([['constructor', 'y']]);
  });
});
