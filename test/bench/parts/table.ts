/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly target: string;
  readonly stretch: string;
  readonly measured: string;
  /** Against its baseline, or against the target. */
  readonly ratio: string;
  readonly verdict: string;
}

/** What must hold in CI too: a count that no noise moves. */
export interface Count {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
}

export interface Findings {
  readonly rows: readonly Row[];
  readonly counts?: readonly Count[];
  /** Facts beside the table. */
  readonly notes?: readonly string[];
}

export type Verdict = 'stretch' | 'met' | 'missed';

/** Both limits are upper ones. */
export function judge(value: number, target: number, stretch = target): Verdict {
  if (!(value <= target)) return 'missed';
  return value <= stretch && stretch < target ? 'stretch' : 'met';
}

export function markdownTable(rows: readonly Row[]): string {
  const header = ['what', 'target', 'stretch', 'measured', 'ratio', 'verdict'];
  const lines = rows.map(({ what, target, stretch, measured, ratio, verdict }) => [what, target, stretch, measured, ratio, verdict]);
  return [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export const brokenCounts = (counts: readonly Count[]): Count[] => counts.filter(({ value, limit }) => !(value <= limit));

export const times = (ratio: number): string => `${ratio.toFixed(ratio < 10 ? 2 : 1)} x`;
export const milliseconds = (ms: number): string => (ms < 10_000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`);
export const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MiB`;
export const count = (value: number): string => Math.round(value).toLocaleString('en');
