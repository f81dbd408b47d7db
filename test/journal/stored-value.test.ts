import { expect, it } from 'vitest';
import { decodeValue, encodeTransient, encodeValue } from '../../src/journal/stored-value.ts';

it('a value keeps its bytes when others are encoded after it, also one that is larger than what is kept to encode into', () => {
  const contents = [['first'], 'x'.repeat(20 * 1024 * 1024), { second: 2 }, [null, 'third']];
  const values = contents.map(encodeValue);
  expect(values.map((value) => decodeValue(value)?.content)).toEqual(contents);
});

it('a transient value is the same until the next one is encoded', () => {
  const content = { records: ['a', 1, null] };
  expect(encodeTransient(content)).toEqual(encodeValue(content));
});
