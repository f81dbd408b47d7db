export { cutTo, fit, formatBytes, formatCount, formatDurationNs, jsonForTerminal, textWidth } from './text.ts';
export { renderTraceTree, type TraceTreeOptions } from './trace-tree.ts';
