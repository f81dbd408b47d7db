import type { Readable, Writable } from 'node:stream';
import type { Environment, OptionTable } from '../options/index.ts';

/** An output stream for people. It may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Everything that a command uses of the process. Tests pass their own. */
export interface CommandContext {
  /** Arguments after the command's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves early, without an error, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Random number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
  /** Calls the listener with each warning of Node.js, instead of printing it as plain text. */
  readonly onWarning?: (listener: (warning: Error) => void) => void;
  /** Folder that lists the processes of this machine. Default `/proc`. */
  readonly procFolder?: string;
}

/** How a command ended. `usage`: the call was wrong. `failed`: a runtime error, such as a port in use. */
export type Outcome =
  | { readonly kind: 'done' | 'interrupted' }
  | { readonly kind: 'usage' | 'failed'; readonly problems: readonly string[] };

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Usage line after the name: `FILE... [options]`. */
  readonly usage: string;
  /** Paragraphs of the help. */
  readonly description: readonly string[];
  readonly options: OptionTable;
  /** Keys of the options that `--help` lists, where there are very many. `--help-all` lists all. */
  readonly essentials?: readonly string[];
  readonly examples: readonly { readonly purpose: string; readonly line: string }[];
  readonly run: (context: CommandContext) => Promise<Outcome>;
}

export const done: Outcome = { kind: 'done' };
export const interrupted: Outcome = { kind: 'interrupted' };

export function usage(...problems: readonly string[]): Outcome {
  return { kind: 'usage', problems };
}

export function failed(...problems: readonly string[]): Outcome {
  return { kind: 'failed', problems };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
