import type { Attributes } from '@opentelemetry/api';

export interface SpanOptions {
  /** `service.name` of jobs that do not set one. Default `ray`. */
  readonly serviceName: string;
  /** Attributes of every resource, from `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly resourceAttributes: Attributes;
  /**
   * How states of an attempt are shown: `spans` as child spans, `events` as span events, `auto` as
   * spans when the attempt waited. Default `auto`.
   */
  readonly phases: 'auto' | 'spans' | 'events' | 'none';
  /** Minimum wait before RUNNING for phase spans with `auto`. Default 20 ms. */
  readonly phaseMinWaitMs: number;
  /**
   * `names` shows packages, conda environment and working directory of runtime environments.
   * Default `none`.
   */
  readonly runtimeEnv: 'none' | 'names';
  /**
   * Maximum length of an attribute value in UTF-16 units; `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.
   * Default 8192.
   */
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
