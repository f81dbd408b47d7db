import { SETTINGS } from './config.ts';
import { nearMiss } from './options/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** `OTEL_*` variables that the bridge reads, except those of the OTLP exporter. */
const GENERAL_VARIABLES = [
  'OTEL_SDK_DISABLED',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_FILE_PATH',
  'OTEL_BSP_SCHEDULE_DELAY',
  'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
];
/** Endings of the OTLP exporter's variables. */
const OTLP_SUFFIXES = [
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

/** Every `OTEL_*` variable that the bridge reads. */
export const OTEL_VARIABLES: readonly string[] = [
  ...GENERAL_VARIABLES,
  ...['', 'TRACES_'].flatMap((signal) => OTLP_SUFFIXES.map((name) => `OTEL_EXPORTER_OTLP_${signal}${name}`)),
];

/**
 * Variables of the specification for other programs. Their names are close to ours, but they are not typos.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
const OTHER_VARIABLES: readonly string[] = [
  ...['METRICS_', 'LOGS_', 'PROFILES_'].flatMap((signal) => OTLP_SUFFIXES.map((name) => `OTEL_EXPORTER_OTLP_${signal}${name}`)),
  'OTEL_METRICS_EXPORTER',
  'OTEL_LOGS_EXPORTER',
  'OTEL_LOG_LEVEL',
  'OTEL_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT',
];

/** A variable that no program reads, most likely because of a typo. */
export interface SuspectVariable {
  readonly name: string;
  /** The variable that the user most likely meant. */
  readonly meant: string | undefined;
}

/** Finds unknown `RAY_OTEL_*` variables, and names that are close to a variable that the bridge reads. */
export function suspectVariables(env: Environment): readonly SuspectVariable[] {
  const settings = Object.values(SETTINGS).flatMap(({ env: name }) => (name === '' ? [] : [name]));
  return Object.keys(env)
    .filter((name) => !settings.includes(name) && !OTEL_VARIABLES.includes(name) && !OTHER_VARIABLES.includes(name))
    .flatMap((name) => suspect(name, settings))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function suspect(name: string, settings: readonly string[]): readonly SuspectVariable[] {
  if (/^RAY_OTEL_/i.test(name)) return [{ name, meant: nearMiss(name, settings) }];
  if (!/^(?:RAY|OTEL|OTLP)/i.test(name)) return [];
  const meant = nearMiss(name, [...settings, ...OTEL_VARIABLES]);
  return meant === undefined ? [] : [{ name, meant }];
}

/** `unknown variable RAY_OTEL_SETTEL (did you mean RAY_OTEL_SETTLE?)` */
export function describeSuspect({ name, meant }: SuspectVariable): string {
  return `unknown variable ${name}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
}
