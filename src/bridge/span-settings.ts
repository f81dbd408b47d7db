import type { Mapping } from '../correlate/index.ts';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Settings } from '../config.ts';
import { createMapping, type SpanOptions } from '../span/index.ts';
import { type Environment, spanEnvironmentOf } from './parts.ts';

/** Everything that decides which spans a finished entity has, as plain data. */
export interface SpanSettings {
  readonly options: SpanOptions;
  /** The variables of the sampler. */
  readonly sampler: Readonly<Record<string, string>>;
}

const SAMPLER_VARIABLES = ['OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG'];

export function spanSettingsOf({ phases, phaseMinWaitMs, runtimeEnv }: Settings, env: Environment): SpanSettings {
  const { serviceName, resourceAttributes, valueLengthMax } = spanEnvironmentOf(env);
  const sampler = Object.fromEntries(SAMPLER_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  return { options: { serviceName, resourceAttributes, phases, phaseMinWaitMs, runtimeEnv, valueLengthMax }, sampler };
}

export interface SwitchingMapping extends Mapping<ReadableSpan> {
  /** Later entities are mapped with these settings. */
  use(settings: SpanSettings): void;
}

/** A mapping whose settings can change: a replay needs those of the previous process. */
export function createSwitchingMapping(settings: SpanSettings, onError: (error: unknown) => void): SwitchingMapping {
  const mappingOf = ({ options, sampler }: SpanSettings): Mapping<ReadableSpan> =>
    createMapping(options, { isSampled: spanEnvironmentOf(sampler).isSampled, onError });
  let current = mappingOf(settings);
  return {
    isSampled: (trace) => current.isSampled(trace),
    map: (lifecycle) => current.map(lifecycle),
    count: (lifecycle) => current.count(lifecycle),
    use: (changed) => {
      current = mappingOf(changed);
    },
  };
}
