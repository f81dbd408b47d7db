import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** CPU time of all threads of a process so far, in seconds. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Linux counts so on every machine that Node supports. */
const TICKS_PER_SECOND = 100;

/**
 * Memory of a process in bytes, now and at its highest; undefined when it is gone, or where there
 * is no /proc.
 */
export function memoryOf(pid: number): { readonly rssBytes: number; readonly peakBytes: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN);
    const [rssBytes, peakBytes] = [kilobytes('VmRSS') * 1024, kilobytes('VmHWM') * 1024];
    return Number.isNaN(rssBytes) ? undefined : { rssBytes, peakBytes };
  } catch {
    return undefined;
  }
}

/**
 * Files of a folder and of those below it, as paths from it, with their sizes. Files that go while
 * it looks are left out.
 */
export function filesBelow(folder: string, prefix = ''): { readonly name: string; readonly bytes: number }[] {
  let entries;
  try {
    entries = readdirSync(join(folder, prefix), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const name = join(prefix, entry.name);
    if (entry.isDirectory()) return filesBelow(folder, name);
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    return stat === undefined ? [] : [{ name, bytes: stat.size }];
  });
}

export function folderBytes(folder: string): number {
  return filesBelow(folder).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Looks every `everyMs` until it holds; false at the end of the time. */
export async function holdsWithin(timeoutMs: number, condition: () => boolean | Promise<boolean>, everyMs = 50): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await condition()) return true;
    await sleep(everyMs);
  }
  return condition();
}

/**
 * Slope of the line through the points by least squares, in y for one x; 0 for less than two
 * points.
 */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const meanX = mean(points.map(({ x }) => x));
  const meanY = mean(points.map(({ y }) => y));
  let above = 0;
  let below = 0;
  for (const { x, y } of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
