import { Readable, Writable } from 'node:stream';
import type { Invocation } from '../../src/command/index.ts';

/** Keeps what was written; a terminal if asked to be one. */
export class Screen extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 80;

  constructor(isTTY = false) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.text += chunk.toString();
    callback();
  }

  /** Resolves with the match as soon as the text has it. */
  async shows(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

export interface TestInvocation extends Invocation {
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** What a signal does. */
  interrupt(): void;
  /** Pauses that were asked for, in milliseconds. None of them is waited for; the clock moves by them instead. */
  readonly sleptMs: readonly number[];
}

/** A command's world on a clock of its own, which moves by what is slept and nothing else. */
export function invocation(argv: readonly string[], over: Partial<Invocation> = {}): TestInvocation {
  const stop = new AbortController();
  const sleptMs: number[] = [];
  let nowMs = 1_700_000_000_000;
  return {
    argv,
    env: {},
    stdin: Readable.from([]),
    now: () => nowMs,
    sleep: async (ms) => {
      sleptMs.push(ms);
      nowMs += ms;
      await Promise.resolve();
    },
    random: () => 0.5,
    // No processes: a Ray that happens to run on the machine is none of the tests' business.
    procFolder: import.meta.dirname,
    stop: stop.signal,
    stoppedBy: () => (stop.signal.aborted ? 'SIGINT' : undefined),
    ...over,
    stdout: new Screen(),
    stderr: new Screen(),
    interrupt: () => stop.abort(),
    sleptMs,
  };
}
