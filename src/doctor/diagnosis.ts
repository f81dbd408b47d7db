import { CHECKS } from './checks/index.ts';
import type { Facts } from './facts.ts';
import { type FindingCode, FINDINGS, type Severity } from './findings.ts';

export interface DiagnosedFinding {
  readonly check: string;
  readonly code: FindingCode;
  readonly severity: Severity;
  /** All nodes, processes or addresses with this finding. */
  readonly where: readonly string[];
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export interface DiagnosedUnknown {
  /** Checks that could not run. */
  readonly checks: readonly string[];
  readonly where: readonly string[];
  readonly what: string;
  readonly fix: string;
}

export interface Diagnosis {
  /** Faults first, then warnings, each in the order of the checks. */
  readonly findings: readonly DiagnosedFinding[];
  readonly unknown: readonly DiagnosedUnknown[];
  /** Checks that passed. The name `well` is part of the JSON output. */
  readonly well: readonly { readonly check: string; readonly what: string }[];
}

/** Runs all checks on the facts. Pure. Reports the same finding at several places once, with all places. */
export function diagnose(facts: Facts): Diagnosis {
  const findings = new Map<string, DiagnosedFinding>();
  const unknown = new Map<string, DiagnosedUnknown>();
  const passed: { check: string; what: string }[] = [];
  for (const { name, judge } of CHECKS) {
    for (const verdict of judge(facts)) {
      if (verdict.kind === 'passed') {
        passed.push({ check: name, what: verdict.what });
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
  return { findings: [...bySeverity('fault'), ...bySeverity('warning')], unknown: [...unknown.values()], well: passed };
}

function withOne(texts: readonly string[], text: string | undefined): readonly string[] {
  return text === undefined || texts.includes(text) ? texts : [...texts, text];
}

export function hasFault({ findings }: Diagnosis): boolean {
  return findings.some(({ severity }) => severity === 'fault');
}
