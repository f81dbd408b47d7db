/** One line of a page in Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][\w:]{0,199})(?:\{([^\n]{0,4000})\})?\s+(\S{1,40})(?:\s+\d+)?$/;
const label = /([a-zA-Z_]\w{0,99})="((?:[^"\\]|\\.)*)"/g;

/** The samples of which the name begins with one of `prefixes`; lines that are not of the format are left out. */
export function readSamples(page: string, prefixes: readonly string[]): readonly Sample[] {
  const samples: Sample[] = [];
  for (const text of page.split('\n')) {
    if (!prefixes.some((prefix) => text.startsWith(prefix))) continue;
    const match = line.exec(text.trimEnd());
    const value = Number(match?.[3]);
    if (match === null || Number.isNaN(value)) continue;
    const labels = Object.fromEntries([...(match[2] ?? '').matchAll(label)].map(([, name = '', inner = '']) => [name, inner]));
    samples.push({ name: match[1] ?? '', labels, value });
  }
  return samples;
}

/** The sum over all labels of a metric; undefined when the page does not have it. */
export function sumOf(samples: readonly Sample[], name: string, isWanted: (sample: Sample) => boolean = () => true): number | undefined {
  const found = samples.filter((sample) => sample.name === name && isWanted(sample));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

/** Sums by the value of one label; only what is above 0. */
export function sumsByLabel(samples: readonly Sample[], name: string, byLabel: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const sample of samples) {
    if (sample.name !== name || !(sample.value > 0)) continue;
    const key = sample.labels[byLabel] ?? '';
    sums.set(key, (sums.get(key) ?? 0) + sample.value);
  }
  return sums;
}
