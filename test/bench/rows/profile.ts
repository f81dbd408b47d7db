import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startBridge } from '../parts/bridge.ts';
import { endedAttemptSpans, untilDelivered } from '../parts/delivered.ts';
import { sendAll } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import type { Findings } from '../parts/table.ts';
import { bodiesOf, encodedBodies, recordedWorkload } from '../parts/workload.ts';

const FOLDER = new URL('../../../../../.cache/bench-profile', import.meta.url).pathname;
const PLACES = 20;
const FUNCTIONS = 40;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Where the bridge's CPU goes for the recording, by the code that is on top of the stack. Not a part of the table. */
export async function profileRows(sink: Sink): Promise<Findings> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const { workload } = recordedWorkload();
  const expected = endedAttemptSpans(bodiesOf(workload));
  const execArgv = ['--cpu-prof', `--cpu-prof-dir=${FOLDER}`];
  const bridge = await startBridge({ sinkUrl: sink.url, budget: 'off', execArgv });
  await sendAll(bridge.url, encodedBodies(workload), 1);
  await untilDelivered(sink, expected);
  await bridge.stop();
  const file = readdirSync(FOLDER).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('no profile was written');
  const path = join(FOLDER, file);
  const { places, functions } = sumUp(JSON.parse(readFileSync(path, 'utf8')) as Profile);
  return { rows: [], notes: [`Profile: ${path}`, ...places.slice(0, PLACES), '', ...functions.slice(0, FUNCTIONS)] };
}

function sumUp({ nodes, samples, timeDeltas }: Profile): { readonly places: string[]; readonly functions: string[] } {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const places = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const frame = byId.get(id);
    if (frame === undefined || frame.functionName === '(idle)' || frame.functionName === '(program)') continue;
    const took = timeDeltas[index] ?? 0;
    busy += took;
    const place = placeOf(frame.url, frame.functionName);
    places.set(place, (places.get(place) ?? 0) + took);
    const name = `${frame.functionName || '(anonymous)'} ${frame.url.split('/').slice(-2).join('/')}:${frame.lineNumber + 1}`;
    functions.set(name, (functions.get(name) ?? 0) + took);
  }
  const lines = (sums: Map<string, number>): string[] =>
    [...sums]
      .sort((a, b) => b[1] - a[1])
      .map(([name, took]) => `${((took / busy) * 100).toFixed(1)} % ${(took / 1000).toFixed(0)} ms ${name}`);
  return { places: lines(places), functions: lines(functions) };
}

/** A folder of `src`, a package, or Node. */
function placeOf(url: string, functionName: string): string {
  const [, own] = /\/dist\/([^/]+)/.exec(url) ?? [];
  if (own !== undefined && !url.includes('/node_modules/')) return `src/${own.replace(/\.js$/, '.ts')}`;
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name !== undefined) return name;
  if (functionName.startsWith('(')) return functionName;
  if (url.includes('/crypto/')) return 'node, crypto';
  return url.startsWith('node:') ? 'node' : 'native';
}
