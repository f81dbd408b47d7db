import { expect, it } from 'vitest';
import { AttributeEncoder } from '../../src/otlp/attribute-encoder.ts';
import { ByteWriter } from '../../src/otlp/byte-writer.ts';

it('the number of kept keys is limited, and further keys are still encoded', () => {
  const encoder = new AttributeEncoder(0x4a);
  const bytesOf = (key: string): string => {
    const writer = new ByteWriter(1024);
    encoder.write(writer, { count: 1, keys: [key], values: ['v'] });
    return writer.bytes.toString('latin1', 0, writer.written);
  };
  for (let number = 0; number < 1500; number += 1) bytesOf(`label ${number}`);
  expect(encoder.knownKeys).toBe(1000);
  for (const key of ['label 0', 'label 1499', 'label 1499']) expect(bytesOf(key)).toContain(key);
});
