/** A sample in Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]{0,199})(?:\{([^\n]{0,4000})\})?\s+(\S{1,40})(?:\s+\d+)?$/;
const LABEL = /([a-zA-Z_]\w{0,99})="((?:[^"\\]|\\.)*)"/g;

/** Samples whose names begin with one of `prefixes`. Skips malformed lines. */
export function readSamples(page: string, prefixes: readonly string[]): readonly Sample[] {
  const samples: Sample[] = [];
  for (const text of page.split('\n')) {
    if (!prefixes.some((prefix) => text.startsWith(prefix))) continue;
    const match = LINE.exec(text.trimEnd());
    const value = Number(match?.[3]);
    if (match === null || Number.isNaN(value)) continue;
    const labels = Object.fromEntries([...(match[2] ?? '').matchAll(LABEL)].map(([, name = '', inner = '']) => [name, inner]));
    samples.push({ name: match[1] ?? '', labels, value });
  }
  return samples;
}

/** Sum of a metric over all labels. Undefined when the page does not contain the metric. */
export function sumOf(samples: readonly Sample[], name: string, isWanted: (sample: Sample) => boolean = () => true): number | undefined {
  const found = samples.filter((sample) => sample.name === name && isWanted(sample));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

/** Sums of a metric by the value of one label. Includes only sums above 0. */
export function sumsByLabel(samples: readonly Sample[], name: string, byLabel: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const sample of samples) {
    if (sample.name !== name || !(sample.value > 0)) continue;
    const key = sample.labels[byLabel] ?? '';
    sums.set(key, (sums.get(key) ?? 0) + sample.value);
  }
  return sums;
}
