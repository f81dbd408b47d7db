import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { type Access, openAccess } from '../http/index.ts';
import type { Settings } from '../config.ts';
import { createExporters, type ExportLimits, type NamedExporter, readBatchVariables } from '../export/index.ts';
import { readSpanEnvironment, type SpanEnvironment } from '../span/index.ts';

// Builds the parts of the bridge from settings, variables and the caller's options.

export type Environment = Readonly<Record<string, string | undefined>>;

export interface GivenExporters {
  readonly exporter?: SpanExporter;
  readonly exporters?: readonly NamedExporter[];
}

export function memoryLimit({ maxJournalBytes }: Settings): { readonly limitBytes?: number } {
  return maxJournalBytes === undefined ? {} : { limitBytes: maxJournalBytes };
}

export function accessOf(settings: Settings): Access {
  const opened = openAccess(settings);
  if (!opened.ok) throw new Error(opened.problem.join('; '));
  return opened.value;
}

export function spanEnvironmentOf(env: Environment): Omit<SpanEnvironment, 'ok'> {
  const read = readSpanEnvironment(env);
  if (!read.ok) throw new Error(read.problems.join('; '));
  const { ok: _, ...environment } = read;
  return environment;
}

const DEFAULT_EXPORT_DELAY_MS = 1000;
const DEFAULT_EXPORT_BATCH_SIZE = 512;

/** When spans leave the export queue: by setting, by a variable of the specification, by default. */
export function batchingOf(settings: Settings, env: Environment): Pick<ExportLimits, 'lingerMs' | 'maxBatchSpans'> {
  const variables = readBatchVariables(env);
  if (!variables.ok) throw new Error(variables.problems.join('; '));
  return {
    lingerMs: settings.exportDelayMs ?? variables.lingerMs ?? DEFAULT_EXPORT_DELAY_MS,
    maxBatchSpans: settings.exportBatchSize ?? variables.maxBatchSpans ?? DEFAULT_EXPORT_BATCH_SIZE,
  };
}

export function exportersOf({ exporter, exporters }: GivenExporters, env: Environment): readonly NamedExporter[] {
  if (exporters !== undefined) return exporters;
  if (exporter !== undefined) return [{ name: 'custom', exporter }];
  const created = createExporters(env);
  if (!created.ok) throw new Error(created.problems.join('; '));
  return created.exporters;
}
