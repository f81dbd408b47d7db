import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process that loaded `probe` says of itself. */
export interface Usage {
  /** User and system time of all threads, in milliseconds. */
  readonly cpuMs: number;
  /** JavaScript's heap and what hangs on it outside, in bytes. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Most that it ever was. */
  readonly maxRssBytes: number;
}

/** Longest time that the event loop did not turn, and the 99th percentile, in milliseconds. */
export interface Stall {
  readonly maxMs: number;
  readonly p99Ms: number;
}

export type ProbeQuestion = { readonly ask: 'usage'; readonly collect: boolean } | { readonly ask: 'watch' } | { readonly ask: 'stall' };

const PROBE = new URL('probe.js', import.meta.url).href;
/** The answer to a question waits for a garbage collection of gigabytes at most. */
const ANSWER_MS = 60_000;

/** A program of ours or the product's, as a child with a channel. */
export class Program {
  output = '';
  readonly name: string;
  readonly child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(module: string, args: readonly string[], options: Pick<ForkOptions, 'env' | 'execArgv'> = {}) {
    this.name = [module.split('/').at(-1), ...args].join(' ');
    this.child = fork(module, args, { ...options, serialization: 'advanced', stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#exited = once(this.child, 'exit');
    const collect = (chunk: Buffer): void => {
      this.output = `${this.output}${chunk.toString('utf8')}`.slice(-10_000);
    };
    this.child.stdout?.on('data', collect);
    this.child.stderr?.on('data', collect);
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Sends a message and takes the next one that comes. */
  async ask<Answer>(question: object, limitMs = ANSWER_MS): Promise<Answer> {
    if (this.hasEnded) throw new Error(`${this.name} ended\n${this.output}`);
    const waiting = new AbortController();
    const { signal } = waiting;
    const answer = once(this.child, 'message', { signal });
    this.child.send(question);
    try {
      const late = sleep(limitMs, undefined, { signal }).then(() => 'late' as const);
      const first = await Promise.race([answer, this.#exited.then(() => 'ended' as const), late]);
      if (typeof first === 'string') throw new Error(`${this.name}: ${first} instead of an answer\n${this.output}`);
      return first[0] as Answer;
    } finally {
      waiting.abort();
      await answer.catch(() => undefined);
    }
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.hasEnded) this.child.kill(signal);
    await this.#exited;
  }
}

/** A program that answers to `usage`. */
export class ProbedProgram extends Program {
  constructor(
    module: string,
    args: readonly string[],
    options: { env?: NodeJS.ProcessEnv; isCollectable?: boolean; execArgv?: readonly string[] } = {},
  ) {
    const execArgv = ['--import', PROBE, ...(options.isCollectable === true ? ['--expose-gc'] : []), ...(options.execArgv ?? [])];
    super(module, args, { execArgv, ...(options.env === undefined ? {} : { env: options.env }) });
  }

  /** With `collect` after a full garbage collection, where it was started to allow that. */
  usage(collect = false): Promise<Usage> {
    return this.ask<Usage>({ ask: 'usage', collect });
  }

  /** From here on the event loop is watched, which takes some CPU. */
  watch(): Promise<unknown> {
    return this.ask({ ask: 'watch' });
  }

  stall(): Promise<Stall> {
    return this.ask<Stall>({ ask: 'stall' });
  }
}

/** Asks until the answer is not undefined. */
export async function until<Answer>(
  what: string,
  limitMs: number,
  look: () => Promise<Answer | undefined>,
  pauseMs: number | (() => number) = 100,
): Promise<Answer> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) throw new Error(`waited ${Math.round(limitMs / 1000)} s for ${what}`);
    await sleep(typeof pauseMs === 'number' ? pauseMs : pauseMs());
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port');
  return address.port;
}
