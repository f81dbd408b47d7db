import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexFromBase64, hexFromBase64Bytes } from '../../src/event/hex-id.ts';
import { ScanBytes } from '../../src/event/scan-bytes.ts';
import { scanTimestamp } from '../../src/event/scanner/scan-time.ts';
import { TextCache } from '../../src/event/text-cache.ts';
import { parseTimestamp } from '../../src/event/timestamp.ts';
import { propertyRuns } from '../support/sized.ts';

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.array(fc.constantFrom(...Buffer.from('ab"\\u0 nF'), 0, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xff), { maxLength: 30 }),
);

/** Bytes inside a larger buffer, as bodies are in a pool. */
function inside(bytes: Iterable<number>): ScanBytes {
  const all = Buffer.from([0x22, 0x5c, 0x61, ...bytes, 0x22, 0x61, 0x61, 0x61, 0x61]);
  return new ScanBytes(all.subarray(3, all.length - 5));
}

describe('reading four bytes at once', () => {
  it('the end of a plain run equals that of a search byte by byte', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(5), (given, from) => {
        const bytes = [...given];
        const found = bytes.findIndex((byte, index) => index >= from && (byte < 0x20 || byte > 0x7f || byte === 0x22 || byte === 0x5c));
        expect(inside(bytes).endOfPlain(from)).toBe(found < 0 ? Math.max(from, bytes.length) : found);
      }),
      { numRuns: propertyRuns(2_000, 5_000) },
    );
  });

  it('a string ends where JSON ends it', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const scanned = inside(bytes);
        const end = scanned.endOfString(0);
        const isAscii = !scanned.bytes.subarray(0, Math.max(end, 0)).some((byte) => byte > 0x7f);
        if (end >= 0) expect(JSON.parse(`"${scanned.text(0, end)}"`)).toBeTypeOf('string');
        expect(isAscii).toBe(true);
        const isString = parses(`"${Buffer.from(bytes).toString('latin1')}"`) && !Buffer.from(bytes).some((byte) => byte > 0x7f);
        if (isString) expect(end).toBe(-1);
        expect(inside([...bytes, 0x22]).endOfString(0)).toBe(isString ? bytes.length : end);
      }),
      { numRuns: propertyRuns(2_000, 5_000) },
    );
  });

  it.each(['q0000', 'u00g0', 'u004', 'U0041', '', 'x41aaaa', 'u004\\'])('the invalid escape \\%s makes a string invalid', (escape) => {
    expect(inside(Buffer.from(`a\\${escape}"`)).endOfString(0)).toBe(-1);
    expect(inside(Buffer.from(`a\\${escape} a"`)).endOfString(0)).toBe(-1);
  });

  it.each(['"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u0041', 'uD800', 'uabCF'])('the escape \\%s is valid in a string', (escape) => {
    expect(inside(Buffer.from(`a\\${escape}"`)).endOfString(0)).toBe(escape.length + 2);
  });

  it('bytes compare as buffers do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(20), fc.nat(255), (bytes, at, other) => {
        const changed = [...bytes];
        if (at < changed.length) changed[at] = other;
        const isSame = Buffer.from(changed).equals(Buffer.from(bytes));
        expect(inside(bytes).isAt(0, inside(changed), 0, bytes.length)).toBe(isSame);
        expect(inside([1, 2, ...bytes]).isAt(2, inside(changed), 0, bytes.length)).toBe(isSame);
        expect(inside(bytes).isAt(1, inside(bytes), 0, bytes.length)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('scanning times', () => {
  const digit = fc.nat(9);
  const time = fc
    .tuple(
      fc.constantFrom('2026-11-23', '2024-02-29', '2023-02-29', '2000-01-01', '1999-12-31', '2199-12-31', '2026-13-01'),
      fc.constantFrom('T', 't', ' '),
      fc.constantFrom('00:00', '23:59', '24:00', '12:60'),
      fc.constantFrom(':00', ':59', ':60', ':5', ':0a', ''),
      fc.array(digit, { maxLength: 10 }).map((digits) => (digits.length > 0 ? `.${digits.join('')}` : '')),
      fc.constantFrom('Z', 'Z', 'Z', 'z', '+01:00', '', '.Z'),
    )
    .map((parts) => parts.join(''));

  it('a scanned time equals that of the decoder, or is left to it', () => {
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(time, fc.string({ maxLength: 35 })), (text) => {
        const bytes = new ScanBytes(Buffer.from(`"${text}"`));
        const scanned = scanTimestamp(bytes, 1, bytes.length - 1);
        if (scanned === undefined) return;
        read += 1;
        expect(scanned).toBe(parseTimestamp(text));
      }),
      { numRuns: 10_000 },
    );
    expect(read).toBeGreaterThan(50);
  });

  it.each(['2026-11-23T22:01:37.035311483Z', '2026-11-23T22:01:59Z', '2026-11-23T22:02:00.5Z', '2199-12-31T23:59:59.999999999Z'])(
    'the time %s is scanned',
    (text) => expect(scanTimestamp(new ScanBytes(Buffer.from(text)), 0, text.length)).toBe(parseTimestamp(text)),
  );
});

it('ids from bytes equal ids from text, and a text that resembles base64 only in Latin-1 is rejected', () => {
  const base64 = fc.uint8Array({ minLength: 24, maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('base64'));
  fc.assert(
    fc.property(fc.oneof(base64, fc.string({ minLength: 32, maxLength: 32 })), (text) => {
      const bytes = Buffer.from(`##${text}##`);
      expect(hexFromBase64Bytes(bytes, 2, bytes.length - 2, 24)).toBe(hexFromBase64(text, 24));
    }),
  );
  expect(hexFromBase64('AQAAAA', 4)).toBe('01000000');
  expect(hexFromBase64(`${String.fromCodePoint(0x141)}QAAAA`, 4)).toBeUndefined();
  expect(hexFromBase64('A'.repeat(1000), 28)).toBeUndefined();
});

describe('caching texts', () => {
  it('the cache returns the value of exactly this text, and makes it once while it is kept', () => {
    let made = 0;
    const cache = new TextCache(4, 8, (bytes, start, end) => {
      made += 1;
      return bytes.text(start, end);
    });
    const text = fc.array(fc.constantFrom('a', 'b', ''), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.nat(3), (given, offset) => {
        const bytes = new ScanBytes(Buffer.from(`${'x'.repeat(offset)}${given}yz`));
        expect(cache.ofBytes(bytes, offset, offset + given.length)).toBe(given);
      }),
      { numRuns: 2_000 },
    );
    const before = made;
    const bytes = new ScanBytes(Buffer.from('abab'));
    const one = cache.ofBytes(bytes, 0, 4);
    expect(cache.ofBytes(bytes, 0, 4)).toBe(one);
    expect(made - before).toBeLessThanOrEqual(1);
  });

  it('the cache keeps neither long texts nor undefined values', () => {
    let made = 0;
    const cache = new TextCache(4, 4, (_bytes, start, end) => {
      made += 1;
      return end - start > 2 ? 'long' : undefined;
    });
    const bytes = new ScanBytes(Buffer.from('abcdefgh'));
    for (let time = 0; time < 3; time += 1) expect([cache.ofBytes(bytes, 0, 8), cache.ofBytes(bytes, 0, 2)]).toEqual(['long', undefined]);
    expect(made).toBe(6);
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
