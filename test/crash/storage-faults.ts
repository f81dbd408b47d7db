import { closeSync, fdatasyncSync, openSync, readSync, truncateSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';

// The control file of storage-faults.c, by its layout there.

const rules = 8;
const ruleBytes = 64;
const fileBytes = 136;
const filesMax = 8192;
const headerBytes = 16;
const controlBytes = headerBytes + rules * ruleBytes + filesMax * fileBytes;

const operations = { create: 1, write: 2, sync: 4, rename: 8, unlink: 16 } as const;
const actions = { fail: 1, 'kill-before': 2, 'kill-after': 3, 'fail-halfway': 4, 'kill-halfway': 5 } as const;
const errors = { EIO: 5, ENOSPC: 28 } as const;

export interface StorageRule {
  readonly operations: readonly (keyof typeof operations)[];
  readonly action: keyof typeof actions;
  /** For those that fail. Default EIO. */
  readonly error?: keyof typeof errors;
  /** Part of the name of the files that it is about, as `.log`. Default all. */
  readonly match?: string;
  /** Calls that pass before. Default 0. */
  readonly skip?: number;
  /** Calls that are struck. Default all. */
  readonly times?: number;
}

export interface TrackedFile {
  /** Below the folder. */
  readonly name: string;
  readonly writtenBytes: number;
  readonly syncedBytes: number;
}

/** The disk of one bridge. */
export interface StorageFaults {
  /** For the bridge's process. */
  readonly env: Readonly<Record<string, string>>;
  set(...wanted: readonly StorageRule[]): void;
  clear(): void;
  /** How often the rules that are set have struck. */
  struck(): number;
  /** Calls that any rule could have been about. */
  calls(): number;
  files(): TrackedFile[];
  /**
   * As if the power had failed: of each file only what was synced is kept, or, where `random` says
   * so, a part of the rest. For after the process was killed. Gives how many bytes were lost.
   */
  losePower(random: Random): number;
}

export function createStorageFaults(library: string, folder: string, controlFile: string): StorageFaults {
  writeFileSync(controlFile, Buffer.alloc(controlBytes));
  const control = openSync(controlFile, 'r+');
  const read = (at: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    readSync(control, bytes, 0, length, at);
    return bytes;
  };
  const ruleAt = (index: number): number => headerBytes + index * ruleBytes;

  function set(...wanted: readonly StorageRule[]): void {
    if (wanted.length > rules) throw new Error(`more than ${rules} rules`);
    for (let index = 0; index < rules; index += 1) {
      // Disarmed before it changes.
      writeSync(control, Buffer.alloc(4), 0, 4, ruleAt(index));
      const rule = wanted[index];
      if (rule === undefined) continue;
      const bytes = Buffer.alloc(ruleBytes);
      bytes.writeUInt32LE(
        rule.operations.reduce((sum, operation) => sum | operations[operation], 0),
        4,
      );
      bytes.writeUInt32LE(actions[rule.action], 8);
      bytes.writeInt32LE(errors[rule.error ?? 'EIO'], 12);
      bytes.writeUInt32LE(rule.skip ?? 0, 16);
      bytes.writeUInt32LE(rule.times ?? 0xffffffff, 20);
      bytes.write(rule.match ?? '', 32, 31, 'latin1');
      writeSync(control, bytes, 4, ruleBytes - 4, ruleAt(index) + 4);
      const armed = Buffer.alloc(4);
      armed.writeUInt32LE(1);
      writeSync(control, armed, 0, 4, ruleAt(index));
    }
  }

  function files(): TrackedFile[] {
    const count = read(8, 4).readUInt32LE();
    const table = read(headerBytes + rules * ruleBytes, count * fileBytes);
    const found: TrackedFile[] = [];
    for (let at = 0; at < table.length; at += fileBytes) {
      if (table.readUInt32LE(at) !== 1) continue;
      const name = table.subarray(at + 24, at + fileBytes);
      found.push({
        name: name.subarray(0, name.indexOf(0)).toString('latin1'),
        writtenBytes: Number(table.readBigUInt64LE(at + 8)),
        syncedBytes: Number(table.readBigUInt64LE(at + 16)),
      });
    }
    return found;
  }

  function losePower(random: Random): number {
    let lost = 0;
    for (const { name, writtenBytes, syncedBytes } of files()) {
      if (writtenBytes <= syncedBytes) continue;
      const path = join(folder, name);
      // Some disks have written a part of it by themselves.
      const keptBytes = random.next() < 0.5 ? syncedBytes : syncedBytes + random.below(writtenBytes - syncedBytes);
      lost += writtenBytes - keptBytes;
      // A file without synced bytes may not even be in its folder.
      if (keptBytes === 0 && random.next() < 0.5) unlinkSync(path);
      else truncateSync(path, keptBytes);
    }
    forgetFiles();
    return lost;
  }

  /** What is on the disk now counts as synced. */
  function forgetFiles(): void {
    writeSync(control, Buffer.alloc(4), 0, 4, 8);
  }

  return {
    env: { LD_PRELOAD: library, STORAGE_FAULTS_CONTROL: controlFile, STORAGE_FAULTS_FOLDER: folder },
    set,
    clear: () => set(),
    struck: () =>
      Array.from({ length: rules }, (_, index) => read(ruleAt(index) + 24, 4).readUInt32LE()).reduce((sum, count) => sum + count, 0),
    calls: () => read(12, 4).readUInt32LE(),
    files,
    losePower,
  };
}

/** Cuts the last bytes of a file off, as a write that came to the disk in part. */
export function cutTail(path: string, bytes: number, sizeBytes: number): void {
  truncateSync(path, Math.max(0, sizeBytes - bytes));
}

/** Turns all bits of one byte. */
export function flipByte(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte.writeUInt8(byte.readUInt8() ^ 0xff);
  writeSync(file, byte, 0, 1, at);
  fdatasyncSync(file);
  closeSync(file);
}
