import { type Reloadable, type Waiters, type ChildSignal, type Clock, childSignal } from '../runtime/index.ts';
import { plainSpan } from '../otlp/index.ts';
import { BackendTrust } from './backend-trust.ts';
import { type QueuedSpan, halvesByBytes, halvesByCount, takeBatch, totalBytes } from './batch.ts';
import type { NamedExporter } from './create-exporters.ts';
import type { ExportEvent } from './export-event.ts';
import { exportOnce } from './export-once.ts';
import { type ExportLimits, retryDelayMs } from './limits.ts';
import { type ExportOutcome, type FailedOutcome, type Misconfigured, misconfiguredBy } from './outcome.ts';

/** A batch is never asked to be smaller than this, however often the backend says 'too large'. */
const SMALLEST_BATCH_BYTES = 64 * 1024;
const GOLDEN_RATIO = 0.618_033_988_749_895;

export interface LaneOptions<Item extends QueuedSpan> {
  readonly exporter: NamedExporter;
  readonly limits: ExportLimits;
  readonly clock: Clock;
  readonly board: Waiters;
  readonly onEvent: (event: ExportEvent) => void;
  /** Called once for each span, with those of one request together: delivered, or refused with the reason. */
  readonly onSettled: (items: readonly Item[], refusal: string | undefined) => void;
  /** True where the caller keeps refused spans, so that no proof is needed that the backend works. */
  readonly believesRefusals: boolean;
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
  /** Whether the backend has accepted a span since the exporter was last configured. */
  readonly hasAccepted: boolean;
  /** While the exporter is misconfigured: what the backend answers, and the likely mistake. */
  readonly problem?: { readonly reason: string; readonly fix: string };
}

/**
 * Delivery loop of one exporter: in order, one request at a time, until each span is delivered or refused. A failure that is not about the
 * spans is waited out, for as long as it takes. `BackendTrust` decides when a refusal is about the spans.
 */
export class Lane<Item extends QueuedSpan> {
  readonly #options: LaneOptions<Item>;
  #queue: Item[] = [];
  #maxBatchBytes: number;
  /** Of the present batch, where it is settled in parts. */
  #settled = new Set<Item>();
  /** The first of the queue that are settled all, which is how nearly every batch goes. */
  #settledFirst = 0;
  #batch: readonly Item[] = [];
  readonly #trust: BackendTrust;
  /** Why the backend counts as misconfigured, although it answers as if the spans were bad. */
  #doubt: Misconfigured | undefined;
  /** The last search ended without a span that the backend accepts, and left spans untried. */
  #isStuck = false;
  #probes = 0;
  #trouble: { readonly sinceMs: number; readonly attempts: number; readonly outcome: FailedOutcome } | undefined;
  /** The present wait, where it is our own backoff and may be cut short. */
  #backoff: ChildSignal | undefined;
  #counts = { exported: 0, refused: 0, requests: 0, retries: 0 };

  constructor(options: LaneOptions<Item>) {
    this.#options = options;
    this.#maxBatchBytes = options.limits.maxBatchBytes;
    this.#trust = new BackendTrust(options.limits.maxRefusedInARow, options.believesRefusals);
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
      hasAccepted: this.#trust.hasAccepted,
      ...this.#counts,
      ...this.#problem(),
    };
  }

  #problem(): Pick<LaneStats, 'problem'> {
    const outcome = this.#doubt ?? this.#trouble?.outcome;
    return outcome?.kind === 'misconfigured' ? { problem: { reason: outcome.reason, fix: outcome.fix } } : {};
  }

  /** The first that is neither delivered nor refused. */
  oldest(): Item | undefined {
    return this.#queue.find((item, index) => index >= this.#settledFirst && !this.#settled.has(item));
  }

  #unsettled(items: readonly Item[]): readonly Item[] {
    return this.#settled.size === 0 ? items : items.filter((item) => !this.#settled.has(item));
  }

  /** The exporter's files: when one changes, the backend has to prove itself again, at once. */
  get files(): readonly Reloadable[] {
    const { files = [] } = this.#options.exporter;
    return files.map((file) => ({
      reload: () => {
        const reloaded = file.reload();
        if (reloaded?.outcome.ok === true) {
          this.#trust.reconfigured();
          this.hurry();
        }
        return reloaded;
      },
    }));
  }

  /** Runs until `stop` aborts. */
  async run(stop: AbortSignal): Promise<void> {
    const { board, limits } = this.#options;
    while (!stop.aborted) {
      await board.until(() => this.#queue.length > 0, stop);
      if (stop.aborted) return;
      this.#batch = takeBatch(this.#queue, limits.maxBatchSpans, this.#maxBatchBytes);
      const cause = await this.#deliver(this.#batch, stop);
      if (this.#removeSettled() || stop.aborted) continue;
      if (cause === undefined) await this.#wait(this.#delayMs(undefined), stop, true);
      else {
        this.#noteFailure(cause, this.#options.clock.now());
        await this.#waitOut(cause, stop);
      }
    }
  }

  /** True when at least one span left the queue. */
  #removeSettled(): boolean {
    const before = this.#queue.length;
    if (this.#settledFirst > 0) this.#queue.splice(0, this.#settledFirst);
    if (this.#settled.size > 0) this.#queue = this.#queue.filter((item) => !this.#settled.has(item));
    this.#settledFirst = 0;
    this.#settled.clear();
    return this.#queue.length < before;
  }

  /** Resolves to what has to be waited out, if the backend accepts nothing. */
  async #deliver(batch: readonly Item[], stop: AbortSignal): Promise<Misconfigured | undefined> {
    if (this.#doubt !== undefined && !(await this.#probe(stop))) return this.#doubt;
    const items = this.#unsettled(batch);
    if (items.length === 0) return undefined;
    const outcome = await this.#send(items, this.#options.limits.maxAttemptsBeforeSplit, stop);
    if (outcome === undefined) return undefined;
    if (outcome.kind === 'delivered') this.#delivered(items);
    else if (isFinal(outcome, items) && items.length <= this.#trust.credit) this.#refused(items, outcome.reason);
    else if (items.length === 1 && outcome.kind !== 'retry_after') this.#doubtAfter(outcome);
    else if (!this.#isStuck) await this.#divide(items, outcome, false, stop);
    else if (await this.#probe(stop)) await this.#divide(this.#unsettled(items), outcome, true, stop);
    return this.#doubt;
  }

  /**
   * Sends single spans from all over the queue until the backend accepts one. That span is the proof that the backend and the set-up work,
   * so that what it refuses next is about the spans.
   */
  async #probe(stop: AbortSignal): Promise<boolean> {
    const { maxProbesInARow } = this.#options.limits;
    const candidates = this.#unsettled(this.#queue);
    const tried = new Set<Item>();
    for (let count = 0; count < maxProbesInARow; count += 1) {
      const item = candidates[this.#nextProbe(candidates.length)];
      if (item === undefined || tried.has(item)) continue;
      tried.add(item);
      const outcome = await this.#send([item], 1, stop);
      if (outcome === undefined) return false;
      if (outcome.kind === 'delivered') {
        this.#delivered([item]);
        return true;
      }
    }
    return false;
  }

  /** Multiples of the golden ratio come close to every part of the queue soon, and to every span in the end. */
  #nextProbe(length: number): number {
    this.#probes += 1;
    return Math.floor(((this.#probes * GOLDEN_RATIO) % 1) * length);
  }

  /**
   * Binary search for the spans that are the cause: about 2 log2(n) requests for each bad span. After a partial success the accepted spans
   * are sent again too, because OTLP does not say which ones they were: byte for byte the same, so that a backend that keys by span id
   * stores nothing new. An answer like HTTP 500 is about a span only if the backend accepted another one in this search.
   */
  async #divide(batch: readonly Item[], cause: FailedOutcome, wasAccepted: boolean, stop: AbortSignal): Promise<void> {
    const parts: (readonly Item[])[] = [];
    const split = (items: readonly Item[], outcome: FailedOutcome): void => {
      this.#emit({ name: 'export_split', spans: items.length, reason: outcome.reason });
      if (outcome.kind === 'too_large') this.#maxBatchBytes = Math.max(SMALLEST_BATCH_BYTES, Math.floor(totalBytes(items) / 2));
      const [first, second] = outcome.kind === 'too_large' ? halvesByBytes(items) : halvesByCount(items);
      parts.push(second, first);
    };
    // Refused alone, by a backend that has yet to accept something.
    const suspects: { readonly item: Item; readonly reason: string }[] = [];
    let hasAccepted = wasAccepted;
    let failures = 0;
    let last = cause;
    if (batch.length > 1) split(batch, cause);
    else if (batch.length > 0) parts.push(batch);
    const { maxFailuresInSplit } = this.#options.limits;
    for (let part = parts.pop(); part !== undefined && failures < maxFailuresInSplit; part = parts.pop()) {
      const outcome = await this.#send(part, 1, stop);
      if (outcome === undefined) return;
      if (outcome.kind === 'delivered' || isPartlyAccepted(outcome, part)) {
        hasAccepted = true;
        failures = 0;
        for (const { item, reason } of suspects.splice(0)) this.#refused([item], reason);
      }
      if (outcome.kind === 'delivered') {
        this.#delivered(part);
        continue;
      }
      last = outcome;
      const isProven = outcome.kind === 'retry_after' ? hasAccepted : this.#trust.credit > 0;
      failures = outcome.kind === 'retry_after' || !isProven ? failures + 1 : 0;
      const isAboutSpans = isFinal(outcome, part) || (outcome.kind === 'retry_after' && part.length === 1);
      if (isAboutSpans && isProven && part.length <= this.#trust.credit) this.#refused(part, outcome.reason);
      else if (part.length > 1) split(part, outcome);
      else suspects.push(...part.map((item) => ({ item, reason: outcome.reason })));
    }
    this.#isStuck = !hasAccepted && (failures >= maxFailuresInSplit || batch.length < this.#queue.length);
    this.#doubtAfter(last);
  }

  /** A backend that refuses while its refusals are not believed is misconfigured. Whatever it says of the size, that is not the cause. */
  #doubtAfter(outcome: FailedOutcome): void {
    if (outcome.kind === 'retry_after' || this.#trust.credit > 0) return;
    this.#doubt = misconfiguredBy(outcome, this.#trust.hasAccepted);
    this.#maxBatchBytes = this.#options.limits.maxBatchBytes;
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
        if (outcome.kind === 'delivered' || isPartlyAccepted(outcome, items)) this.#accepted();
        else if (this.#trust.credit > 0) this.#recovered();
        return outcome;
      }
      this.#noteFailure(outcome, startedMs);
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
    if (outcome.kind === 'retry_after')
      this.#emit({ name: 'export_retry', reason: outcome.reason, attempt, delayMs, ...this.#hint(outcome) });
    else this.#emit({ name: 'export_misconfigured', reason: outcome.reason, fix: outcome.fix, attempt, delayMs });
    await this.#wait(delayMs, stop, retryAfterMs === undefined);
  }

  /** The likely mistake, unless the set-up has worked before. */
  #hint({ hint }: { readonly hint?: string }): { readonly hint?: string } {
    return hint === undefined || this.#trust.hasAccepted ? {} : { hint };
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

  #noteFailure(outcome: FailedOutcome, startedMs: number): void {
    this.#trouble = { sinceMs: this.#trouble?.sinceMs ?? startedMs, attempts: (this.#trouble?.attempts ?? 0) + 1, outcome };
  }

  #accepted(): void {
    this.#trust.accepted();
    this.#doubt = undefined;
    this.#isStuck = false;
    this.#recovered();
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
    this.#trust.refused(items.length);
    for (const { span } of items) {
      const { traceId, spanId } = span.spanContext();
      this.#emit({ name: 'export_refused', reason, traceId, spanId });
    }
    this.#settle(items, reason);
  }

  #settle(items: readonly Item[], refusal: string | undefined): void {
    if (items === this.#batch) this.#settledFirst = items.length;
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

/** True when the backend accepted some of the spans and rejected the others. */
function isPartlyAccepted(outcome: FailedOutcome, items: readonly QueuedSpan[]): boolean {
  return outcome.kind === 'refused' && outcome.rejectedSpans !== undefined && outcome.rejectedSpans < items.length;
}

/** True when there is nothing left to find out: all of the spans are bad, or it is one, and alone. */
function isFinal(outcome: FailedOutcome, items: readonly QueuedSpan[]): boolean {
  if (outcome.kind === 'too_large') return items.length === 1;
  return outcome.kind === 'refused' && (items.length === 1 || (outcome.rejectedSpans ?? 0) >= items.length);
}
