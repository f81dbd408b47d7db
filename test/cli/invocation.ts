import { Readable, Writable } from 'node:stream';
import type { Invocation } from '../../src/command/index.ts';

/** Collects the output. Can act as a terminal. */
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

  /** Resolves when the text matches. */
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
  /** Acts as a signal. */
  interrupt(): void;
  /** Requested pauses in milliseconds. They advance the clock instead of waiting. */
  readonly sleptMs: readonly number[];
}

/** A context for a command. Its clock advances only by requested pauses. */
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
    // A folder without processes, so that tests ignore a Ray that runs on this machine.
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
