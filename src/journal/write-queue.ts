import type { RayEvent } from '../event/index.ts';
import type { AppendOutcome, JournalCursor } from './journal.ts';

/** Posts waiting to be written, stored as one batch with one receive time. */
export interface QueuedBatch {
  /** The events of each post, in order. */
  readonly posts: (readonly RayEvent[])[];
  readonly receivedAtMs: number;
  readonly epochMs: number;
  count: number;
  /** Size of the decompressed bodies. */
  bytes: number;
  /** One for each post. */
  readonly settles: ((outcome: AppendOutcome) => void)[];
}

/** A batch with its place in the store. */
export interface EncodedBatch {
  readonly batch: QueuedBatch;
  readonly firstCursor: JournalCursor;
  readonly events: readonly RayEvent[];
  readonly value: Buffer;
}

/** A post joins a waiting batch up to these sizes. */
const MAX_JOINED_EVENTS = 1000;
const MAX_JOINED_BYTES = 1024 * 1024;

/** Posts waiting for a write, in order. */
export class WriteQueue {
  readonly #waiting: QueuedBatch[] = [];
  #inProgress: readonly QueuedBatch[] = [];

  push(batch: QueuedBatch): void {
    this.#waiting.push(batch);
  }

  /**
   * Adds a post to the last waiting batch. Small posts that share a write then share their texts, and
   * cost the store one entry. Returns false when no batch waits or the last one is full.
   */
  join(events: readonly RayEvent[], bytes: number, settle: (outcome: AppendOutcome) => void): boolean {
    const last = this.#waiting.at(-1);
    if (last === undefined || last.count + events.length > MAX_JOINED_EVENTS || last.bytes + bytes > MAX_JOINED_BYTES) return false;
    last.posts.push(events);
    last.count += events.length;
    last.bytes += bytes;
    last.settles.push(settle);
    return true;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get isInProgress(): boolean {
    return this.#inProgress.length > 0;
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
    for (const batch of this.#waiting) {
      bytes += batch.bytes;
      if (count > 0 && bytes > maxBytes) break;
      count += 1;
    }
    this.#inProgress = this.#waiting.splice(0, count);
    return this.#inProgress;
  }

  done(): void {
    this.#inProgress = [];
  }

  /** Refuses the batches in progress and all waiting ones. */
  refuseAll(outcome: AppendOutcome): void {
    for (const batch of [...this.#inProgress, ...this.#waiting]) settleAll(batch, outcome);
    this.#inProgress = [];
    this.#waiting.length = 0;
  }
}

export function settleAll({ settles }: QueuedBatch, outcome: AppendOutcome): void {
  for (const settle of settles) settle(outcome);
}
