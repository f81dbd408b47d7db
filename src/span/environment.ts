import type { Attributes } from '@opentelemetry/api';
import { createSampling, type IsSampled } from './sampling.ts';
import { SPAN_DEFAULTS } from './options.ts';

/** Span settings from `OTEL_*` variables. Exporter variables are read in `export/`. */
export interface SpanEnvironment {
  readonly ok: true;
  readonly serviceName: string;
  readonly resourceAttributes: Attributes;
  readonly valueLengthMax: number;
  readonly isSampled: IsSampled;
}

export type ReadSpanEnvironment = SpanEnvironment | { readonly ok: false; readonly problems: readonly string[] };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads OTEL_SERVICE_NAME (default `ray`), OTEL_RESOURCE_ATTRIBUTES,
 * OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT or OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_TRACES_SAMPLER
 * and OTEL_TRACES_SAMPLER_ARG. An empty variable counts as unset.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function readSpanEnvironment(env: Environment): ReadSpanEnvironment {
  const problems: string[] = [];
  const { 'service.name': namedService, ...resourceAttributes } = readResourceAttributes(env, problems);
  const valueLengthMax = readValueLength(env, problems);
  const sampling = createSampling(env);
  if (!sampling.ok) return { ok: false, problems: [...problems, sampling.problem] };
  if (problems.length > 0) return { ok: false, problems };
  const serviceName = env['OTEL_SERVICE_NAME'] || namedService || SPAN_DEFAULTS.serviceName;
  return { ok: true, serviceName, resourceAttributes, valueLengthMax, isSampled: sampling.isSampled };
}

/**
 * Reads `key=value,key2=value2`, percent-encoded.
 * Source: https://opentelemetry.io/docs/specs/otel/resource/sdk/
 */
function readResourceAttributes(env: Environment, problems: string[]): Record<string, string> {
  const attributes = new Map<string, string>();
  for (const pair of (env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',')) {
    if (pair.trim() === '') continue;
    const [key, value] = pair.split(/=(.*)/s, 2).map((part) => decoded(part.trim()));
    if (key === undefined || key === '' || value === undefined) {
      problems.push(
        'OTEL_RESOURCE_ATTRIBUTES must be key=value,key2=value2 with other characters percent-encoded; at least one pair is not',
      );
    } else attributes.set(key, value);
  }
  return Object.fromEntries(attributes);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function readValueLength(env: Environment, problems: string[]): number {
  for (const name of ['OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT']) {
    const text = env[name]?.trim();
    if (!text) continue;
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    problems.push(`${name} must be a whole number of at least 1`);
  }
  return SPAN_DEFAULTS.valueLengthMax;
}
