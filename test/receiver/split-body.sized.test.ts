import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitBody } from '../../src/receiver/split-body.ts';
import { propertyRuns } from '../support/sized.ts';

/** The texts of the elements, or 'invalid' where the splitter stops. */
function split(body: string): readonly string[] | 'invalid' {
  const bytes = Buffer.from(body);
  const next = splitBody(bytes);
  const texts: string[] = [];
  for (let element = next(); element !== 'end'; element = next()) {
    if (typeof element === 'string') return 'invalid';
    texts.push(bytes.toString('utf8', element.start, element.end));
  }
  return texts;
}

function depths(body: string): readonly number[] {
  const next = splitBody(Buffer.from(body));
  const found: number[] = [];
  for (let element = next(); typeof element === 'object'; element = next()) found.push(element.depth);
  return found;
}

describe('splitting a body', () => {
  it('finds the elements of any array written by JSON.stringify', () => {
    const elements = fc.array(fc.jsonValue({ noUnicodeString: false }));
    fc.assert(
      fc.property(elements, fc.constantFrom(0, 1, '\t'), (values, space) => {
        const texts = split(` ${JSON.stringify(values, undefined, space)}\n`);
        expect(texts).not.toBe('invalid');
        expect(Array.from(texts, (text) => JSON.parse(text) as unknown)).toEqual(JSON.parse(JSON.stringify(values)));
      }),
      { numRuns: propertyRuns(100, 1_000) },
    );
  });

  it('returns one object as one element', () => {
    expect(split(' {"a": [1, 2]} ')).toEqual(['{"a": [1, 2]} ']);
  });

  it.each(['[]', ' [ ] ', '\ufeff[]'])('finds no element in %j', (body) => expect(split(body)).toEqual([]));

  it('treats brackets, commas and quotes within strings as text', () => {
    expect(split(String.raw`["],[{", "\"],", "\\", {"}": "{"}]`)).toEqual([
      String.raw`"],[{"`,
      String.raw`"\"],"`,
      String.raw`"\\"`,
      '{"}": "{"}',
    ]);
  });

  it.each([
    '',
    ' ',
    'null',
    '"a"',
    '1',
    'true',
    '[',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[1]]',
    '[1] 2',
    '{',
    '{"a":',
    '{}{}',
    '{},{}',
    '["a',
    '["a\\',
    '[1}',
  ])('rejects %j, or leaves it to the parser', (body) => {
    const texts = split(body);
    const isParsed = texts !== 'invalid' && texts.every((text) => parses(text));
    expect(isParsed).toBe(false);
  });

  it('agrees with JSON.parse, for any text, on whether it is an array or an object', () => {
    const token = fc.constantFrom('[', ']', '{', '}', ',', ':', '"', '\\', '"a"', '1', 'null', ' ', '\n', '"b":', '{}', '[]');
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const body = tokens.join('');
        const texts = split(body);
        const isTaken = texts !== 'invalid' && texts.every((text) => parses(text));
        expect(isTaken).toBe(parses(body) && /^\s*[[{]/.test(body));
      }),
      { numRuns: propertyRuns(2_000, 20_000) },
    );
  });

  it('returns the elements that `take` does not read, and agrees with JSON on them', () => {
    const bytes = Buffer.from('[1, 22 ,"x" , {} ]');
    const asked: number[] = [];
    const take = (start: number): number => {
      asked.push(start);
      return bytes[start] === 0x32 ? start + 2 : -1;
    };
    const next = splitBody(bytes, take);
    const found = Array.from({ length: 5 }, next).map((element) =>
      typeof element === 'string' ? element : bytes.toString('utf8', element.start, element.end).trim(),
    );
    expect(found).toEqual(['1', 'taken', '"x"', '{}', 'end']);
    expect(asked).toEqual([1, 4, 8, 14]);
    const broken = splitBody(Buffer.from('[11 2]'), (start) => start + 2);
    expect(broken()).toBe('invalid');
  });

  it('reports the depth of each element', () => {
    expect(depths('[1, {}, {"a": [[]]}, "[[[["]')).toEqual([0, 1, 3, 0]);
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
