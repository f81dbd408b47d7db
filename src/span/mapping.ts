import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Finished, Mapping } from '../correlate/index.ts';
import { otlpBytes } from '../otlp/index.ts';
import { SPAN_DEFAULTS, type SpanOptions } from './options.ts';
import type { IsSampled } from './sampling.ts';
import { countSpans, createSpanMapper } from './span.ts';

export interface MappingOptions {
  /** Default: every trace is sampled. */
  readonly isSampled?: IsSampled;
  /**
   * Called when the mapping of one lifecycle throws, which is a bug of the bridge. The lifecycle
   * then has no spans. Default: the error is thrown.
   */
  readonly onError?: (error: unknown) => void;
}

/**
 * Creates the mapping from lifecycles to spans for the correlator. Missing `spanOptions` take their
 * defaults.
 */
export function createMapping(
  spanOptions: Partial<SpanOptions> = {},
  { isSampled = () => true, onError }: MappingOptions = {},
): Mapping<ReadableSpan> {
  const options = { ...SPAN_DEFAULTS, ...spanOptions };
  const spansOf = createSpanMapper(options);

  function mapGuarded(lifecycle: Finished): readonly ReadableSpan[] {
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
