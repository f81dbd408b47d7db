import { expect, it } from 'vitest';
import { decodeValue, encodeTransient, encodeValue } from '../../src/journal/stored-value.ts';

it('an encoded value keeps its bytes when others are encoded later, also one larger than the kept buffer', () => {
  const contents = [['first'], 'x'.repeat(20 * 1024 * 1024), { second: 2 }, [null, 'third']];
  const values = contents.map(encodeValue);
  expect(values.map((value) => decodeValue(value)?.content)).toEqual(contents);
});

it('a transient value is valid until the next one is encoded', () => {
  const content = { records: ['a', 1, null] };
  expect(encodeTransient(content)).toEqual(encodeValue(content));
});
