import { type Reloadable, type Waiters, type ChildSignal, type Clock, childSignal } from '../runtime/index.ts';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { envelopeBytes, plainSpan } from '../otlp/index.ts';
import { BackendTrust } from './backend-trust.ts';
import type { NamedExporter } from './create-exporters.ts';
import type { ExportEvent } from './export-event.ts';
import { type ExportLimits, retryDelayMs } from './limits.ts';
import { type ExportOutcome, type FailedOutcome, type Misconfigured, misconfiguredBy } from './outcome.ts';
import { exportOnce } from './sender.ts';

/** Lower limit of the batch size, however often the backend answers that a request is too large. */
const MIN_BATCH_BYTES = 64 * 1024;
const GOLDEN_RATIO = 0.618_033_988_749_895;

/** A span in the pipeline, shared by the workers of all exporters. */
export interface QueuedSpan {
  readonly span: ReadableSpan;
  /** Size in OTLP protobuf. */
  readonly bytes: number;
  readonly enqueuedAtMs: number;
}

/** A request that ended without delivering its spans, and has no consequence yet. */
interface Undelivered<Item> {
  /** Its place in the order of requests. */
  readonly number: number;
  readonly items: readonly Item[];
  readonly outcome: FailedOutcome;
  readonly startedMs: number;
}

export interface ExporterWorkerOptions<Item extends QueuedSpan> {
  readonly exporter: NamedExporter;
  readonly limits: ExportLimits;
  readonly clock: Clock;
  readonly waiters: Waiters;
  readonly onEvent: (event: ExportEvent) => void;
  /**
   * Called once for each span, together with the others of its request. `refusal` is the reason, or
   * undefined when delivered.
   */
  readonly onSettled: (items: readonly Item[], refusal: string | undefined) => void;
  /**
   * True when the caller keeps refused spans: a refusal then needs no proof that the backend works.
   */
  readonly believesRefusals: boolean;
  /** True while spans must not wait for others: at a drain, or when the queue is full. */
  readonly isUrgent: () => boolean;
}

export interface ExporterWorkerStats {
  readonly exporter: string;
  readonly queuedSpans: number;
  readonly exported: number;
  readonly refused: number;
  readonly requests: number;
  readonly retries: number;
  /** Failed attempts since the backend last answered. 0 when the last one succeeded. */
  readonly failedAttempts: number;
  /** Whether the backend has accepted a span since the exporter was last configured. */
  readonly hasAccepted: boolean;
  /** While the exporter is misconfigured: the backend's answer, and the likely mistake. */
  readonly problem?: { readonly reason: string; readonly fix: string };
}

/**
 * Delivery loop of one exporter: in order, until each span is delivered or refused. While the
 * backend accepts what it receives, a second request starts when a batch is full. When the backend
 * fails, the worker sends one request at a time and retries without limit. `BackendTrust` decides
 * when a refusal is about the spans.
 */
export class ExporterWorker<Item extends QueuedSpan> {
  readonly #options: ExporterWorkerOptions<Item>;
  #queue: Item[] = [];
  #maxBatchBytes: number;
  /** Settled spans of the current batch, when it is settled in parts. */
  #settled = new Set<Item>();
  /**
   * Number of settled spans at the start of the queue. Nearly every batch is settled as a whole.
   */
  #settledFirst = 0;
  #batch: readonly Item[] = [];
  /** Size of everything pushed less everything removed. */
  #queuedBytes = 0;
  /** Requests under way while the backend works, and the spans in them: the first of the queue. */
  readonly #underWay = new Map<number, Promise<void>>();
  #spansUnderWay = 0;
  #bytesUnderWay = 0;
  #started = 0;
  /** The earliest failed request, handled when no other is under way. */
  #undelivered: Undelivered<Item> | undefined;
  #linger: ChildSignal | undefined;
  readonly #trust: BackendTrust;
  /** Why the backend counts as misconfigured, although it answers that the spans are bad. */
  #distrust: Misconfigured | undefined;
  /** True when the last split found no span that the backend accepts, and left spans untried. */
  #isStuck = false;
  #probes = 0;
  #failure: { readonly sinceMs: number; readonly attempts: number; readonly outcome: FailedOutcome } | undefined;
  /** The current wait, when it is our own backoff and may be shortened. */
  #backoff: ChildSignal | undefined;
  #counts = { exported: 0, refused: 0, requests: 0, retries: 0 };

  constructor(options: ExporterWorkerOptions<Item>) {
    this.#options = options;
    this.#maxBatchBytes = options.limits.maxBatchBytes;
    this.#trust = new BackendTrust(options.limits.maxRefusedInARow, options.believesRefusals);
  }

  get name(): string {
    return this.#options.exporter.name;
  }

  push(item: Item): void {
    this.#queue.push(item);
    this.#queuedBytes += item.bytes;
  }

  /** Ends the current backoff and retries now. A server's Retry-After still applies. */
  retryNow(): void {
    this.#backoff?.abort();
  }

  stats(): ExporterWorkerStats {
    return {
      exporter: this.#options.exporter.name,
      queuedSpans: this.#queue.length - this.#settledFirst - this.#settled.size,
      failedAttempts: this.#failure?.attempts ?? 0,
      hasAccepted: this.#trust.hasAccepted,
      ...this.#counts,
      ...this.#problem(),
    };
  }

  #problem(): Pick<ExporterWorkerStats, 'problem'> {
    const outcome = this.#distrust ?? this.#failure?.outcome;
    return outcome?.kind === 'misconfigured' ? { problem: { reason: outcome.reason, fix: outcome.fix } } : {};
  }

  /** The first span that is neither delivered nor refused. */
  oldest(): Item | undefined {
    return this.#queue.find((item, index) => index >= this.#settledFirst && !this.#settled.has(item));
  }

  /** The spans that are neither delivered nor refused. */
  unsettled(): readonly Item[] {
    return this.#unsettled(this.#queue).slice(this.#settledFirst);
  }

  #unsettled(items: readonly Item[]): readonly Item[] {
    return this.#settled.size === 0 ? items : items.filter((item) => !this.#settled.has(item));
  }

  /**
   * The exporter's files. When one changes, the worker retries at once, and the backend has to
   * accept a span before it may refuse one.
   */
  get files(): readonly Reloadable[] {
    const { files = [] } = this.#options.exporter;
    return files.map((file) => ({
      reload: () => {
        const reloaded = file.reload();
        if (reloaded?.outcome.ok === true) {
          this.#trust.reconfigured();
          this.retryNow();
        }
        return reloaded;
      },
    }));
  }

  /** Runs until `stop` aborts. */
  async run(stop: AbortSignal): Promise<void> {
    const { waiters } = this.#options;
    const isReady = (): boolean => (this.#mayOverlap() ? this.#isBatchDue(stop) : this.#underWay.size === 0 && this.#hasWork(stop));
    while (!stop.aborted) {
      await waiters.until(isReady, stop);
      if (stop.aborted) break;
      // A request may have ended in the meantime.
      if (!isReady()) continue;
      if (this.#mayOverlap()) this.#start(this.#nextBatch(), stop);
      else await this.#deliverOne(stop);
    }
    this.#endLinger();
    await Promise.all(this.#underWay.values());
  }

  /** True while the backend accepts what it receives, so that requests need not wait for each other. */
  #mayOverlap(): boolean {
    return this.#failure === undefined && this.#undelivered === undefined && this.#distrust === undefined && this.#trust.hasAccepted;
  }

  #hasWork(stop: AbortSignal): boolean {
    return this.#undelivered !== undefined || (this.#queue.length > 0 && (this.#failure !== undefined || this.#isBatchDue(stop)));
  }

  #nextBatch(): readonly Item[] {
    return takeBatch(this.#queue, this.#spansUnderWay, this.#options.limits.maxBatchSpans, this.#maxBatchBytes);
  }

  /**
   * Whether the next batch can be sent: it is full, or its first span has waited long enough. Beside
   * another request only a full one is sent. Starts the wait of the first span if necessary.
   */
  #isBatchDue(stop: AbortSignal): boolean {
    const { limits, clock, isUrgent } = this.#options;
    const first = this.#queue[this.#spansUnderWay];
    if (first === undefined || this.#underWay.size >= limits.maxRequests) return false;
    const isFull =
      this.#queue.length - this.#spansUnderWay >= limits.maxBatchSpans || this.#queuedBytes - this.#bytesUnderWay >= this.#maxBatchBytes;
    if (isFull) return true;
    if (this.#underWay.size > 0) return false;
    const waitMs = limits.lingerMs === 0 || isUrgent() ? 0 : first.enqueuedAtMs + limits.lingerMs - clock.now();
    if (waitMs > 0) this.#lingerFor(Math.min(waitMs, limits.lingerMs), stop);
    return waitMs <= 0;
  }

  #lingerFor(ms: number, stop: AbortSignal): void {
    if (this.#linger !== undefined) return;
    const linger = childSignal(stop);
    this.#linger = linger;
    void this.#endLingerAfter(ms, linger);
  }

  async #endLingerAfter(ms: number, linger: ChildSignal): Promise<void> {
    await this.#options.clock.sleep(ms, linger.signal);
    linger.release();
    if (this.#linger === linger) this.#linger = undefined;
    this.#options.waiters.changed();
  }

  #endLinger(): void {
    this.#linger?.abort();
    this.#linger = undefined;
  }

  /** Sends a batch without waiting for the answer. */
  #start(items: readonly Item[], stop: AbortSignal): void {
    this.#spansUnderWay += items.length;
    this.#bytesUnderWay += totalBytes(items);
    this.#started += 1;
    this.#underWay.set(this.#started, this.#overlap(items, this.#started, stop));
  }

  async #overlap(items: readonly Item[], number: number, stop: AbortSignal): Promise<void> {
    const startedMs = this.#options.clock.now();
    const outcome = await this.#request(this.#encoded(items), items, stop);
    this.#underWay.delete(number);
    this.#spansUnderWay -= items.length;
    this.#bytesUnderWay -= totalBytes(items);
    if (outcome?.kind === 'delivered') {
      this.#accepted();
      this.#batch = this.#queue[0] === items[0] ? items : [];
      this.#delivered(items);
      this.#removeSettled();
    } else if (outcome !== undefined && number < (this.#undelivered?.number ?? Number.POSITIVE_INFINITY)) {
      this.#undelivered = { number, items, outcome, startedMs };
    }
    this.#options.waiters.changed();
  }

  /** Delivers the first batch, with all that a failing backend needs. */
  async #deliverOne(stop: AbortSignal): Promise<void> {
    const failed = this.#undelivered;
    this.#undelivered = undefined;
    this.#batch = failed?.items ?? this.#nextBatch();
    const cause = await this.#deliver(this.#batch, stop, failed);
    if (this.#removeSettled() || stop.aborted) return;
    if (cause === undefined) await this.#wait(this.#delayMs(undefined), stop, true);
    else {
      this.#noteFailure(cause, this.#options.clock.now());
      await this.#waitOut(cause, stop);
    }
  }

  /** Returns true when at least one span left the queue. */
  #removeSettled(): boolean {
    const before = this.#queue.length;
    if (this.#settledFirst > 0) this.#queuedBytes -= totalBytes(this.#queue.splice(0, this.#settledFirst));
    for (const { bytes } of this.#settled) this.#queuedBytes -= bytes;
    if (this.#settled.size > 0) this.#queue = this.#queue.filter((item) => !this.#settled.has(item));
    this.#settledFirst = 0;
    this.#settled.clear();
    return this.#queue.length < before;
  }

  /** Resolves to the failure to wait for, if the backend accepts nothing. */
  async #deliver(batch: readonly Item[], stop: AbortSignal, failed?: Undelivered<Item>): Promise<Misconfigured | undefined> {
    if (this.#distrust !== undefined && !(await this.#probe(stop))) return this.#distrust;
    const items = this.#unsettled(batch);
    if (items.length === 0) return undefined;
    const outcome = await this.#send(items, this.#options.limits.maxAttemptsBeforeSplit, stop, failed);
    if (outcome === undefined) return undefined;
    if (outcome.kind === 'delivered') this.#delivered(items);
    else if (isFinal(outcome, items) && items.length <= this.#trust.credit) this.#refused(items, outcome.reason);
    else if (items.length === 1 && outcome.kind !== 'retry_after') this.#distrustAfter(outcome);
    else if (!this.#isStuck) await this.#split(items, outcome, false, stop);
    else if (await this.#probe(stop)) await this.#split(this.#unsettled(items), outcome, true, stop);
    return this.#distrust;
  }

  /**
   * Sends single spans from the whole queue until the backend accepts one. That span proves that
   * the backend and the configuration work. The next refusal is then about the spans.
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

  /**
   * Multiples of the golden ratio reach every part of the queue soon, and every span eventually.
   */
  #nextProbe(length: number): number {
    this.#probes += 1;
    return Math.floor(((this.#probes * GOLDEN_RATIO) % 1) * length);
  }

  /**
   * Binary search for the bad spans: about 2 log2(n) requests for each. After a partial success the
   * accepted spans are sent again too, because OTLP does not say which ones they were. The bytes
   * are identical, so a backend that stores by span id stores nothing new. An answer like HTTP 500
   * is about a span only if the backend accepted another one in this search.
   */
  async #split(batch: readonly Item[], cause: FailedOutcome, wasAccepted: boolean, stop: AbortSignal): Promise<void> {
    const parts: (readonly Item[])[] = [];
    const halve = (items: readonly Item[], outcome: FailedOutcome): void => {
      this.#emit({ name: 'export_split', spans: items.length, reason: outcome.reason });
      if (outcome.kind === 'too_large') this.#maxBatchBytes = Math.max(MIN_BATCH_BYTES, Math.floor(totalBytes(items) / 2));
      const [first, second] = outcome.kind === 'too_large' ? halvesByBytes(items) : halvesByCount(items);
      parts.push(second, first);
    };
    // Single spans refused by a backend that has not accepted any span yet.
    const suspects: { readonly item: Item; readonly reason: string }[] = [];
    let hasAccepted = wasAccepted;
    let failures = 0;
    let last = cause;
    if (batch.length > 1) halve(batch, cause);
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
      else if (part.length > 1) halve(part, outcome);
      else suspects.push(...part.map((item) => ({ item, reason: outcome.reason })));
    }
    this.#isStuck = !hasAccepted && (failures >= maxFailuresInSplit || batch.length < this.#queue.length);
    this.#distrustAfter(last);
  }

  /**
   * Marks the backend as misconfigured when it refuses without being trusted. Size is then not the
   * cause, whatever it answers.
   */
  #distrustAfter(outcome: FailedOutcome): void {
    if (outcome.kind === 'retry_after' || this.#trust.credit > 0) return;
    this.#distrust = misconfiguredBy(outcome, this.#trust.hasAccepted);
    this.#maxBatchBytes = this.#options.limits.maxBatchBytes;
  }

  /**
   * Sends until an answer is about the spans, or `maxUnclear` answers may be about them. Undefined
   * when stopped. `failed`: the request was sent already, and its answer is the first.
   */
  async #send(
    items: readonly Item[],
    maxUnclear: number,
    stop: AbortSignal,
    failed?: Undelivered<Item>,
  ): Promise<ExportOutcome | undefined> {
    const spans = this.#encoded(items);
    let earlier = failed;
    let unclear = 0;
    while (!stop.aborted) {
      const startedMs = earlier?.startedMs ?? this.#options.clock.now();
      const outcome = earlier?.outcome ?? (await this.#request(spans, items, stop));
      earlier = undefined;
      if (outcome === undefined) return undefined;
      if (outcome.kind !== 'retry_after' && outcome.kind !== 'misconfigured') {
        if (outcome.kind === 'delivered' || isPartlyAccepted(outcome, items)) this.#accepted();
        else if (this.#trust.credit > 0) this.#recovered();
        return outcome;
      }
      this.#noteFailure(outcome, startedMs);
      if (outcome.kind === 'retry_after' && outcome.maybeSpans === true) unclear += 1;
      if (unclear >= maxUnclear) return outcome;
      await this.#waitOut(outcome, stop);
    }
    return undefined;
  }

  #encoded(items: readonly Item[]): readonly ReadableSpan[] {
    const isEncoded = this.#options.exporter.takesEncoded === true;
    return items.map(({ span }) => (isEncoded ? span : plainSpan(span)));
  }

  /** One request. Undefined when stopped. */
  async #request(spans: readonly ReadableSpan[], items: readonly Item[], stop: AbortSignal): Promise<ExportOutcome | undefined> {
    const { exporter, limits, clock } = this.#options;
    const startedMs = clock.now();
    this.#counts.requests += 1;
    const outcome = await exportOnce(exporter.exporter, spans, exporter.timeoutMs ?? limits.exportTimeoutMs, clock.sleep, stop);
    if (outcome?.kind === 'delivered') {
      this.#emit({ name: 'batch_exported', spans: items.length, bytes: totalBytes(items), durationMs: clock.now() - startedMs });
      if (outcome.warning !== undefined) this.#emit({ name: 'export_warning', message: outcome.warning });
    }
    return outcome;
  }

  async #waitOut(outcome: Extract<ExportOutcome, { kind: 'retry_after' | 'misconfigured' }>, stop: AbortSignal): Promise<void> {
    const retryAfterMs = outcome.kind === 'retry_after' ? outcome.retryAfterMs : undefined;
    const delayMs = this.#delayMs(retryAfterMs);
    const attempt = this.#failure?.attempts ?? 1;
    this.#counts.retries += 1;
    if (outcome.kind === 'retry_after')
      this.#emit({ name: 'export_retry', reason: outcome.reason, attempt, delayMs, ...this.#hint(outcome) });
    else this.#emit({ name: 'export_misconfigured', reason: outcome.reason, fix: outcome.fix, attempt, delayMs });
    await this.#wait(delayMs, stop, retryAfterMs === undefined);
  }

  /** The likely mistake, unless the configuration has worked before. */
  #hint({ hint }: { readonly hint?: string }): { readonly hint?: string } {
    return hint === undefined || this.#trust.hasAccepted ? {} : { hint };
  }

  #delayMs(retryAfterMs: number | undefined): number {
    return retryDelayMs(this.#failure?.attempts ?? 1, retryAfterMs, this.#options.clock.random(), this.#options.limits);
  }

  async #wait(delayMs: number, stop: AbortSignal, mayShorten: boolean): Promise<void> {
    const wait = childSignal(stop);
    if (mayShorten) this.#backoff = wait;
    await this.#options.clock.sleep(delayMs, wait.signal);
    this.#backoff = undefined;
    wait.release();
  }

  #noteFailure(outcome: FailedOutcome, startedMs: number): void {
    this.#failure = { sinceMs: this.#failure?.sinceMs ?? startedMs, attempts: (this.#failure?.attempts ?? 0) + 1, outcome };
  }

  #accepted(): void {
    this.#trust.accepted();
    this.#distrust = undefined;
    this.#isStuck = false;
    this.#recovered();
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    const { attempts, sinceMs } = this.#failure;
    this.#failure = undefined;
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
    this.#options.waiters.changed();
  }

  #emit(event: EventOfWorker): void {
    this.#options.onEvent({ exporter: this.#options.exporter.name, ...event });
  }
}

type WithoutExporter<Event> = Event extends ExportEvent ? Omit<Event, 'exporter'> : never;
type EventOfWorker = WithoutExporter<ExportEvent>;

/** True when the backend accepted some of the spans and rejected the others. */
function isPartlyAccepted(outcome: FailedOutcome, items: readonly QueuedSpan[]): boolean {
  return outcome.kind === 'refused' && outcome.rejectedSpans !== undefined && outcome.rejectedSpans < items.length;
}

/** True when every span in the request is bad: all were rejected, or it was one span alone. */
function isFinal(outcome: FailedOutcome, items: readonly QueuedSpan[]): boolean {
  if (outcome.kind === 'too_large') return items.length === 1;
  return outcome.kind === 'refused' && (items.length === 1 || (outcome.rejectedSpans ?? 0) >= items.length);
}

/** As many spans from `start` as both limits allow, and at least one. */
function takeBatch<Item extends QueuedSpan>(queue: readonly Item[], start: number, maxSpans: number, maxBytes: number): readonly Item[] {
  let bytes = 0;
  let count = 0;
  const resources = new Set<unknown>();
  let lastResource: unknown;
  while (count < maxSpans) {
    const item = queue[start + count];
    if (item === undefined) break;
    bytes += item.bytes;
    const { resource } = item.span;
    // A request contains each resource once.
    if (resource !== lastResource && !resources.has(resource)) bytes += envelopeBytes(resource, item.span.instrumentationScope);
    if (resource !== lastResource) resources.add(resource);
    lastResource = resource;
    if (count > 0 && bytes > maxBytes) break;
    count += 1;
  }
  return queue.slice(start, start + count);
}

function totalBytes(items: readonly QueuedSpan[]): number {
  return items.reduce((sum, item) => sum + item.bytes, 0);
}

type Halves<Item> = readonly [first: readonly Item[], second: readonly Item[]];

/** Two parts of nearly equal count, to search for a bad span. */
export function halvesByCount<Item>(items: readonly Item[]): Halves<Item> {
  return cutAt(items, Math.ceil(items.length / 2));
}

/** Two parts of nearly equal size, for a request that was too large. */
export function halvesByBytes<Item extends QueuedSpan>(items: readonly Item[]): Halves<Item> {
  const half = totalBytes(items) / 2;
  let bytes = 0;
  const index = items.findIndex((item) => (bytes += item.bytes) > half);
  return cutAt(items, Math.min(Math.max(index, 1), items.length - 1));
}

function cutAt<Item>(items: readonly Item[], index: number): Halves<Item> {
  return [items.slice(0, index), items.slice(index)];
}
