import type { Facts } from '../facts.ts';
import type { Verdicts } from '../verdict.ts';

/** Judges the gathered facts. Pure. */
export interface Check {
  /** Stable name, for `--json`. */
  readonly name: string;
  readonly judge: (facts: Facts) => Verdicts;
}
