import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSpanRestorer, type EncodedSpan, encodeRequest, plainSpan, SpanEncoder, storableSpans } from '../../src/otlp/index.ts';
import { spanFields } from './span-arbitrary.ts';

// Spans that wait on disk must reach the backend with the bytes that they would have had.

function bytesOf({ bytes, start, end }: EncodedSpan): string {
  return bytes.toString('hex', start, end);
}

describe('spans that were stored and restored', () => {
  it('have the same bytes in the same order, with equal resources', () => {
    fc.assert(
      fc.property(fc.array(spanFields, { maxLength: 12 }), (all) => {
        const encoder = new SpanEncoder();
        const spans = all.map((fields) => encoder.encode(fields));
        const restored = createSpanRestorer()(storableSpans(spans));
        expect(restored.map(bytesOf)).toEqual(spans.map(bytesOf));
        for (const [index, span] of spans.entries()) {
          const other = restored[index];
          if (other === undefined) throw new Error('a span is missing');
          expect(encodeRequest([other]).toString('hex')).toBe(encodeRequest([span]).toString('hex'));
          expect(plainSpan(other).name).toBe(plainSpan(span).name);
          expect(other.resource.attributes).toEqual(span.resource.attributes);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('share equal resources, so that one request groups them', () => {
    fc.assert(
      fc.property(fc.array(spanFields, { minLength: 1, maxLength: 12 }), (all) => {
        const encoder = new SpanEncoder();
        const spans = all.map((fields) => encoder.encode(fields));
        const restore = createSpanRestorer();
        const restored = [...restore(storableSpans(spans)), ...restore(storableSpans(spans))];
        const texts = new Set(spans.map((span) => JSON.stringify(span.resource.attributes)));
        expect(new Set(restored.map(({ resource }) => resource)).size).toBe(texts.size);
      }),
      { numRuns: 100 },
    );
  });
});
