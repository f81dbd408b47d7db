import { statfs } from 'node:fs/promises';
import type { DiskJournalLimits } from './limits.ts';

const DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024 * 1024;
const FREE_SHARE = 0.8;
const DEFAULT_OUTBOX_BYTES = 2 * 1024 * 1024 * 1024;
const OUTBOX_FREE_SHARE = 0.2;
/** Minimum interval between checks of the free space. */
const CHECK_INTERVAL_MS = 5_000;

/** The disk space that a journal may use. */
export class Space {
  readonly #folder: string;
  readonly #limits: Pick<DiskJournalLimits, 'limitBytes' | 'maxOutboxBytes' | 'minFreeBytes'>;
  readonly #now: () => number;
  #freeBytes: number | undefined;
  #checkedMs = Number.NEGATIVE_INFINITY;
  limitBytes = 0;
  outboxLimitBytes = 0;

  constructor(folder: string, limits: Pick<DiskJournalLimits, 'limitBytes' | 'maxOutboxBytes' | 'minFreeBytes'>, now: () => number) {
    this.#folder = folder;
    this.#limits = limits;
    this.#now = now;
  }

  /** Sets the limits. `heldBytes` of the journal and `outboxBytes` are already in use. */
  async measure(heldBytes: number, outboxBytes: number): Promise<void> {
    await this.#check();
    const usable = (this.#freeBytes ?? Number.POSITIVE_INFINITY) + heldBytes + outboxBytes;
    this.limitBytes = this.#limits.limitBytes ?? Math.min(DEFAULT_LIMIT_BYTES, Math.floor(usable * FREE_SHARE));
    this.outboxLimitBytes = this.#limits.maxOutboxBytes ?? Math.min(DEFAULT_OUTBOX_BYTES, Math.floor(usable * OUTBOX_FREE_SHARE));
  }

  /**
   * Why there is no room for `moreBytes` besides `heldBytes`. An empty journal accepts any batch
   * that fits on the disk.
   */
  refusal(heldBytes: number, moreBytes: number, isEmpty: boolean): string | undefined {
    const shortage = this.#shortage();
    if (shortage !== undefined) return shortage;
    if (isEmpty || heldBytes + moreBytes <= this.limitBytes) return undefined;
    return `the journal holds ${heldBytes} of ${this.limitBytes} bytes and has no room for ${moreBytes} more`;
  }

  /** Why the outbox takes no more spans. */
  outboxRefusal(heldBytes: number): string | undefined {
    if (heldBytes >= this.outboxLimitBytes) return `the outbox holds ${heldBytes} of ${this.outboxLimitBytes} bytes`;
    return this.#shortage();
  }

  /** Why nothing more fits on the disk. */
  #shortage(): string | undefined {
    if (this.#now() - this.#checkedMs >= CHECK_INTERVAL_MS) this.#check().catch(() => undefined);
    const { minFreeBytes } = this.#limits;
    if (this.#freeBytes === undefined || this.#freeBytes >= minFreeBytes) return undefined;
    return `the disk of the journal has ${this.#freeBytes} bytes left, less than the ${minFreeBytes} that must stay free`;
  }

  async #check(): Promise<void> {
    this.#checkedMs = this.#now();
    // On systems without this information, a failed write reveals a full disk.
    const found = await statfs(this.#folder).catch(() => undefined);
    this.#freeBytes = found === undefined ? undefined : found.bavail * found.bsize;
  }
}
