import { plainSpan } from '../otlp/index.ts';
import { type QueuedSpan, halvesByBytes, halvesByCount, takeBatch, totalBytes } from './batch.ts';
import { type ChangeBoard, type ChildSignal, type Clock, childSignal } from './clock.ts';
import type { NamedExporter } from './create-exporters.ts';
import type { ExportEvent } from './export-event.ts';
import { exportOnce } from './export-once.ts';
import { type ExportLimits, retryDelayMs } from './limits.ts';
import type { ExportOutcome, FailedOutcome } from './outcome.ts';

/** A batch is never asked to be smaller than this, however often the backend says 'too large'. */
const SMALLEST_BATCH_BYTES = 64 * 1024;

export interface LaneOptions<Item extends QueuedSpan> {
  readonly exporter: NamedExporter;
  readonly limits: ExportLimits;
  readonly clock: Clock;
  readonly board: ChangeBoard;
  readonly onEvent: (event: ExportEvent) => void;
  /** Called once for each span, with those of one request together: delivered, or refused with the reason. */
  readonly onSettled: (items: readonly Item[], refusal: string | undefined) => void;
}

export interface LaneStats {
  readonly exporter: string;
  readonly queuedSpans: number;
  readonly exported: number;
  readonly refused: number;
  readonly requests: number;
  readonly retries: number;
  /** Failed attempts since the backend last answered; 0 when all is well. */
  readonly failedAttempts: number;
}

/**
 * The way of one exporter through the spans: in order, one request at a time, until each span is delivered or refused. Trouble that is not
 * about the spans is waited out, for as long as it takes.
 */
export class Lane<Item extends QueuedSpan> {
  readonly #options: LaneOptions<Item>;
  #queue: Item[] = [];
  #maxBatchBytes: number;
  /** Of the present batch, where it is settled in parts. */
  #settled = new Set<Item>();
  /** The first of the queue that are settled all, which is how nearly every batch goes. */
  #settledFirst = 0;
  #batchSpans = 0;
  #trouble: { sinceMs: number; attempts: number } | undefined;
  /** The present wait, where it is our own backoff and may be cut short. */
  #backoff: ChildSignal | undefined;
  #counts = { exported: 0, refused: 0, requests: 0, retries: 0 };

  constructor(options: LaneOptions<Item>) {
    this.#options = options;
    this.#maxBatchBytes = options.limits.maxBatchBytes;
  }

  get name(): string {
    return this.#options.exporter.name;
  }

  push(item: Item): void {
    this.#queue.push(item);
  }

  /** Tries again now instead of at the end of a backoff; a server's Retry-After stays obeyed. */
  hurry(): void {
    this.#backoff?.abort();
  }

  stats(): LaneStats {
    return {
      exporter: this.#options.exporter.name,
      queuedSpans: this.#queue.length - this.#settledFirst - this.#settled.size,
      failedAttempts: this.#trouble?.attempts ?? 0,
      ...this.#counts,
    };
  }

  /** The first that is neither delivered nor refused. */
  oldest(): Item | undefined {
    return this.#queue.find((item, index) => index >= this.#settledFirst && !this.#settled.has(item));
  }

  /** Runs until `stop` aborts. */
  async run(stop: AbortSignal): Promise<void> {
    const { board, limits } = this.#options;
    while (!stop.aborted) {
      await board.until(() => this.#queue.length > 0, stop);
      if (stop.aborted) return;
      const batch = takeBatch(this.#queue, limits.maxBatchSpans, this.#maxBatchBytes);
      this.#batchSpans = batch.length;
      await this.#deliver(batch, stop);
      const left = this.#settledFirst > 0 ? [] : batch.filter((item) => !this.#settled.has(item));
      const progress = left.length < batch.length;
      this.#queue.splice(0, batch.length, ...left);
      this.#settledFirst = 0;
      this.#settled.clear();
      if (!progress && !stop.aborted) await this.#wait(this.#delayMs(undefined), stop, true);
    }
  }

  async #deliver(batch: readonly Item[], stop: AbortSignal): Promise<void> {
    const outcome = await this.#send(batch, this.#options.limits.maxAttemptsBeforeSplit, stop);
    if (outcome === undefined) return;
    if (outcome.kind === 'delivered') return this.#delivered(batch);
    if (isFinal(outcome, batch)) return this.#refused(batch, outcome.reason);
    if (batch.length > 1) await this.#divide(batch, outcome, stop);
  }

  /**
   * Binary search for the spans that are the cause: about 2 log2(n) requests for each bad span. After a partial success the accepted spans
   * are sent again too, because OTLP does not say which ones they were: byte for byte the same, so that a backend that keys by span id
   * stores nothing new.
   */
  async #divide(batch: readonly Item[], cause: FailedOutcome, stop: AbortSignal): Promise<void> {
    const parts: (readonly Item[])[] = [];
    const split = (items: readonly Item[], outcome: FailedOutcome): void => {
      this.#emit({ name: 'export_split', spans: items.length, reason: outcome.reason });
      if (outcome.kind === 'too_large') this.#maxBatchBytes = Math.max(SMALLEST_BATCH_BYTES, Math.floor(totalBytes(items) / 2));
      const [first, second] = outcome.kind === 'too_large' ? halvesByBytes(items) : halvesByCount(items);
      parts.push(second, first);
    };
    const unproven: { readonly item: Item; readonly reason: string }[] = [];
    let proven = false;
    let failures = 0;
    split(batch, cause);
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const outcome = await this.#send(part, 1, stop);
      if (outcome === undefined) return;
      if (outcome.kind === 'delivered') {
        this.#delivered(part);
        proven = true;
      } else if (isFinal(outcome, part)) this.#refused(part, outcome.reason);
      else if (part.length > 1) split(part, outcome);
      else unproven.push(...part.map((item) => ({ item, reason: outcome.reason })));
      failures = outcome.kind === 'retry_after' ? failures + 1 : 0;
      if (!proven && failures >= this.#options.limits.maxFailuresInSplit) return;
    }
    // Only a backend that took something else of the batch is known to be well: then the failing spans are the cause.
    if (proven) for (const { item, reason } of unproven) this.#refused([item], reason);
  }

  /** Sends until there is an answer about the spans, or `patience` answers that may be about them; undefined when stopped. */
  async #send(items: readonly Item[], patience: number, stop: AbortSignal): Promise<ExportOutcome | undefined> {
    const { exporter, limits, clock } = this.#options;
    const spans = items.map(({ span }) => (exporter.takesEncoded === true ? span : plainSpan(span)));
    let unclear = 0;
    while (!stop.aborted) {
      const startedMs = clock.now();
      this.#counts.requests += 1;
      const outcome = await exportOnce(exporter.exporter, spans, exporter.timeoutMs ?? limits.exportTimeoutMs, clock.sleep, stop);
      if (outcome === undefined) return undefined;
      if (outcome.kind === 'delivered') {
        this.#emit({ name: 'batch_exported', spans: items.length, bytes: totalBytes(items), durationMs: clock.now() - startedMs });
        if (outcome.warning !== undefined) this.#emit({ name: 'export_warning', message: outcome.warning });
      }
      if (outcome.kind !== 'retry_after' && outcome.kind !== 'misconfigured') {
        this.#recovered();
        return outcome;
      }
      this.#trouble ??= { sinceMs: startedMs, attempts: 0 };
      this.#trouble.attempts += 1;
      if (outcome.kind === 'retry_after' && outcome.maybeSpans === true) unclear += 1;
      if (unclear >= patience) return outcome;
      await this.#waitOut(outcome, stop);
    }
    return undefined;
  }

  async #waitOut(outcome: Extract<ExportOutcome, { kind: 'retry_after' | 'misconfigured' }>, stop: AbortSignal): Promise<void> {
    const retryAfterMs = outcome.kind === 'retry_after' ? outcome.retryAfterMs : undefined;
    const delayMs = this.#delayMs(retryAfterMs);
    const attempt = this.#trouble?.attempts ?? 1;
    this.#counts.retries += 1;
    if (outcome.kind === 'retry_after') this.#emit({ name: 'export_retry', reason: outcome.reason, attempt, delayMs });
    else this.#emit({ name: 'export_misconfigured', reason: outcome.reason, fix: outcome.fix, attempt, delayMs });
    await this.#wait(delayMs, stop, retryAfterMs === undefined);
  }

  #delayMs(retryAfterMs: number | undefined): number {
    return retryDelayMs(this.#trouble?.attempts ?? 1, retryAfterMs, this.#options.clock.random(), this.#options.limits);
  }

  async #wait(delayMs: number, stop: AbortSignal, mayHurry: boolean): Promise<void> {
    const wait = childSignal(stop);
    if (mayHurry) this.#backoff = wait;
    await this.#options.clock.sleep(delayMs, wait.signal);
    this.#backoff = undefined;
    wait.release();
  }

  #recovered(): void {
    if (this.#trouble === undefined) return;
    const { attempts, sinceMs } = this.#trouble;
    this.#trouble = undefined;
    this.#emit({ name: 'export_recovered', attempts, downMs: this.#options.clock.now() - sinceMs });
  }

  #delivered(items: readonly Item[]): void {
    this.#counts.exported += items.length;
    this.#settle(items, undefined);
  }

  #refused(items: readonly Item[], reason: string): void {
    this.#counts.refused += items.length;
    for (const { span } of items) {
      const { traceId, spanId } = span.spanContext();
      this.#emit({ name: 'export_refused', reason, traceId, spanId });
    }
    this.#settle(items, reason);
  }

  #settle(items: readonly Item[], refusal: string | undefined): void {
    if (items.length === this.#batchSpans) this.#settledFirst = items.length;
    else for (const item of items) this.#settled.add(item);
    this.#options.onSettled(items, refusal);
    this.#options.board.changed();
  }

  #emit(event: EventOfLane): void {
    this.#options.onEvent({ exporter: this.#options.exporter.name, ...event });
  }
}

type WithoutExporter<Event> = Event extends ExportEvent ? Omit<Event, 'exporter'> : never;
type EventOfLane = WithoutExporter<ExportEvent>;

/** True when there is nothing left to find out: all of the spans are bad, or it is one, and alone. */
function isFinal(outcome: FailedOutcome, items: readonly QueuedSpan[]): boolean {
  if (outcome.kind === 'too_large') return items.length === 1;
  return outcome.kind === 'refused' && (items.length === 1 || (outcome.rejectedSpans ?? 0) >= items.length);
}
