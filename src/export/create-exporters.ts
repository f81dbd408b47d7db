import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { type Reloadable, type Clock, systemClock } from '../runtime/index.ts';
import { createConsoleExporter, createFileExporter } from './local-senders.ts';
import { createGrpcTransport } from './grpc-transport.ts';
import { createHttpTransport } from './http-transport.ts';
import { createOtlpExporter } from './otlp-sender.ts';
import { type Environment, type OtlpSettings, readOtlpSettings, readVariable } from './otlp-settings.ts';
import { protobufSerializer } from '../otlp/index.ts';

/** A SpanExporter with its name in logs and metrics. */
export interface NamedExporter {
  readonly name: string;
  readonly exporter: SpanExporter;
  /** The destination, without credentials. */
  readonly endpoint?: string;
  /**
   * Maximum time of one call, in ms. Longer than the exporter's own timeout, so that its answer
   * comes first.
   */
  readonly timeoutMs?: number;
  /**
   * Whether the exporter accepts encoded spans. Others receive plain objects, which can be spread
   * and compared.
   */
  readonly takesEncoded?: boolean;
  /** The exporter's certificate files. The pipeline offers them as `files`, for `watchFiles`. */
  readonly files?: readonly Reloadable[];
  /** Registers a listener for the log lines of the library below. */
  readonly onNote?: (listener: (note: string) => void) => void;
}

export type CreatedExporters =
  | {
      readonly ok: true;
      /** Empty for `none`. */
      readonly exporters: readonly NamedExporter[];
      /** One line per exporter for people, without credentials. */
      readonly describe: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

const KNOWN = ['otlp', 'console', 'file', 'none'] as const;
type ExporterName = (typeof KNOWN)[number];

/** Added to the exporter's own timeout, so that the exporter's answer comes first. */
const TIMEOUT_MARGIN_MS = 5_000;

/**
 * Creates the exporters that the environment variables describe, and reports every invalid value at
 * once:
 * - OTEL_TRACES_EXPORTER: otlp (default), console, file, a list of them, or none.
 * - OTEL_EXPORTER_OTLP_*: see `readOtlpSettings`.
 * - OTEL_EXPORTER_FILE_PATH: the file for OTLP JSON lines. Default traces.jsonl. Not in the
 *   specification, but used by other programs.
 * - OTEL_SDK_DISABLED=true: no exporter.
 *
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function createExporters(env: Environment, clock: Clock = systemClock): CreatedExporters {
  const problems: string[] = [];
  const names = readNames(env, problems);
  const settings = names.includes('otlp') ? readOtlpSettings(env, problems) : undefined;
  if (problems.length > 0) return { ok: false, problems };
  if (names.includes('none')) {
    const why = isDisabled(env) ? 'OTEL_SDK_DISABLED=true' : 'OTEL_TRACES_EXPORTER=none';
    return { ok: true, exporters: [], describe: [`no exporter (${why}): spans are counted and dropped`] };
  }
  const created = names.map((name) => {
    if (name === 'console') return consoleExporter();
    return name === 'otlp' && settings !== undefined ? otlpExporter(settings, clock) : fileExporter(env);
  });
  return { ok: true, exporters: created.map(({ exporter }) => exporter), describe: created.map(({ line }) => line) };
}

function isDisabled(env: Environment): boolean {
  return readVariable(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
}

function readNames(env: Environment, problems: string[]): readonly ExporterName[] {
  if (isDisabled(env)) return ['none'];
  const given = (readVariable(env, 'OTEL_TRACES_EXPORTER') ?? 'otlp').split(',').map((name) => name.trim().toLowerCase());
  const names = new Set<ExporterName>();
  for (const name of given) {
    if (name === '') continue;
    const known = KNOWN.find((candidate) => candidate === name);
    if (known !== undefined) names.add(known);
    else
      problems.push(
        `OTEL_TRACES_EXPORTER names ${JSON.stringify(name)}, which is unknown: use ${KNOWN.join(', ')}, or a comma-separated list`,
      );
  }
  if (names.has('none') && names.size > 1)
    problems.push('OTEL_TRACES_EXPORTER combines none with other exporters: use none alone, or remove it');
  return names.size === 0 ? ['otlp'] : [...names];
}

interface Created {
  readonly exporter: NamedExporter;
  readonly line: string;
}

function otlpExporter(settings: OtlpSettings, clock: Clock): Created {
  const transport = settings.protocol === 'grpc' ? createGrpcTransport(settings) : createHttpTransport(settings, clock);
  const takesEncoded = settings.protocol !== 'http/json';
  const exporter = createOtlpExporter(takesEncoded ? protobufSerializer : JsonTraceSerializer, transport);
  const timeoutMs = settings.timeoutMs + TIMEOUT_MARGIN_MS;
  const { onNote } = transport;
  return {
    exporter: {
      name: 'otlp',
      exporter,
      endpoint: settings.publicUrl,
      timeoutMs,
      takesEncoded,
      files: [settings.tls],
      ...(onNote === undefined ? {} : { onNote }),
    },
    line: `OTLP (${settings.protocol}) to ${settings.publicUrl}${settings.route.describe}`,
  };
}

function fileExporter(env: Environment): Created {
  const path = readVariable(env, 'OTEL_EXPORTER_FILE_PATH') ?? 'traces.jsonl';
  return { exporter: { name: 'file', exporter: createFileExporter(path), endpoint: path }, line: `OTLP JSON lines to the file ${path}` };
}

function consoleExporter(): Created {
  return { exporter: { name: 'console', exporter: createConsoleExporter(process.stdout) }, line: 'one line per span to standard output' };
}

/**
 * Scheme, host and port of an endpoint, without its path, which may contain a key. A file or socket
 * stays unchanged.
 */
export function endpointOrigin(endpoint: string): string {
  return /^https?:/i.test(endpoint) && URL.canParse(endpoint) ? new URL(endpoint).origin : endpoint;
}
