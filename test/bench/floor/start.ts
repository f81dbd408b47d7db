import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, ProbedProgram, until } from '../parts/process.ts';

export interface RunningFloor {
  readonly program: ProbedProgram;
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * The program that does the least, ready for posts. With each of them it sends one of these
 * requests to the sink.
 */
export async function startFloor(
  sinkUrl: string,
  requests: readonly Buffer[] = [],
  syncs: 'alone' | 'shared' = 'alone',
): Promise<RunningFloor> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-bench-'));
  const file = join(folder, 'requests');
  writeFileSync(file, Buffer.concat(requests.flatMap((request) => [lengthOf(request), request])));
  const program = new ProbedProgram(new URL('floor.js', import.meta.url).pathname, [
    String(port),
    join(folder, 'log'),
    sinkUrl,
    file,
    syncs,
  ]);
  await until('the floor to be ready', 30_000, () => isListening(port));
  return {
    program,
    url: `http://127.0.0.1:${port}`,
    port,
    async stop() {
      await program.end();
      rmSync(folder, { recursive: true });
    },
  };
}

function lengthOf(request: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(request.length);
  return length;
}

function isListening(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(undefined));
  });
}
