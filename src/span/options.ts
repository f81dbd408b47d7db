import type { Attributes } from '@opentelemetry/api';

export interface SpanOptions {
  /** `service.name` of jobs that name none. Default `ray`. */
  readonly serviceName: string;
  /** Added to every resource, as `OTEL_RESOURCE_ATTRIBUTES` says. */
  readonly resourceAttributes: Attributes;
  /** The states of an attempt: `spans` as child spans, `events` as span events, `auto` as spans where it waited. Default `auto`. */
  readonly phases: 'auto' | 'spans' | 'events' | 'none';
  /** With `auto`: an attempt that waited as long before RUNNING gets its phases as spans. Default 20 ms. */
  readonly phaseMinWaitMs: number;
  /** `names`: package, conda and working directory names of runtime environments are shown. Default `none`. */
  readonly runtimeEnv: 'none' | 'names';
  /** Longest attribute value, in UTF-16 units; `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`. Default 8192. */
  readonly valueLengthMax: number;
}

export const SPAN_DEFAULTS: SpanOptions = {
  serviceName: 'ray',
  resourceAttributes: {},
  phases: 'auto',
  phaseMinWaitMs: 20,
  runtimeEnv: 'none',
  valueLengthMax: 8_192,
};
