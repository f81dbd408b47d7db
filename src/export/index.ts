export { readBatchVariables } from './batch-variables.ts';
export { createExporters, endpointOrigin, type NamedExporter } from './create-exporters.ts';
export type { ExportEvent, OnRefused } from './export-event.ts';
export type { ExportLimits } from './limits.ts';
export { appendWhole, createConsoleExporter, createFileExporter, openForLines, otlpJsonLines } from './local-senders.ts';
export { readOtlpSettings } from './otlp-settings.ts';
export { createExportPipeline, type ExportPipeline, type ExportPipelineOptions, type ExportStats } from './pipeline.ts';
export { exportOnce } from './sender.ts';
