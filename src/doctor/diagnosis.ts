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
  readonly check: string;
  readonly title: string;
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
  for (const { name, title, judge } of CHECKS) {
    for (const verdict of judge(facts)) {
      if (verdict.kind === 'well') {
        well.push({ check: name, what: verdict.what });
        continue;
      }
      const here = verdict.where === undefined ? [] : [verdict.where];
      if (verdict.kind === 'unknown') {
        const key = JSON.stringify([name, verdict.what]);
        const known = unknown.get(key) ?? { check: name, title, where: [], what: verdict.what, fix: verdict.fix };
        unknown.set(key, { ...known, where: [...known.where, ...here] });
        continue;
      }
      const { code, what, why, fix } = verdict;
      const key = JSON.stringify([code, what]);
      const known = findings.get(key) ?? { check: name, code, severity: FINDINGS[code].severity, where: [], what, why, fix };
      findings.set(key, { ...known, where: [...known.where, ...here.filter((place) => !known.where.includes(place))] });
    }
  }
  const bySeverity = (severity: Severity): readonly DiagnosedFinding[] =>
    [...findings.values()].filter((each) => each.severity === severity);
  return { findings: [...bySeverity('fault'), ...bySeverity('warning')], unknown: [...unknown.values()], well };
}

export function isTrouble({ findings }: Diagnosis): boolean {
  return findings.some(({ severity }) => severity === 'fault');
}
