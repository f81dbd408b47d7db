import { setMaxListeners } from 'node:events';
import { withoutCredentials } from '../http/index.ts';
import { childSignal, type Clock, describeConnectionError } from '../runtime/index.ts';

/** A post to send on, as it came. Its headers of authentication are left out. */
export interface ForwardedPost {
  /** The connection that it came on. Posts of one connection keep their order. */
  readonly sender: object;
  readonly contentType: string | undefined;
  /** The `content-encoding` of `body`. */
  readonly encoding: string | undefined;
  /** Kept until it is sent or dropped: never a buffer that is used again. */
  readonly body: Buffer;
}

/**
 * - `taken`: the target answered 2xx.
 * - `refused`: the target answered that it will never take this post.
 * - `late`: the target did not take it in time.
 * - `full`: too many bytes wait for the target.
 * - `stopped`: the process ended first.
 */
export type ForwardOutcome = 'taken' | 'refused' | 'late' | 'full' | 'stopped';

export type ForwardEvent =
  | { readonly name: 'forwarded'; readonly target: string; readonly outcome: ForwardOutcome }
  /** The first failure after a success. `reason` has no secrets. */
  | { readonly name: 'forward_failing'; readonly target: string; readonly reason: string }
  | { readonly name: 'forward_recovered'; readonly target: string };

export interface ForwarderOptions {
  /** Where to send each post. A user and password in a URL are sent as Basic authentication. */
  readonly targets: readonly URL[];
  readonly clock: Clock;
  readonly onEvent?: (event: ForwardEvent) => void;
  /** Bytes that may wait for one target. Default 64 MiB. */
  readonly maxWaitingBytes?: number;
  /** How long a post is retried. Default 60 s. */
  readonly retryForMs?: number;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface ForwardStats {
  /** Scheme, host and port. */
  readonly target: string;
  readonly waitingBytes: number;
}

/** Sends posts on to other consumers of the feed. */
export interface Forwarder {
  readonly targets: number;
  /** Queues a post for each target. Never waits. */
  forward(post: ForwardedPost): void;
  /** Resolves with the name of the first target that did not take the post within `timeoutMs`, or undefined. */
  forwardAll(post: ForwardedPost, timeoutMs: number): Promise<string | undefined>;
  stats(): readonly ForwardStats[];
  /** Sends what waits for at most `graceMs`, then drops the rest. */
  close(graceMs: number): Promise<void>;
}

/** How long an answer to Ray may wait for the targets that must take a post. Ray gives up after 3 s. */
export const MAX_REQUIRED_WAIT_MS = 2500;
const DEFAULT_MAX_WAITING_BYTES = 64 * 1024 * 1024;
const DEFAULT_RETRY_FOR_MS = 60_000;
/** Requests to one target at once. */
const MAX_REQUESTS = 64;
/** Longest wait for one answer. Ray itself gives up after 3 s. */
const REQUEST_TIMEOUT_MS = 5_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** Statuses that blame the target or the moment, besides all 5xx. Any other one blames the post. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 429]);

export function createForwarder(options: ForwarderOptions): Forwarder {
  const stop = new AbortController();
  // Each request listens to it.
  setMaxListeners(0, stop.signal);
  const targets = options.targets.map((url) => new Target(url, options, stop.signal));
  return {
    targets: targets.length,
    forward(post) {
      const untilMs = options.clock.now() + (options.retryForMs ?? DEFAULT_RETRY_FOR_MS);
      for (const target of targets) void target.add(post, untilMs);
    },
    async forwardAll(post, timeoutMs) {
      const untilMs = options.clock.now() + timeoutMs;
      const outcomes = await Promise.all(targets.map((target) => target.add(post, untilMs)));
      return targets[outcomes.findIndex((outcome) => outcome !== 'taken')]?.name;
    },
    stats: () => targets.map(({ name, waitingBytes }) => ({ target: name, waitingBytes })),
    async close(graceMs) {
      const drained = Promise.all(targets.map((target) => target.drained()));
      const timeout = new AbortController();
      await Promise.race([drained, options.clock.sleep(graceMs, timeout.signal)]);
      timeout.abort();
      stop.abort();
      await drained;
    },
  };
}

interface Waiting {
  readonly post: ForwardedPost;
  readonly untilMs: number;
  readonly settle: (outcome: ForwardOutcome) => void;
}

type Attempt = ForwardOutcome | 'again';

/** One consumer. Posts of one sender go one after the other; those of several senders at once. */
class Target {
  readonly name: string;
  readonly #url: URL;
  readonly #authorization: string | undefined;
  readonly #options: ForwarderOptions;
  readonly #stop: AbortSignal;
  /** Posts that wait, by sender. A sender without any is not in it. */
  readonly #senders = new Map<object, Waiting[]>();
  readonly #freeSlots: (() => void)[] = [];
  #requests = 0;
  waitingBytes = 0;
  /** All posts wait until then after a failure. */
  #retryAtMs = 0;
  #failures = 0;
  #onDrained: (() => void)[] = [];

  constructor(url: URL, options: ForwarderOptions, stop: AbortSignal) {
    const target = withoutCredentials(url);
    this.#url = target.url;
    this.#authorization = target.authorization;
    this.name = target.url.origin;
    this.#options = options;
    this.#stop = stop;
  }

  /** Resolves when the post was sent or dropped. */
  async add(post: ForwardedPost, untilMs: number): Promise<ForwardOutcome> {
    const outcome = await this.#enqueue(post, untilMs);
    this.#options.onEvent?.({ name: 'forwarded', target: this.name, outcome });
    return outcome;
  }

  drained(): Promise<void> {
    if (this.#senders.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  #enqueue(post: ForwardedPost, untilMs: number): Promise<ForwardOutcome> {
    const { maxWaitingBytes = DEFAULT_MAX_WAITING_BYTES } = this.#options;
    if (this.#stop.aborted) return Promise.resolve('stopped');
    if (this.waitingBytes + post.body.length > maxWaitingBytes) return Promise.resolve('full');
    this.waitingBytes += post.body.length;
    return new Promise((settle) => {
      const queue = this.#senders.get(post.sender);
      const waiting = { post, untilMs, settle };
      if (queue !== undefined) return queue.push(waiting);
      this.#senders.set(post.sender, [waiting]);
      return void this.#sendAllOf(post.sender);
    });
  }

  async #sendAllOf(sender: object): Promise<void> {
    for (;;) {
      const queue = this.#senders.get(sender) ?? [];
      const [next] = queue;
      if (next === undefined) break;
      const outcome = await this.#deliver(next);
      queue.shift();
      this.waitingBytes -= next.post.body.length;
      if (queue.length === 0) this.#senders.delete(sender);
      next.settle(outcome);
    }
    if (this.#senders.size > 0) return;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }

  async #deliver({ post, untilMs }: Waiting): Promise<ForwardOutcome> {
    const { clock } = this.#options;
    for (;;) {
      const nowMs = clock.now();
      if (this.#stop.aborted) return 'stopped';
      if (nowMs >= untilMs) return 'late';
      if (nowMs < this.#retryAtMs) {
        await clock.sleep(Math.min(this.#retryAtMs, untilMs) - nowMs, this.#stop);
        continue;
      }
      await this.#takeSlot();
      const attempt = await this.#attempt(post, Math.min(REQUEST_TIMEOUT_MS, untilMs - clock.now()));
      this.#freeSlot();
      if (attempt !== 'again') return attempt;
    }
  }

  async #takeSlot(): Promise<void> {
    if (this.#requests >= MAX_REQUESTS) await new Promise<void>((resolve) => this.#freeSlots.push(resolve));
    else this.#requests += 1;
  }

  /** Hands the slot to the one that has waited longest. */
  #freeSlot(): void {
    const next = this.#freeSlots.shift();
    if (next === undefined) this.#requests -= 1;
    else next();
  }

  async #attempt({ body, contentType, encoding }: ForwardedPost, timeoutMs: number): Promise<Attempt> {
    if (timeoutMs <= 0) return 'late';
    const limit = childSignal(this.#stop);
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    const send = this.#options.fetch ?? fetch;
    const headers = {
      'content-type': contentType ?? 'application/json',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
    };
    try {
      const response = await send(this.#url, { method: 'POST', headers, body, signal: limit.signal, redirect: 'manual' });
      await response.body?.cancel();
      return this.#judge(response.status);
    } catch (error) {
      if (this.#stop.aborted) return 'stopped';
      const reason = limit.signal.aborted ? `no answer within ${timeoutMs} ms` : describeConnectionError(error, this.#url);
      return this.#fail(reason);
    } finally {
      clearTimeout(timer);
      limit.release();
    }
  }

  #judge(status: number): Attempt {
    if (status >= 200 && status < 300) {
      if (this.#failures > 0) this.#options.onEvent?.({ name: 'forward_recovered', target: this.name });
      this.#failures = 0;
      this.#retryAtMs = 0;
      return 'taken';
    }
    // A redirect is the target's mistake, not the post's.
    const isTemporary = status >= 500 || (status >= 300 && status < 400) || RETRIED_STATUSES.has(status);
    return isTemporary ? this.#fail(`answered ${status}`) : 'refused';
  }

  /** All posts back off together: requests that were under way at once count as one failure. */
  #fail(reason: string): 'again' {
    const nowMs = this.#options.clock.now();
    if (nowMs < this.#retryAtMs) return 'again';
    if (this.#failures === 0) this.#options.onEvent?.({ name: 'forward_failing', target: this.name, reason });
    this.#retryAtMs = nowMs + Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return 'again';
  }
}
