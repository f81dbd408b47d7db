import { once } from 'node:events';
import { freePort, Program } from './process.ts';

export interface SinkCounts {
  readonly requests: number;
  readonly bytes: number;
  readonly spans: number;
  /** By span id: less than `spans` when some came twice. */
  readonly distinctSpans: number;
  readonly traces: number;
  readonly largestTrace: { readonly spans: number; readonly bytes: number };
  readonly jobs: readonly { readonly name: string; readonly numbers: Readonly<Record<string, number>> }[];
}

export type SinkQuestion =
  | { readonly ask: 'counts' | 'bodies' }
  | { readonly ask: 'missing'; readonly spanIds: readonly string[] }
  | { readonly ask: 'reset'; readonly keepBodies: boolean };

export interface Sink {
  readonly url: string;
  counts(): Promise<SinkCounts>;
  /** Forgets everything; from then on the bodies are kept, if that is asked for. */
  reset(keepBodies?: boolean): Promise<void>;
  bodies(): Promise<readonly Buffer[]>;
  /** How many of these spans (ids in hex) did not come. */
  missing(spanIds: readonly string[]): Promise<number>;
  stop(): Promise<void>;
}

export async function startSink(): Promise<Sink> {
  const port = await freePort();
  const program = new Program(new URL('sink.js', import.meta.url).pathname, [String(port)]);
  await once(program.child, 'message');
  return {
    url: `http://127.0.0.1:${port}`,
    counts: () => program.ask<SinkCounts>({ ask: 'counts' }),
    reset: async (keepBodies = false) => {
      await program.ask({ ask: 'reset', keepBodies });
    },
    bodies: async () => (await program.ask<Uint8Array[]>({ ask: 'bodies' })).map((body) => Buffer.from(body)),
    missing: (spanIds) => program.ask<number>({ ask: 'missing', spanIds }),
    stop: () => program.end('SIGKILL'),
  };
}
