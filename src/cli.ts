#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { systemClock } from './runtime/index.ts';
import { EXIT_CODES, runProgram } from './command/index.ts';

// A third of the CPU of a young process goes into the compiler, and less inlining makes it cheaper; what is compiled is no slower (test/bench/README.md).
setFlagsFromString('--max-inlined-bytecode-size-cumulative=200');
// Events that waited once would be made in the old generation from then on, where they stay until a collection of the whole heap (test/bench/README.md).
setFlagsFromString('--no-allocation-site-pretenuring');

const stop = new AbortController();
let stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stoppedBy !== undefined) process.exit(EXIT_CODES[signal]);
    stoppedBy = signal;
    stop.abort();
  });
}

for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    // The reader went away, as `| head` does: nobody is left to tell anything to.
    process.exit(error.code === 'EPIPE' ? EXIT_CODES.done : EXIT_CODES.failed);
  });
}

const exitCode = await runProgram({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  now: systemClock.now,
  sleep: systemClock.sleep,
  random: systemClock.random,
  stop: stop.signal,
  onWarning: (listener) => {
    // The first listener is that of Node.js, which prints.
    process.removeAllListeners('warning');
    process.on('warning', listener);
  },
  stoppedBy: () => stoppedBy,
});

// What is still open (idle connections, timers of libraries) must not keep the process; what was written must get out first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
