export type { CallerGroup, FailureGroup, NodeDeath, VerdictFacts, WaitGroup } from './facts.ts';
export { judge, type Verdict, VERDICT_KINDS } from './verdict.ts';
export { clockText } from './words.ts';
