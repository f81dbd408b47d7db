export type { Command, CommandContext, Outcome, Output } from './command.ts';
export { commands, exitCodes, type Invocation, runProgram } from './program.ts';
export { rayEventTypes } from './ray-variables.ts';
