import { statfs } from 'node:fs/promises';
import type { DiskJournalLimits } from './limits.ts';

const DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024 * 1024;
const FREE_SHARE = 0.8;
/** Free space is looked at no more often, in milliseconds. */
const CHECK_MS = 5_000;

/** How much a journal may hold on its disk. */
export class Space {
  readonly #folder: string;
  readonly #limits: Pick<DiskJournalLimits, 'limitBytes' | 'minFreeBytes'>;
  readonly #now: () => number;
  #freeBytes: number | undefined;
  #checkedMs = Number.NEGATIVE_INFINITY;
  limitBytes = 0;

  constructor(folder: string, limits: Pick<DiskJournalLimits, 'limitBytes' | 'minFreeBytes'>, now: () => number) {
    this.#folder = folder;
    this.#limits = limits;
    this.#now = now;
  }

  /** Fixes the limit, of which `heldBytes` are taken already. */
  async measure(heldBytes: number): Promise<void> {
    await this.#check();
    const share = this.#freeBytes === undefined ? DEFAULT_LIMIT_BYTES : (this.#freeBytes + heldBytes) * FREE_SHARE;
    this.limitBytes = this.#limits.limitBytes ?? Math.min(DEFAULT_LIMIT_BYTES, Math.floor(share));
  }

  /** Why `moreBytes` have no room beside `heldBytes`. An empty journal takes what the disk takes. */
  refusal(heldBytes: number, moreBytes: number, isEmpty: boolean): string | undefined {
    if (this.#now() - this.#checkedMs >= CHECK_MS) this.#check().catch(() => undefined);
    const { minFreeBytes } = this.#limits;
    if (this.#freeBytes !== undefined && this.#freeBytes < minFreeBytes)
      return `the disk of the journal has ${this.#freeBytes} bytes left, less than the ${minFreeBytes} that stay free`;
    if (isEmpty || heldBytes + moreBytes <= this.limitBytes) return undefined;
    return `the journal holds ${heldBytes} of ${this.limitBytes} bytes and has no room for ${moreBytes} more`;
  }

  async #check(): Promise<void> {
    this.#checkedMs = this.#now();
    // Where the system does not tell, writing will.
    const found = await statfs(this.#folder).catch(() => undefined);
    this.#freeBytes = found === undefined ? undefined : found.bavail * found.bsize;
  }
}
