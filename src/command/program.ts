import { packageVersion, printable } from '../runtime/index.ts';
import { suggestion } from '../options/index.ts';
import type { Command, CommandContext, Outcome } from './command.ts';
import { createCompletionCommand } from './completion.ts';
import { convertCommand } from './convert.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { commandHelp, programHelp } from './help.ts';
import { quarantineCommand } from './quarantine.ts';
import { recordCommand } from './record.ts';
import { replayCommand } from './replay.ts';
import { jobsCommand } from './jobs.ts';
import { serveCommand } from './serve.ts';
import { tasksCommand } from './tasks.ts';
import { teeCommand } from './tee.ts';
import { topCommand } from './top.ts';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  serveCommand,
  topCommand,
  jobsCommand,
  tasksCommand,
  convertCommand,
  replayCommand,
  recordCommand,
  teeCommand,
  quarantineCommand,
  doctorCommand,
  demoCommand,
  createCompletionCommand(() => COMMANDS),
];

/** 0: success. 1: runtime error. 2: wrong options. 70: a bug of ours. 130 and 143: ended by a signal. */
export const EXIT_CODES = { done: 0, failed: 1, usage: 2, bug: 70, SIGINT: 130, SIGTERM: 143 } as const;

export interface Invocation extends CommandContext {
  /** Signal that aborted `stop`. */
  readonly stoppedBy: () => 'SIGINT' | 'SIGTERM' | undefined;
}

/** Runs the command in `argv` (without node and script). Resolves with the exit code. Never rejects. */
export async function runProgram(invocation: Invocation): Promise<number> {
  const { argv, stdout, stderr } = invocation;
  const [name, ...rest] = argv;
  if (name === undefined) {
    stderr.write(programHelp(COMMANDS));
    return EXIT_CODES.usage;
  }
  if (name === '--version' || name === '-V' || name === 'version') {
    stdout.write(`${packageVersion()}\n`);
    return EXIT_CODES.done;
  }
  const isHelp = name === 'help' || name === '--help' || name === '-h';
  if (isHelp && rest.length === 0) {
    stdout.write(programHelp(COMMANDS));
    return EXIT_CODES.done;
  }
  const wanted = isHelp ? (rest[0] ?? '') : name;
  const command = COMMANDS.find((candidate) => candidate.name === wanted);
  if (command === undefined) {
    const guess = suggestion(
      wanted,
      COMMANDS.map((candidate) => candidate.name),
    );
    stderr.write(`ray-otel-bridge: unknown command ${printable(JSON.stringify(wanted))}${guess}\nSee: ray-otel-bridge --help\n`);
    return EXIT_CODES.usage;
  }
  if (isHelp || wantsHelp(rest)) {
    stdout.write(commandHelp(command, rest.includes('--help-all')));
    return EXIT_CODES.done;
  }
  return await runCommand(command, { ...invocation, argv: rest });
}

async function runCommand(command: Command, invocation: Invocation): Promise<number> {
  try {
    return report(command, invocation, await command.run(invocation));
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const lines = text.split('\n').map(printable).join('\n');
    invocation.stderr.write(
      `ray-otel-bridge ${command.name}: this is a bug in ray-otel-bridge ${packageVersion()}; please report it with these lines:\n${lines}\n`,
    );
    return EXIT_CODES.bug;
  }
}

function report(command: Command, { stderr, stoppedBy }: Invocation, outcome: Outcome): number {
  if (!('problems' in outcome)) return outcome.kind === 'done' ? EXIT_CODES.done : EXIT_CODES[stoppedBy() ?? 'SIGINT'];
  for (const problem of outcome.problems) stderr.write(`ray-otel-bridge ${command.name}: ${printable(problem)}\n`);
  if (outcome.kind === 'usage') stderr.write(`See: ray-otel-bridge ${command.name} --help\n`);
  return EXIT_CODES[outcome.kind];
}

function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  return own.includes('--help') || own.includes('-h') || own.includes('--help-all');
}
