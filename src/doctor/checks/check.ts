import type { Facts } from '../facts.ts';
import type { Verdicts } from '../verdict.ts';

/** Judges what was gathered, and nothing else. Pure. */
export interface Check {
  /** Stable, for `--json`. */
  readonly name: string;
  readonly judge: (facts: Facts) => Verdicts;
}
