import { statfs } from 'node:fs/promises';
import type { DiskJournalLimits } from './limits.ts';

const DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024 * 1024;
const FREE_SHARE = 0.8;
/** Minimum interval between checks of the free space. */
const CHECK_INTERVAL_MS = 5_000;

/** The disk space that a journal may use. */
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

  /** Sets the limit. `heldBytes` are already in use. */
  async measure(heldBytes: number): Promise<void> {
    await this.#check();
    const share = this.#freeBytes === undefined ? DEFAULT_LIMIT_BYTES : (this.#freeBytes + heldBytes) * FREE_SHARE;
    this.limitBytes = this.#limits.limitBytes ?? Math.min(DEFAULT_LIMIT_BYTES, Math.floor(share));
  }

  /**
   * Why there is no room for `moreBytes` besides `heldBytes`. An empty journal accepts any batch
   * that fits on the disk.
   */
  refusal(heldBytes: number, moreBytes: number, isEmpty: boolean): string | undefined {
    if (this.#now() - this.#checkedMs >= CHECK_INTERVAL_MS) this.#check().catch(() => undefined);
    const { minFreeBytes } = this.#limits;
    if (this.#freeBytes !== undefined && this.#freeBytes < minFreeBytes)
      return `the disk of the journal has ${this.#freeBytes} bytes left, less than the ${minFreeBytes} that must stay free`;
    if (isEmpty || heldBytes + moreBytes <= this.limitBytes) return undefined;
    return `the journal holds ${heldBytes} of ${this.limitBytes} bytes and has no room for ${moreBytes} more`;
  }

  async #check(): Promise<void> {
    this.#checkedMs = this.#now();
    // On systems without this information, a failed write reveals a full disk.
    const found = await statfs(this.#folder).catch(() => undefined);
    this.#freeBytes = found === undefined ? undefined : found.bavail * found.bsize;
  }
}
