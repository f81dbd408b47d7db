import type { Readable, Writable } from 'node:stream';
import type { Environment, OptionTable } from '../options/index.ts';

/** A stream for people, perhaps a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** All that a command may touch of the process; a test gives its own. */
export interface CommandContext {
  /** What follows the command's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves early, without an error, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
  /** Hands on what Node.js would write to standard error as plain text: its warnings of deprecated uses, of leaks. */
  readonly onWarning?: (listener: (warning: Error) => void) => void;
  /** Where the processes of this machine are looked for. Default `/proc`. */
  readonly procFolder?: string;
}

/** How a command ended. `usage`: the user can mend it by calling it otherwise. `trouble`: the world was in the way. */
export type Outcome =
  | { readonly kind: 'done' | 'interrupted' }
  | { readonly kind: 'usage' | 'failed'; readonly problems: readonly string[] };

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the name: `FILE... [options]`. */
  readonly usage: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly options: OptionTable;
  readonly examples: readonly { readonly says: string; readonly line: string }[];
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
