import type { Output } from './command.ts';

/** Writes, and waits while the reader is slower. False when the reader has gone away (`| head`). */
export async function writeText(output: Output, text: string): Promise<boolean> {
  if (output.destroyed || output.writableEnded) return false;
  if (!output.write(text)) await drained(output);
  return !output.destroyed;
}

function drained(output: Output): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of ['drain', 'close', 'error']) output.off(event, settle);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) output.on(event, settle);
  });
}

/** What is going on, on one line that is rewritten on a terminal, and on a line now and then elsewhere. */
export interface Progress {
  /** Shows `text()` when it is time to. */
  update(text: () => string): void;
  /** A line that stays. */
  line(text: string): void;
  /** Takes the rewritten line away. */
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
      // The last column stays free: a terminal would wrap the line, and it could not be rewritten.
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

/** Colours are for terminals only, and for those who did not decline them (https://no-color.org). */
export function wantsColor(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return output.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
