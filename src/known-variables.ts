import { settingsTable } from './config.ts';
import { nearMiss } from './options/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of OpenTelemetry that the bridge obeys, beside those of the OTLP exporter. */
const OBEYED = [
  'OTEL_SDK_DISABLED',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_FILE_PATH',
];
const OF_OTLP = [
  'ENDPOINT',
  'PROTOCOL',
  'HEADERS',
  'TIMEOUT',
  'COMPRESSION',
  'INSECURE',
  'CERTIFICATE',
  'CLIENT_CERTIFICATE',
  'CLIENT_KEY',
];

/** Every `OTEL_*` variable that the bridge obeys. */
export const OTEL_VARIABLES: readonly string[] = [
  ...OBEYED,
  ...['', 'TRACES_'].flatMap((signal) => OF_OTLP.map((name) => `OTEL_EXPORTER_OTLP_${signal}${name}`)),
];

/**
 * Variables of the specification that are for others: near to one of ours, and no typing errors.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
const FOR_OTHERS: readonly string[] = [
  ...['METRICS_', 'LOGS_', 'PROFILES_'].flatMap((signal) => OF_OTLP.map((name) => `OTEL_EXPORTER_OTLP_${signal}${name}`)),
  'OTEL_METRICS_EXPORTER',
  'OTEL_LOGS_EXPORTER',
  'OTEL_LOG_LEVEL',
  'OTEL_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT',
];

/** A variable that nobody reads, most likely because of a typing error. */
export interface SuspectVariable {
  readonly name: string;
  /** What it was most likely meant to be. */
  readonly meant: string | undefined;
}

/** Of an environment: unknown `RAY_OTEL_*` variables, and names that are nearly those of a variable that the bridge obeys. */
export function suspectVariables(env: Environment): readonly SuspectVariable[] {
  const settings = Object.values(settingsTable).flatMap(({ env: name }) => (name === '' ? [] : [name]));
  return Object.keys(env)
    .filter((name) => !settings.includes(name) && !OTEL_VARIABLES.includes(name) && !FOR_OTHERS.includes(name))
    .flatMap((name) => suspect(name, settings))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function suspect(name: string, settings: readonly string[]): readonly SuspectVariable[] {
  if (/^RAY_OTEL_/i.test(name)) return [{ name, meant: nearMiss(name, settings) }];
  if (!/^(?:RAY|OTEL|OTLP)/i.test(name)) return [];
  const meant = nearMiss(name, [...settings, ...OTEL_VARIABLES]);
  return meant === undefined ? [] : [{ name, meant }];
}

/** `RAY_OTEL_SETTEL is set, and nothing reads it (did you mean RAY_OTEL_SETTLE?)` */
export function describeSuspect({ name, meant }: SuspectVariable): string {
  return `${name} is set, and nothing reads it${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
}
