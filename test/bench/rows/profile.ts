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

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/**
 * Where the bridge's CPU goes for the recording. Not a part of the table. Thrice: by the part of
 * `src` that asked for it (what Node and packages do stands with their caller), by the place of the
 * code itself, and by function with the same two rules.
 */
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
  const sums = sumUp(JSON.parse(readFileSync(path, 'utf8')) as Profile);
  return { rows: [], notes: [`Profile: ${path}`, ...sums.flatMap(({ title, lines }) => ['', title, ...lines])] };
}

interface Sum {
  readonly title: string;
  readonly lines: readonly string[];
}

function sumUp({ nodes, samples, timeDeltas }: Profile): Sum[] {
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const took = new Map<number, number>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const name = frames.get(id)?.functionName;
    if (name === undefined || name === '(idle)' || name === '(program)') continue;
    took.set(id, (took.get(id) ?? 0) + (timeDeltas[index] ?? 0));
    busy += timeDeltas[index] ?? 0;
  }
  const ownFrame = (id: number): Frame | undefined => {
    for (let current: number | undefined = id; current !== undefined; current = parents.get(current)) {
      const frame = frames.get(current);
      if (frame !== undefined && isOurs(frame.url)) return frame;
    }
    return frames.get(id);
  };
  const sum = (title: string, most: number, keyOf: (id: number) => string): Sum => {
    const sums = new Map<string, number>();
    for (const [id, microseconds] of took) sums.set(keyOf(id), (sums.get(keyOf(id)) ?? 0) + microseconds);
    const largest = [...sums].sort((a, b) => b[1] - a[1]).slice(0, most);
    return { title, lines: largest.map(([key, us]) => `${((us / busy) * 100).toFixed(1)} % ${(us / 1000).toFixed(0)} ms ${key}`) };
  };
  const own = (id: number): Frame => ownFrame(id) ?? { functionName: '', url: '', lineNumber: 0 };
  return [
    sum(`Of ${(busy / 1000).toFixed(0)} ms, by the part of src that asked for it:`, PLACES, (id) => placeOf(own(id))),
    sum('By the place of the code itself:', PLACES, (id) => placeOf(frames.get(id) ?? own(id))),
    sum('By file of src, with what it calls of others:', FUNCTIONS, (id) => fileOf(own(id))),
    sum('By function of src, with what it calls of others:', FUNCTIONS, (id) => nameOf(own(id))),
    sum('By function itself:', FUNCTIONS, (id) => nameOf(frames.get(id) ?? own(id))),
  ];
}

const isOurs = (url: string): boolean => url.includes('/dist/') && !url.includes('/node_modules/');

const fileOf = ({ url, functionName }: Frame): string => (isOurs(url) ? (url.split('/dist/')[1] ?? url) : functionName);

const nameOf = ({ functionName, url, lineNumber }: Frame): string =>
  `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;

/** A folder of `src`, a package, or Node. */
function placeOf({ url, functionName }: Frame): string {
  const [, own] = /\/dist\/([^/]+)/.exec(url) ?? [];
  if (own !== undefined && isOurs(url)) return `src/${own.replace(/\.js$/, '.ts')}`;
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name !== undefined) return name;
  if (functionName.startsWith('(')) return functionName;
  if (url.includes('/crypto/')) return 'node, crypto';
  return url.startsWith('node:') ? 'node' : 'native';
}
