import type { RayEvent } from '../event/index.ts';
import type { AppendOutcome, JournalCursor } from './journal.ts';

/** A batch waiting to be written. */
export interface QueuedBatch {
  readonly firstCursor: JournalCursor;
  readonly events: readonly RayEvent[];
  readonly receivedAtMs: number;
  readonly epochMs: number;
  /** The encoded batch. */
  readonly value: Buffer;
  /** Size of the decompressed body. */
  readonly bytes: number;
  readonly settle: (outcome: AppendOutcome) => void;
}

/** Batches waiting for a write, in order. */
export class WriteQueue {
  readonly #waiting: QueuedBatch[] = [];
  #inProgress: readonly QueuedBatch[] = [];
  /** Encoded size of all batches in the queue. */
  bytes = 0;

  push(batch: QueuedBatch): void {
    this.#waiting.push(batch);
    this.bytes += batch.value.length;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Receive time of the next batch to become readable. */
  get oldestReceivedAtMs(): number | undefined {
    return (this.#inProgress[0] ?? this.#waiting[0])?.receivedAtMs;
  }

  /**
   * Takes as many batches as `maxBytes` allows, and at least one. They count as in progress until
   * `done`.
   */
  takeGroup(maxBytes: number): readonly QueuedBatch[] {
    let bytes = 0;
    let count = 0;
    for (const { value } of this.#waiting) {
      bytes += value.length;
      if (count > 0 && bytes > maxBytes) break;
      count += 1;
    }
    this.#inProgress = this.#waiting.splice(0, count);
    return this.#inProgress;
  }

  done(): void {
    for (const { value } of this.#inProgress) this.bytes -= value.length;
    this.#inProgress = [];
  }

  /** Refuses the batches in progress and all waiting ones. */
  refuseAll(outcome: AppendOutcome): void {
    for (const { settle } of [...this.#inProgress, ...this.#waiting]) settle(outcome);
    this.#inProgress = [];
    this.#waiting.length = 0;
    this.bytes = 0;
  }
}
