import { Program } from './process.ts';

/** What the agents of a cluster send. Equal questions give the same posts. */
export interface AgentsQuestion {
  readonly port: number;
  readonly session: string;
  readonly seed: number;
  /** One for each node, each with a connection that stays open. */
  readonly agents: number;
  /** Between two posts of an agent. Their phases differ. */
  readonly intervalMs: number;
  /** Posts of 7 events from each agent. One more follows, with the ends of what is still running. */
  readonly rounds: number;
}

export interface AgentsSent {
  readonly posts: number;
  readonly answersMs: readonly number[];
  /** Answers other than 200. */
  readonly refused: number;
  /** Posts that had to wait for the answer to the one before. */
  readonly late: number;
  readonly seconds: number;
  /** CPU time of the agents themselves. */
  readonly cpuMs: number;
  /** Of all tasks, in hex. Each has ended. */
  readonly taskIds: readonly string[];
}

const LIMIT_MS = 300_000;

/** Lets the agents send, in a process of their own. */
export async function sendAsAgents(question: AgentsQuestion): Promise<AgentsSent> {
  const program = new Program(new URL('agents-load.js', import.meta.url).pathname, []);
  try {
    return await program.ask<AgentsSent>(question, LIMIT_MS);
  } finally {
    await program.end('SIGKILL');
  }
}
