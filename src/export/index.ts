export { type Clock, type Sleep, systemClock } from './clock.ts';
export { createConsoleExporter } from './console-exporter.ts';
export { createExporters, type NamedExporter } from './create-exporters.ts';
export type { ExportEvent, OnRefused } from './export-event.ts';
export { createFileExporter } from './file-exporter.ts';
export { otlpJsonLines } from './json-lines.ts';
export type { ExportLimits } from './limits.ts';
export { createExportPipeline, type ExportPipeline, type ExportPipelineOptions, type ExportStats } from './pipeline.ts';
export { envelopeBytes, otlpBytes } from './span-size.ts';
