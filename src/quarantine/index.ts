export { createQuarantine, type Quarantine, type QuarantineEvent, type QuarantineOptions } from './quarantine.ts';
export type { QuarantineEntry } from './entry.ts';
export { ENTRY_KINDS, type EntryKind, quarantineFolder } from './files.ts';
export type { QuarantineLimits } from './limits.ts';
export { type QuarantineProblem, readQuarantine } from './read.ts';
export { removeEntries } from './remove.ts';
