export { endpointOrigin } from './endpoint-origin.ts';

export { createConsoleExporter } from './console-exporter.ts';
export { createExporters, type NamedExporter } from './create-exporters.ts';
export type { ExportEvent, IsSettled, OnRefused, OnSettled } from './export-event.ts';
export { exportOnce } from './export-once.ts';
export { appendWhole, createFileExporter, openForLines } from './file-exporter.ts';
export { otlpJsonLines } from './json-lines.ts';
export type { ExportLimits } from './limits.ts';

export { readOtlpSettings } from './otlp-environment.ts';
export { createExportPipeline, type ExportPipeline, type ExportPipelineOptions, type ExportStats } from './pipeline.ts';
