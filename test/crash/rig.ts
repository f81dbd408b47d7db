import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../e2e/support/processes.ts';
import { BridgeProcess } from './bridge-process.ts';
import type { Programs } from './build.ts';
import type { ServeSettings } from './flags.ts';
import { type Sink, type SinkKeeps, startSink } from './sink.ts';
import { createStorageFaults, type StorageFaults } from './storage-faults.ts';

export interface RigOptions {
  readonly programs: Programs;
  /** Names the folder of what it leaves. */
  readonly name: string;
  readonly settings: Omit<ServeSettings, 'dataDir'>;
  /** Default: a new folder beside the rest. */
  readonly dataDir?: string;
  readonly keeps?: SinkKeeps;
  /** Default true, where it could be built. */
  readonly hasStorageFaults?: boolean;
  /** Options of Node. */
  readonly nodeArguments?: readonly string[];
}

/** A bridge, not yet started, with its disk before it and its backend behind it. */
export interface Rig {
  readonly bridge: BridgeProcess;
  readonly sink: Sink;
  readonly faults: StorageFaults | undefined;
  readonly dataDir: string;
  close(): Promise<void>;
}

export async function openRig(options: RigOptions): Promise<Rig> {
  const { programs, settings } = options;
  const folder = join(programs.folder, options.name);
  const dataDir = options.dataDir ?? join(folder, 'data');
  mkdirSync(folder, { recursive: true });
  mkdirSync(dataDir, { recursive: true });
  const [port = 0, sinkPort = 0] = await freePorts(2);
  const sink = await startSink({
    program: programs.sink,
    port: sinkPort,
    file: join(folder, 'spans.ndjson'),
    keeps: options.keeps ?? 'digests',
  });
  const library = options.hasStorageFaults === false ? undefined : programs.storageFaults;
  const faults = library === undefined ? undefined : createStorageFaults(library, dataDir, join(folder, 'storage-faults'));
  const bridge = new BridgeProcess({
    cli: programs.cli,
    port,
    sinkUrl: sink.url,
    settings: { ...settings, dataDir },
    logFile: join(folder, 'bridge.log'),
    env: faults?.env ?? {},
    nodeArguments: options.nodeArguments ?? [],
  });
  return {
    bridge,
    sink,
    faults,
    dataDir,
    async close() {
      await bridge.kill().catch(() => {});
      await sink.stop();
    },
  };
}
