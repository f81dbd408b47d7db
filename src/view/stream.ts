/** Bounds of the server-sent events. */
export interface StreamLimits {
  readonly maxClients: number;
  /** Between two looks at what changed. */
  readonly intervalMs: number;
  /** Something is sent at least this often, so that the connection is known to live and ages are right. */
  readonly maxQuietMs: number;
  /** A client that has this much unread is cut off; it comes back by itself. */
  readonly maxUnreadBytes: number;
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = { maxClients: 32, intervalMs: 500, maxQuietMs: 5_000, maxUnreadBytes: 2 * 2 ** 20 };

/** Told to a browser: when to come back after it was cut off. */
const RETRY_MS = 2_000;

export interface StreamOptions<Topic> {
  readonly limits: StreamLimits;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly now: () => number;
  /** Changes when there is something new. */
  readonly version: () => number;
  /** The events for a topic, as text; made once for all of its clients. */
  readonly render: (topic: Topic) => readonly StreamEvent[];
  readonly keyOf: (topic: Topic) => string;
  readonly onBug: (error: unknown) => void;
}

export interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
}

interface Client<Topic> {
  readonly topic: Topic;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

export interface StreamStats {
  readonly clients: number;
  /** Cut off because they did not read. */
  readonly cut: number;
}

/** Tells any number of changes as at most two messages a second, to a bounded number of clients. */
export class Stream<Topic> {
  readonly #options: StreamOptions<Topic>;
  readonly #clients = new Set<Client<Topic>>();
  readonly #encoder = new TextEncoder();
  #cut = 0;
  #running: AbortController | undefined;
  #isClosed = false;

  constructor(options: StreamOptions<Topic>) {
    this.#options = options;
  }

  stats(): StreamStats {
    return { clients: this.#clients.size, cut: this.#cut };
  }

  /** Undefined when there are as many clients as may be. */
  open(topic: Topic): ReadableStream<Uint8Array> | undefined {
    const { limits } = this.#options;
    if (this.#isClosed || this.#clients.size >= limits.maxClients) return undefined;
    let client: Client<Topic> | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          client = { topic, controller };
          this.#clients.add(client);
          controller.enqueue(this.#encoder.encode(`retry: ${RETRY_MS}\n\n`));
          this.#send(client, this.#render(topic));
          this.#run();
        },
        cancel: () => {
          if (client !== undefined) this.#remove(client);
        },
      },
      { highWaterMark: limits.maxUnreadBytes, size: (chunk) => chunk?.byteLength ?? 0 },
    );
  }

  /** Ends all streams; no client is taken any more. */
  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients) {
      this.#remove(client);
      client.controller.close();
    }
  }

  #run(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    void this.#loop(this.#running.signal).catch(this.#options.onBug);
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { limits, sleep, now, version } = this.#options;
    let told = version();
    let toldMs = now();
    while (!signal.aborted) {
      await sleep(limits.intervalMs, signal);
      if (signal.aborted || (version() === told && now() - toldMs < limits.maxQuietMs)) continue;
      told = version();
      toldMs = now();
      this.#sendAll();
    }
  }

  #sendAll(): void {
    const rendered = new Map<string, Uint8Array>();
    for (const client of this.#clients) {
      const key = this.#options.keyOf(client.topic);
      const bytes = rendered.get(key) ?? this.#render(client.topic);
      rendered.set(key, bytes);
      this.#send(client, bytes);
    }
  }

  #render(topic: Topic): Uint8Array {
    const events = this.#options.render(topic);
    return this.#encoder.encode(events.map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''));
  }

  #send(client: Client<Topic>, bytes: Uint8Array): void {
    const { controller } = client;
    if ((controller.desiredSize ?? 0) <= 0) {
      this.#remove(client);
      this.#cut += 1;
      controller.error(new Error('the reader is too slow'));
      return;
    }
    controller.enqueue(bytes);
  }

  #remove(client: Client<Topic>): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#running?.abort();
    this.#running = undefined;
  }
}
