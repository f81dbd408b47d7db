import { type Environment, readVariable } from './otlp-settings.ts';

/** When spans leave the export queue, as far as the variables of the specification say so. */
export interface BatchVariables {
  readonly lingerMs?: number;
  readonly maxBatchSpans?: number;
}

export type ReadBatchVariables = ({ readonly ok: true } & BatchVariables) | { readonly ok: false; readonly problems: readonly string[] };

/** setTimeout fires immediately above this. */
const MAX_DELAY_MS = 2 ** 31 - 1;
const MAX_BATCH_SPANS = 1_000_000;

/**
 * Reads OTEL_BSP_SCHEDULE_DELAY (milliseconds) and OTEL_BSP_MAX_EXPORT_BATCH_SIZE. An empty variable
 * counts as unset.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function readBatchVariables(env: Environment): ReadBatchVariables {
  const problems: string[] = [];
  const read = (name: string, min: number, max: number): number | undefined => {
    const value = readVariable(env, name);
    if (value === undefined) return undefined;
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    problems.push(`${name}=${JSON.stringify(value)} must be a whole number from ${min} to ${max}`);
    return undefined;
  };
  const lingerMs = read('OTEL_BSP_SCHEDULE_DELAY', 0, MAX_DELAY_MS);
  const maxBatchSpans = read('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 1, MAX_BATCH_SPANS);
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, ...(lingerMs === undefined ? {} : { lingerMs }), ...(maxBatchSpans === undefined ? {} : { maxBatchSpans }) };
}
