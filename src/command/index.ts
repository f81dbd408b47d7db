export type { Command, CommandContext, Outcome, Output } from './command.ts';
export { COMMANDS, EXIT_CODES, type Invocation, runProgram } from './program.ts';
