/** Bounds of the server-sent events. */
export interface StreamLimits {
  readonly maxClients: number;
  /** Time between two checks for changes. */
  readonly intervalMs: number;
  /**
   * A message is sent at least this often, to prove that the connection works and to update ages.
   */
  readonly maxQuietMs: number;
  /** A client with this much unread data is disconnected. Browsers reconnect. */
  readonly maxUnreadBytes: number;
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = { maxClients: 32, intervalMs: 500, maxQuietMs: 5_000, maxUnreadBytes: 2 * 2 ** 20 };

/** Reconnection delay that the stream sends to browsers. */
const RETRY_MS = 2_000;

export interface StreamOptions<Topic> {
  readonly limits: StreamLimits;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly now: () => number;
  /** Changes whenever there is something new to send. */
  readonly version: () => number;
  /** Makes the events of a topic, once for all of its clients. */
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
  /** Clients that were disconnected because they read too slowly. */
  readonly cut: number;
}

/**
 * Server-sent events: combines any number of changes into at most two messages a second, for a
 * bounded number of clients.
 */
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

  /** Undefined if the maximum number of clients is reached. */
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

  /** Closes all streams and accepts no further clients. */
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
    let sentVersion = version();
    let sentMs = now();
    while (!signal.aborted) {
      await sleep(limits.intervalMs, signal);
      if (signal.aborted || (version() === sentVersion && now() - sentMs < limits.maxQuietMs)) continue;
      sentVersion = version();
      sentMs = now();
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
