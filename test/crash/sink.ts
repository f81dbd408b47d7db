import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface SinkBehaviour {
  /** `unavailable`: 503. `away`: nothing listens. */
  readonly mode: 'ok' | 'unavailable' | 'away';
  /**
   * Milliseconds between the whole request and its record, and between the record and the answer.
   */
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** `forget`: begins a new record. */
export type SinkOrder = SinkBehaviour | 'forget';

export type SinkEvent =
  | { readonly what: 'listening' | 'changed' }
  | { readonly what: 'began' | 'answered'; readonly number: number }
  | { readonly what: 'recorded'; readonly number: number; readonly spans: number; readonly known: number };

export interface Sink {
  readonly url: string;
  /** Spans of all accepted requests, those that came again included. */
  spans(): number;
  /** Different ones among them. */
  known(): number;
  /** Requests that were answered 200. */
  answered(): number;
  become(behaviour: Partial<SinkBehaviour>): Promise<void>;
  /** Calls back at each event until the function that it returns is called. */
  watch(onEvent: (event: SinkEvent) => void): () => void;
  /** Everything that it accepted since the last reset. */
  read(): Promise<SpanRecord>;
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** Of each span its digest, or also the whole requests, to look at. */
export type SinkKeeps = 'digests' | 'bytes';

export interface SinkOptions {
  /** The compiled sink-program.js. */
  readonly program: string;
  readonly port: number;
  readonly file: string;
  readonly keeps: SinkKeeps;
}

export async function startSink({ program, port, file, keeps }: SinkOptions): Promise<Sink> {
  const child = fork(program, [String(port), file, keeps], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const watchers = new Set<(event: SinkEvent) => void>();
  let spans = 0;
  let known = 0;
  let answered = 0;
  let behaviour: SinkBehaviour = { mode: 'ok', beforeMs: 0, afterMs: 0 };
  child.on('message', (event: SinkEvent) => {
    if (event.what === 'recorded') {
      spans += event.spans;
      known = event.known;
    }
    if (event.what === 'answered') answered += 1;
    for (const watcher of watchers) watcher(event);
  });
  await received(child, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () => spans,
    known: () => known,
    answered: () => answered,
    async become(wanted) {
      behaviour = { ...behaviour, ...wanted };
      const changed = received(child, 'changed');
      child.send(behaviour);
      await changed;
    },
    watch(onEvent) {
      watchers.add(onEvent);
      return () => watchers.delete(onEvent);
    },
    read: () => readRecord(file),
    async forget() {
      const changed = received(child, 'changed');
      child.send('forget');
      await changed;
      known = 0;
    },
    async stop() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

function received(child: ChildProcess, what: SinkEvent['what']): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (event: SinkEvent): void => {
      if (event.what !== what) return;
      child.off('message', look);
      child.off('exit', gone);
      resolve();
    };
    const gone = (): void => reject(new Error('the sink ended'));
    child.on('message', look);
    child.once('exit', gone);
  });
}

export interface Receipt {
  readonly digest: string;
  readonly name: string;
  readonly request: number;
  readonly atMs: number;
}

export interface SpanRecord {
  /** By trace id and span id in hex: each time that the span came, in order. */
  readonly spans: ReadonlyMap<string, readonly Receipt[]>;
  /** By request: when its answer was sent to a sender that was still connected. */
  readonly answeredMs: ReadonlyMap<number, number>;
  /** Bodies of the requests, where they were kept. */
  readonly bodies: readonly Buffer[];
}

type Line =
  | {
      readonly number: number;
      readonly atMs: number;
      readonly spans: readonly (readonly [string, string, string])[];
      readonly body?: string;
    }
  | { readonly number: number; readonly answeredMs: number };

async function readRecord(file: string): Promise<SpanRecord> {
  const spans = new Map<string, Receipt[]>();
  const answeredMs = new Map<number, number>();
  const bodies: Buffer[] = [];
  for await (const text of createInterface({ input: createReadStream(file) })) {
    const line = JSON.parse(text) as Line;
    if ('answeredMs' in line) {
      answeredMs.set(line.number, line.answeredMs);
      continue;
    }
    if (line.body !== undefined) bodies.push(Buffer.from(line.body, 'base64'));
    for (const [key, digest, name] of line.spans) {
      const receipt = { digest, name, request: line.number, atMs: line.atMs };
      const receipts = spans.get(key);
      if (receipts === undefined) spans.set(key, [receipt]);
      else receipts.push(receipt);
    }
  }
  return { spans, answeredMs, bodies };
}
