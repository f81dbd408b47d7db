export { cutTo, fit, formatBytes, formatCount, formatDurationNs, jsonForTerminal, printable } from './text.ts';
export { renderTraceTree, type TraceTreeOptions } from './trace-tree.ts';
