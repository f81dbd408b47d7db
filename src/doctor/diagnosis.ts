import { CHECKS } from './checks/index.ts';
import type { Facts } from './facts.ts';
import { type FindingCode, FINDINGS, type Severity } from './findings.ts';

export interface DiagnosedFinding {
  readonly check: string;
  readonly code: FindingCode;
  readonly severity: Severity;
  /** All nodes, processes or addresses of which it is true. */
  readonly where: readonly string[];
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export interface DiagnosedUnknown {
  /** The checks that could not be made because of it. */
  readonly checks: readonly string[];
  readonly where: readonly string[];
  readonly what: string;
  readonly fix: string;
}

export interface Diagnosis {
  /** The worst first, and among equals in the order of the way. */
  readonly findings: readonly DiagnosedFinding[];
  readonly unknown: readonly DiagnosedUnknown[];
  readonly well: readonly { readonly check: string; readonly what: string }[];
}

/** Makes every check on the facts. Pure. What is the same at several places is told once, with the places. */
export function diagnose(facts: Facts): Diagnosis {
  const findings = new Map<string, DiagnosedFinding>();
  const unknown = new Map<string, DiagnosedUnknown>();
  const well: { check: string; what: string }[] = [];
  for (const { name, judge } of CHECKS) {
    for (const verdict of judge(facts)) {
      if (verdict.kind === 'well') {
        well.push({ check: name, what: verdict.what });
        continue;
      }
      if (verdict.kind === 'unknown') {
        const key = verdict.what;
        const known = unknown.get(key) ?? { checks: [], where: [], what: verdict.what, fix: verdict.fix };
        unknown.set(key, { ...known, checks: withOne(known.checks, name), where: withOne(known.where, verdict.where) });
        continue;
      }
      const { code, what, why, fix } = verdict;
      const key = JSON.stringify([code, what]);
      const known = findings.get(key) ?? { check: name, code, severity: FINDINGS[code].severity, where: [], what, why, fix };
      findings.set(key, { ...known, where: withOne(known.where, verdict.where) });
    }
  }
  const bySeverity = (severity: Severity): readonly DiagnosedFinding[] =>
    [...findings.values()].filter((each) => each.severity === severity);
  return { findings: [...bySeverity('fault'), ...bySeverity('warning')], unknown: [...unknown.values()], well };
}

function withOne(texts: readonly string[], text: string | undefined): readonly string[] {
  return text === undefined || texts.includes(text) ? texts : [...texts, text];
}

export function hasFault({ findings }: Diagnosis): boolean {
  return findings.some(({ severity }) => severity === 'fault');
}
