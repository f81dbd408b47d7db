import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { type Reloadable, type Clock, systemClock } from '../runtime/index.ts';
import { createConsoleExporter } from './console-exporter.ts';
import { createFileExporter } from './file-exporter.ts';
import { createGrpcTransport } from './grpc-transport.ts';
import { createHttpTransport } from './http-transport.ts';
import { type Environment, type OtlpSettings, readOtlpSettings, readVariable } from './otlp-environment.ts';
import { createOtlpExporter } from './otlp-exporter.ts';
import { protobufSerializer } from '../otlp/index.ts';

/** A SpanExporter with the name that telemetry knows it by. */
export interface NamedExporter {
  readonly name: string;
  readonly exporter: SpanExporter;
  /** Where it sends to, without credentials. */
  readonly endpoint?: string;
  /** How long one call may take, in ms, where the exporter has a limit of its own that must come first. */
  readonly timeoutMs?: number;
  /** It takes spans as they are encoded; others get plain objects, which can be spread and compared. */
  readonly takesEncoded?: boolean;
  /** Files that it uses. The pipeline has them as `files`, for `watch`. */
  readonly files?: readonly Reloadable[];
  /** Hands on what a library below writes to its own log. */
  readonly onNote?: (listener: (note: string) => void) => void;
}

export type CreatedExporters =
  | {
      readonly ok: true;
      /** Empty for `none`. */
      readonly exporters: readonly NamedExporter[];
      /** One line for people about each, without credentials. */
      readonly describe: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

const KNOWN = ['otlp', 'console', 'file', 'none'] as const;
type ExporterName = (typeof KNOWN)[number];

/** What a call gets beyond the exporter's own timeout, so that the exporter's answer comes first. */
const TIMEOUT_MARGIN_MS = 5_000;

/**
 * Exporters as the standard variables say. OTEL_TRACES_EXPORTER: otlp (default), console, file, a list of them, or none;
 * OTEL_EXPORTER_OTLP_*: see `readOtlpSettings`; OTEL_EXPORTER_FILE_PATH: where `file` appends OTLP JSON lines (default traces.jsonl; the
 * specification has no variable for it, this name is the one in use elsewhere); OTEL_SDK_DISABLED=true: none. Unknown values are problems,
 * all reported at once.
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
        `OTEL_TRACES_EXPORTER names ${JSON.stringify(name)}, which is not known: use ${KNOWN.join(', ')}, or a list with commas`,
      );
  }
  if (names.has('none') && names.size > 1)
    problems.push('OTEL_TRACES_EXPORTER has none beside other exporters: use none alone, or leave it out');
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
  return { exporter: { name: 'console', exporter: createConsoleExporter(process.stdout) }, line: 'one line a span to standard output' };
}
