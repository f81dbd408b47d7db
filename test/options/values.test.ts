import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, httpTarget, listenAddress, MAX_DURATION_MS, replaySpeed, size } from '../../src/options/index.ts';

function valueOf<Value>(parsed: { ok: true; value: Value } | { ok: false; problem: string }): Value | string {
  return parsed.ok ? parsed.value : parsed.problem;
}

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['5s', 5000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['0', 0],
    ['1d', 86_400_000],
  ])('the duration %s is %d ms', (text, ms) => {
    expect(valueOf(duration()(text))).toBe(ms);
  });

  test('a duration of several parts is the sum of its parts', () => {
    const units = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
    const part = fc.tuple(fc.nat(50), fc.constantFrom('h', 'm', 's', 'ms'));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.map(([amount, unit]) => `${amount}${unit}`).join('');
        const sumMs = parts.reduce((sum, [amount, unit]) => sum + amount * units[unit], 0);
        expect(valueOf(duration()(text))).toBe(sumMs);
      }),
    );
  });

  test('any text gives a problem or a whole number of milliseconds that a timer can count', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,12}(ms|s|m|h|d)$/)), (text) => {
        const parsed = duration()(text);
        if (!parsed.ok) return;
        expect(Number.isSafeInteger(parsed.value)).toBe(true);
        expect(parsed.value).toBeGreaterThanOrEqual(0);
        expect(parsed.value).toBeLessThanOrEqual(Math.min(MAX_DURATION_MS, 2 ** 31 - 1));
      }),
    );
  });
});

describe('sizes', () => {
  test.each([
    ['4500000', 4_500_000],
    ['64MiB', 67_108_864],
    ['10GB', 10_000_000_000],
    ['1.5KiB', 1536],
    ['2 MB', 2_000_000],
  ])('the size %s is %d bytes', (text, bytes) => {
    expect(valueOf(size()(text))).toBe(bytes);
  });

  test('a size without a unit is a number of bytes', () => {
    fc.assert(fc.property(fc.nat(), (bytes) => valueOf(size()(String(bytes))) === bytes));
  });

  test.each(['', '-1', '1 TiB', 'MiB', '1e9', '99999999999999999999'])('%j is not a size', (text) => {
    expect(size()(text).ok).toBe(false);
  });
});

describe('listen addresses', () => {
  test.each([
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['localhost:0', 'localhost', 0],
    ['[::1]:8080', '::1', 8080],
    [':8080', '0.0.0.0', 8080],
  ])('the address %s is parsed into host and port', (text, host, port) => {
    expect(valueOf(listenAddress(text))).toEqual({ host, port });
  });
});

describe('URLs of a bridge', () => {
  test('a problem with a URL does not quote it, because it may contain a password', () => {
    for (const text of ['htp//user:hunter2@host', 'ftp://user:hunter2@host']) {
      expect(valueOf(httpTarget(text))).toEqual(expect.not.stringContaining('hunter2'));
    }
  });
});

test.each([
  ['1', 1],
  ['0.5', 0.5],
  ['max', Number.POSITIVE_INFINITY],
])('the speed %s is accepted', (text, value) => {
  expect(valueOf(replaySpeed(text))).toBe(value);
});

test.each(['0', '-1', 'fast', '1x', 'Infinity'])('%j is not a speed', (text) => {
  expect(replaySpeed(text).ok).toBe(false);
});
