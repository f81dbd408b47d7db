import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Programs } from './build.ts';
import { openFaultyDisk, undisturbedSpans } from './faulty-disk.ts';
import { journalFolder, metricNames, type ServeSettings } from './flags.ts';
import { filesBelow, holdsWithin } from './machine.ts';
import { createRandom } from './random.ts';
import { differencesOf } from './span-sets.ts';
import { flipByte } from './storage-faults.ts';

export interface DamageOptions {
  readonly programs: Programs;
  /** Bytes that are flipped, each in a journal of its own. */
  readonly flips: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

export interface DamageOutcome {
  readonly where: string;
  /** Of the metric; undefined when the bridge would not start. */
  readonly damages: number | undefined;
  /** After everything was posted again. */
  readonly differences: readonly string[];
}

/** A quarter of it is worked through, and a checkpoint is due. */
const checkpoints: Partial<ServeSettings> = { maxJournalBytes: 512 * 1024 };

/**
 * Flips single bytes anywhere in a journal with and without a checkpoint; a sender that says
 * everything again must make it whole.
 */
export async function runDamage({ programs, flips, seed, onProgress = () => {} }: DamageOptions): Promise<DamageOutcome[]> {
  const wanted = await undisturbedSpans(programs);
  const random = createRandom(seed);
  const sources = [await journalOf('damage-plain', {}), await journalOf('damage-checkpoint', checkpoints)];
  const outcomes: DamageOutcome[] = [];
  for (let flip = 0; flip < flips; flip += 1) {
    const source = random.pick(sources);
    const dataDir = join(programs.folder, `damage-${seed}-${flip}`);
    cpSync(source.folder, dataDir, { recursive: true });
    const folder = join(dataDir, journalFolder);
    const file = random.pick(filesBelow(folder).filter(({ name, bytes }) => bytes > 0 && !name.startsWith('LOG')));
    const at = random.below(file.bytes);
    flipByte(join(folder, file.name), at);
    const where = `${source.name}: ${file.name}, byte ${at} of ${file.bytes}`;
    const outcome = { where, ...(await startOn(dataDir, `damaged-${seed}-${flip}`, source.settings)) };
    outcomes.push(outcome);
    onProgress(
      `${flip + 1} of ${flips}: ${where}: ${outcome.damages ?? 'no start,'} damages${outcome.differences.map((line) => `; ${line}`).join('')}`,
    );
    rmSync(dataDir, { recursive: true });
  }
  return outcomes;

  /** The data folder of a bridge that was killed in the middle. */
  async function journalOf(
    name: string,
    settings: Partial<ServeSettings>,
  ): Promise<{ name: string; folder: string; settings: Partial<ServeSettings> }> {
    const folder = join(programs.folder, `${name}-data`);
    mkdirSync(folder);
    const disk = await openFaultyDisk({ programs, name, dataDir: folder, changed: settings });
    try {
      await disk.post(30);
      // Recovery makes tables of the log.
      await disk.restart();
      await disk.post(15);
      await holdsWithin(3000, () => settings.maxJournalBytes === undefined || disk.rig.bridge.log().includes('"journal_checkpoint"'));
    } finally {
      await disk.rig.close();
    }
    return { name, folder, settings };
  }

  async function startOn(dataDir: string, name: string, settings: Partial<ServeSettings>): Promise<Omit<DamageOutcome, 'where'>> {
    let disk;
    try {
      disk = await openFaultyDisk({ programs, name, dataDir, changed: settings });
    } catch (error) {
      return { damages: undefined, differences: [String(error).slice(0, 600)] };
    }
    try {
      await disk.post();
      const damages = await disk.rig.bridge.metric(metricNames.journalDamages);
      return { damages, differences: differencesOf(await disk.compare(wanted)) };
    } finally {
      await disk.rig.close();
    }
  }
}
