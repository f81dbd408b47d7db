export { formatBytes, formatCount, formatDurationNs, printable } from './text.ts';
export { renderTraceTree, type TraceTreeOptions } from './trace-tree.ts';
