import type { FindingCode } from './findings.ts';

/** Something is wrong, or may be. */
export interface Finding {
  readonly kind: 'finding';
  readonly code: FindingCode;
  /** The node, process or address that it is about; the same finding on many nodes is shown once. */
  readonly where?: string;
  /** One sentence: what was seen. */
  readonly what: string;
  /** One sentence or two: what it leads to. */
  readonly why: string;
  /** What to do now. */
  readonly fix: string;
}

/** A check that could not be made. Never counted as all well. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly where?: string;
  /** What is not known, and why. */
  readonly what: string;
  /** How it can be known. */
  readonly fix: string;
}

export interface Well {
  readonly kind: 'well';
  readonly what: string;
}

/** A check says at least one thing: nothing found is `well`, said on purpose. */
export type Verdict = Finding | Unknown | Well;
export type Verdicts = readonly [Verdict, ...Verdict[]];

export function well(what: string): Well {
  return { kind: 'well', what };
}

export function unknown(what: string, fix: string, where?: string): Unknown {
  return { kind: 'unknown', what, fix, ...(where === undefined ? {} : { where }) };
}

export function finding(code: FindingCode, text: Omit<Finding, 'kind' | 'code'>): Finding {
  return { kind: 'finding', code, ...text };
}

/** The verdicts that there are, or `otherwise` when there is none. */
export function verdictsOr(verdicts: readonly Verdict[], otherwise: Verdict): Verdicts {
  const [first, ...rest] = verdicts;
  return first === undefined ? [otherwise] : [first, ...rest];
}
