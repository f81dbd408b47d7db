import { describe, expect, it } from 'vitest';
import { createTokenSet } from '../../src/http/index.ts';
import { tokenLines, tokenList } from '../../src/options/index.ts';

const first = 'first-token-of-24-chars.';
const second = 'second_token_of_24_chars';

describe('a set of tokens', () => {
  it('requires no token when it is empty', () => {
    const tokens = createTokenSet([]);
    expect([tokens.isRequired(), tokens.accepts([]), tokens.accepts([''])]).toEqual([false, false, false]);
  });

  it('accepts each of its tokens, also next to other credentials, and nothing else', () => {
    const tokens = createTokenSet([first, second]);
    expect(tokens.isRequired()).toBe(true);
    for (const credentials of [[first], [second], ['ray', second], [first, '']]) expect(tokens.accepts(credentials)).toBe(true);
    for (const credentials of [[], [''], [first.slice(0, -1)], [`${first} `], [first.toUpperCase()], ['ray', 'x']])
      expect(tokens.accepts(credentials)).toBe(false);
  });
});

describe('tokens in a text', () => {
  it('are one per line, with comments and blank lines between them', () => {
    expect(tokenLines(`# since May\n${first}\r\n\n  ${second}  \n#${first}x`)).toEqual({ ok: true, value: [first, second] });
  });

  it('are required in a file, but not in a variable', () => {
    expect(tokenLines('\n# none\n')).toEqual({ ok: false, problem: 'holds no token; write one per line' });
    expect(tokenList('')).toEqual({ ok: true, value: [] });
  });

  it('are reported by line number when invalid, without repeating them', () => {
    const read = tokenLines(`${first}\n# x\nhunter2`);
    expect(read).toEqual({
      ok: false,
      problem: expect.stringContaining('the token on line 3 must have 16 to 256 characters, not 7') as string,
    });
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });
});
