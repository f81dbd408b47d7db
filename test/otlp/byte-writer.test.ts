import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteWriter } from '../../src/otlp/byte-writer.ts';

type Write = (writer: ByteWriter) => void;

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('x'.repeat(200), 'é'.repeat(70), ''));
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.nat(255).map(
    (value): Write =>
      (writer) =>
        writer.byte(value),
  ),
  fc.nat(255).map(
    (value): Write =>
      (writer) =>
        writer.pair(value, value),
  ),
  fc.maxSafeInteger().map(
    (value): Write =>
      (writer) =>
        writer.varint(value),
  ),
  fc.nat().map(
    (value): Write =>
      (writer) =>
        writer.fixed32(value),
  ),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(
    (value): Write =>
      (writer) =>
        writer.fixed64(value),
  ),
  fc.double().map(
    (value): Write =>
      (writer) =>
        writer.double(value),
  ),
  text.map(
    (value): Write =>
      (writer) =>
        writer.text(value),
  ),
  fc.uint8Array({ maxLength: 16 }).map(
    (bytes): Write =>
      (writer) =>
        writer.hex(Buffer.from(bytes).toString('hex')),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 21 }).map((bytes): Write => {
    const padded = new Uint8Array(bytes.length + 4);
    padded.set(bytes);
    return (writer) => writer.block({ view: new DataView(padded.buffer), start: 0, length: bytes.length });
  }),
  fc.tuple(fc.nat(300), fc.constantFrom(0, 127, 128, 20_000)).map(
    ([count, guess]): Write =>
      (writer) => {
        const content = writer.begin(guess);
        for (let index = 0; index < count; index += 1) writer.byte(index % 256);
        writer.end(content, guess);
      },
  ),
);

function written(writer: ByteWriter): Buffer {
  return writer.bytes.subarray(writer.start, writer.start + writer.written);
}

it('the writer writes the same bytes for any slab size, and never changes a finished piece', () => {
  fc.assert(
    fc.property(fc.array(fc.array(write, { maxLength: 12 }), { maxLength: 12 }), fc.integer({ min: 1, max: 400 }), (pieces, slabBytes) => {
      const [small, large] = [new ByteWriter(slabBytes), new ByteWriter(1_000_000)];
      const finished: { readonly bytes: Buffer; readonly expected: string }[] = [];
      for (const writes of pieces) {
        small.startPiece();
        large.startPiece();
        for (const one of writes) {
          one(small);
          one(large);
        }
        finished.push({ bytes: written(small), expected: written(large).toString('hex') });
      }
      expect(finished.map(({ bytes }) => bytes.toString('hex'))).toEqual(finished.map(({ expected }) => expected));
    }),
    { numRuns: 500 },
  );
});

it('the writer makes room for a length that needs more bytes than reserved, even at the end of its memory', () => {
  for (let slabBytes = 195; slabBytes < 210; slabBytes += 1) {
    const writer = new ByteWriter(slabBytes);
    const content = writer.begin(0);
    for (let index = 0; index < 200; index += 1) writer.byte(index);
    writer.end(content, 0);
    expect([...written(writer)]).toEqual([0xc8, 0x01, ...Array.from({ length: 200 }, (_, index) => index)]);
  }
});
