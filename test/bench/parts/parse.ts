import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program } from './process.ts';
import { bodiesOf, type Workload } from './workload.ts';

/**
 * The floor: what JSON.parse of the same bodies takes in a process that does nothing else, and with
 * one synced write of each.
 */
export interface Parsed {
  readonly posts: number;
  readonly events: number;
  readonly bytes: number;
  readonly cpuMs: number;
  /** Of each body: parsed, written to a file and synced. Empty unless asked for. */
  readonly syncedMs: readonly number[];
}

interface ParseQuestion {
  readonly workload: Workload;
  readonly isSynced: boolean;
}

export async function parseAlone(workload: Workload, isSynced = false): Promise<Parsed> {
  const program = new Program(new URL(import.meta.url).pathname, ['child']);
  try {
    return await program.ask<Parsed>({ workload, isSynced } satisfies ParseQuestion);
  } finally {
    await program.end('SIGKILL');
  }
}

function parse({ workload, isSynced }: ParseQuestion): Parsed {
  const bodies = [...bodiesOf(workload)];
  let events = 0;
  const before = process.cpuUsage();
  for (const body of bodies) events += (JSON.parse(body) as unknown[]).length;
  const { user, system } = process.cpuUsage(before);
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  return { posts: bodies.length, events, bytes, cpuMs: (user + system) / 1000, syncedMs: isSynced ? writeSynced(bodies) : [] };
}

function writeSynced(bodies: readonly string[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-bench-'));
  const file = openSync(join(folder, 'log'), 'a');
  try {
    return bodies.map((body) => {
      const startMs = performance.now();
      JSON.parse(body);
      writeSync(file, body);
      fdatasyncSync(file);
      return performance.now() - startMs;
    });
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[2] === 'child') {
  process.on('message', (question: ParseQuestion) => {
    process.send?.(parse(question), () => process.exit(0));
  });
}
