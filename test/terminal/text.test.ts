import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonForTerminal } from '../../src/terminal/index.ts';

const hostile = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '\n', '\r', '\u001b', '\u009b', '\u202e', '\u2028', '\ud800', '\u{e0041}', 'é', '語'),
});

test('JSON for a terminal has the same value and no characters that control the terminal', () => {
  fc.assert(
    fc.property(fc.dictionary(hostile, fc.array(hostile)), fc.constantFrom(0, 2), (value, indent) => {
      const text = jsonForTerminal(value, indent);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    }),
  );
});
