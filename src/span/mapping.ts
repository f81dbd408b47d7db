import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Lifecycle, Mapping } from '../correlate/index.ts';
import { otlpBytes } from '../otlp/index.ts';
import { SPAN_DEFAULTS, type SpanOptions } from './options.ts';
import type { IsSampled } from './sampling.ts';
import { countSpans, createSpanMapper } from './span.ts';

export interface MappingOptions {
  /** Default: every trace is. */
  readonly isSampled?: IsSampled;
  /** Called with what the mapping of one lifecycle threw, which is our own bug: the lifecycle has no spans. Default: it is thrown. */
  readonly onError?: (error: unknown) => void;
}

/** Lifecycles to spans, for the correlator. What `spanOptions` leaves out takes its default. */
export function createMapping(
  spanOptions: Partial<SpanOptions> = {},
  { isSampled = () => true, onError }: MappingOptions = {},
): Mapping<ReadableSpan> {
  const options = { ...SPAN_DEFAULTS, ...spanOptions };
  const spansOf = createSpanMapper(options);

  function mapGuarded(lifecycle: Lifecycle): readonly ReadableSpan[] {
    if (onError === undefined) return spansOf(lifecycle);
    try {
      return spansOf(lifecycle);
    } catch (error) {
      onError(error);
      return [];
    }
  }

  return {
    isSampled,
    count: (lifecycle) => countSpans(lifecycle, options),
    map(lifecycle) {
      const spans = mapGuarded(lifecycle);
      return { spans, bytes: spans.reduce((sum, span) => sum + otlpBytes(span), 0) };
    },
  };
}
