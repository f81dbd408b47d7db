import type { Output } from './command.ts';

/** Writes text and waits for a slow reader. Returns false when the reader has closed the stream (`| head`). */
export async function writeText(output: Output, text: string): Promise<boolean> {
  if (output.destroyed || output.writableEnded) return false;
  if (!output.write(text)) await drained(output);
  return !output.destroyed;
}

function drained(output: Output): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      for (const event of ['drain', 'close', 'error']) output.off(event, finish);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) output.on(event, finish);
  });
}

/** Progress of a command: one line that is rewritten on a terminal, or a new line every 5 s elsewhere. */
export interface Progress {
  /** Shows `text()` if enough time has passed since the last update. */
  update(text: () => string): void;
  /** Prints a permanent line. */
  line(text: string): void;
  /** Erases the progress line. */
  clear(): void;
}

const REWRITE_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 5000;

export function createProgress(output: Output, now: () => number): Progress {
  const isTerminal = output.isTTY === true;
  const intervalMs = isTerminal ? REWRITE_INTERVAL_MS : LINE_INTERVAL_MS;
  let shownAtMs = isTerminal ? Number.NEGATIVE_INFINITY : now();
  const eraseLine = isTerminal ? '\r\u001b[2K' : '';
  return {
    update(text) {
      const nowMs = now();
      if (nowMs - shownAtMs < intervalMs) return;
      shownAtMs = nowMs;
      // Leaves the last column free: a terminal would wrap the line, and then it could not be rewritten.
      output.write(isTerminal ? eraseLine + text().slice(0, (output.columns ?? 80) - 1) : `${text()}\n`);
    },
    line(text) {
      output.write(`${eraseLine}${text}\n`);
    },
    clear() {
      output.write(eraseLine);
    },
  };
}

/** Whether to use colours: only on terminals, unless the user declined them (https://no-color.org). */
export function wantsColor(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return output.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
