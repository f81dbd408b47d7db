import type { JournalCursor } from './journal.ts';

/**
 * Size of a number in a key. A key is a letter for its kind, then big-endian numbers, which sort
 * numerically.
 */
const NUMBER_BYTES = 8;

export const KEYS = {
  format: Buffer.from('m/format'),
  /** The current `StoredCheckpoint`. */
  checkpoint: Buffer.from('m/checkpoint'),
  time: Buffer.from('m/time'),
  /** How far each exporter has come in the sequence of spans. */
  delivered: Buffer.from('m/delivered'),
} as const;

/** `deliveredIds`: written by formats 1 and 2 only. */
export type NumberedKind = 'batch' | 'checkpoint' | 'deliveredIds' | 'outbox' | 'damaged';

const LETTERS: Readonly<Record<NumberedKind, string>> = { batch: 'b', checkpoint: 'c', deliveredIds: 'd', outbox: 'o', damaged: 'x' };

export function numberedKey(kind: NumberedKind, ...numbers: readonly number[]): Buffer {
  const key = Buffer.alloc(1 + numbers.length * NUMBER_BYTES);
  key.write(LETTERS[kind], 'latin1');
  for (const [index, number] of numbers.entries()) key.writeBigUInt64BE(BigInt(number), 1 + index * NUMBER_BYTES);
  return key;
}

/** The range of all keys of a kind. */
export function rangeOf(kind: NumberedKind): { readonly gte: Buffer; readonly lt: Buffer } {
  const letter = LETTERS[kind];
  return { gte: Buffer.from(letter), lt: Buffer.from(String.fromCharCode(letter.charCodeAt(0) + 1)) };
}

/** The first number of a key. */
export function numberOf(key: Buffer): JournalCursor {
  return Number(key.readBigUInt64BE(1));
}

/** All numbers of a key. */
export function numbersOf(key: Buffer): readonly number[] {
  const count = Math.floor((key.length - 1) / NUMBER_BYTES);
  return Array.from({ length: count }, (_, index) => Number(key.readBigUInt64BE(1 + index * NUMBER_BYTES)));
}

/** Whether the key has the form of a journal's key. */
export function isOurKey(key: Buffer): boolean {
  const isNumbered =
    Object.values(LETTERS).includes(key.toString('latin1', 0, 1)) && key.length > 1 && (key.length - 1) % NUMBER_BYTES === 0;
  return isNumbered || Object.values(KEYS).some((own) => own.equals(key));
}
