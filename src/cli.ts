#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { systemClock } from './runtime/index.ts';
import { EXIT_CODES, runProgram } from './command/index.ts';

// A young process spends a third of its CPU in the compiler. Less inlining makes compiling cheaper and the code no slower (test/bench/README.md).
setFlagsFromString('--max-inlined-bytecode-size-cumulative=200');
// Without this flag, V8 allocates events in the old generation after some of them have waited. They stay there until a full collection (test/bench/README.md).
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
    // The reader closed the stream, as `| head` does.
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
    // Removes the listener of Node.js, which prints the warning.
    process.removeAllListeners('warning');
    process.on('warning', listener);
  },
  stoppedBy: () => stoppedBy,
});

// Exits although idle connections and timers of libraries are open, but flushes the output first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
