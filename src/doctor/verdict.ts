import type { FindingCode } from './findings.ts';

/** Something is wrong, or may be wrong. */
export interface Finding {
  readonly kind: 'finding';
  readonly code: FindingCode;
  /** Node, process or address. The same finding at several places is shown once. */
  readonly where?: string;
  /** What was observed. One sentence. */
  readonly what: string;
  /** Consequence or cause. One or two sentences. */
  readonly why: string;
  /** What to do. */
  readonly fix: string;
}

/** A check that could not run. Never counts as passed. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly where?: string;
  /** What is unknown, and why. */
  readonly what: string;
  /** How to find out. */
  readonly fix: string;
}

/** A check that found nothing wrong. */
export interface Passed {
  readonly kind: 'passed';
  readonly what: string;
}

export type Verdict = Finding | Unknown | Passed;
/** Verdicts of one check: at least one, so that no check passes silently. */
export type Verdicts = readonly [Verdict, ...Verdict[]];

export function passed(what: string): Passed {
  return { kind: 'passed', what };
}

export function unknown(what: string, fix: string, where?: string): Unknown {
  return { kind: 'unknown', what, fix, ...(where === undefined ? {} : { where }) };
}

export function finding(code: FindingCode, text: Omit<Finding, 'kind' | 'code'>): Finding {
  return { kind: 'finding', code, ...text };
}

/** The given verdicts, or `otherwise` when there are none. */
export function verdictsOr(verdicts: readonly Verdict[], otherwise: Verdict): Verdicts {
  const [first, ...rest] = verdicts;
  return first === undefined ? [otherwise] : [first, ...rest];
}
