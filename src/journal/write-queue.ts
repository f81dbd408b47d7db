import type { RayEvent } from '../event/index.ts';
import type { AppendOutcome, JournalCursor } from './journal.ts';

/** A batch on its way to the disk. */
export interface QueuedBatch {
  readonly firstCursor: JournalCursor;
  readonly events: readonly RayEvent[];
  readonly receivedAtMs: number;
  readonly epochMs: number;
  /** As stored. */
  readonly value: Buffer;
  /** On the wire. */
  readonly bytes: number;
  readonly settle: (outcome: AppendOutcome) => void;
}

/** Batches that wait for a sync, in order. */
export class WriteQueue {
  readonly #waiting: QueuedBatch[] = [];
  #underWay: readonly QueuedBatch[] = [];
  /** Stored bytes of all of them. */
  bytes = 0;

  push(batch: QueuedBatch): void {
    this.#waiting.push(batch);
    this.bytes += batch.value.length;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Receive time of the batch that is to be visible next. */
  get oldestReceivedAtMs(): number | undefined {
    return (this.#underWay[0] ?? this.#waiting[0])?.receivedAtMs;
  }

  /** As many as `maxBytes` allow, at least one if there is any. They stay under way until `done`. */
  takeGroup(maxBytes: number): readonly QueuedBatch[] {
    let bytes = 0;
    let count = 0;
    for (const { value } of this.#waiting) {
      bytes += value.length;
      if (count > 0 && bytes > maxBytes) break;
      count += 1;
    }
    this.#underWay = this.#waiting.splice(0, count);
    return this.#underWay;
  }

  done(): void {
    for (const { value } of this.#underWay) this.bytes -= value.length;
    this.#underWay = [];
  }

  /** Those under way, and all that wait. */
  refuseAll(outcome: AppendOutcome): void {
    for (const { settle } of [...this.#underWay, ...this.#waiting]) settle(outcome);
    this.#underWay = [];
    this.#waiting.length = 0;
    this.bytes = 0;
  }
}
