import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Seeded } from '../../support/seeded.ts';
import { agentPosts } from './agent-posts.ts';
import type { AgentsQuestion, AgentsSent } from './agents.ts';

// The dashboard agents of a cluster, in a process of their own: one keep-alive connection each, one
// post under way on each, as Ray's publisher does. A post is a copy of a prepared one, with other
// ids and times.

const LIMIT_MS = 60_000;
const CONNECTED_AT_ONCE = 200;
const OK = Buffer.from('HTTP/1.1 200');

class Agent {
  readonly #socket: Socket;
  readonly #answersMs: number[];
  readonly #onRefused: () => void;
  #sentMs = 0;
  #isWaiting = false;
  #answer: Buffer | undefined;

  constructor(socket: Socket, answersMs: number[], onRefused: () => void) {
    this.#socket = socket.setNoDelay();
    this.#answersMs = answersMs;
    this.#onRefused = onRefused;
    socket.on('data', (piece) => this.#take(piece));
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  send(post: Buffer): void {
    this.#isWaiting = true;
    this.#sentMs = performance.now();
    this.#socket.write(post);
  }

  #take(piece: Buffer): void {
    const answer = this.#answer === undefined ? piece : Buffer.concat([this.#answer, piece]);
    if (!isWhole(answer)) {
      this.#answer = answer;
      return;
    }
    this.#answer = undefined;
    this.#isWaiting = false;
    this.#answersMs.push(performance.now() - this.#sentMs);
    if (!answer.subarray(0, OK.length).equals(OK)) this.#onRefused();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** The programs that are measured answer with a length, or in one chunk. */
function isWhole(answer: Buffer): boolean {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const head = answer.toString('latin1', 0, headEnd);
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
  if (length !== undefined) return answer.length >= headEnd + 4 + Number(length);
  return answer.subarray(-5).toString('latin1') === '0\r\n\r\n';
}

async function run(question: AgentsQuestion): Promise<AgentsSent> {
  const { port, agents: count, intervalMs, rounds, seed } = question;
  const answersMs: number[] = [];
  let refused = 0;
  let late = 0;
  const posts = agentPosts(question);
  const agents: Agent[] = [];
  while (agents.length < count) {
    const some = Math.min(CONNECTED_AT_ONCE, count - agents.length);
    const sockets = await Promise.all(Array.from({ length: some }, () => connected(port)));
    agents.push(...sockets.map((socket) => new Agent(socket, answersMs, () => (refused += 1))));
  }
  const [first] = agents;
  for (const post of posts.prelude) {
    first?.send(post);
    await untilAnswered(agents);
  }
  answersMs.length = 0;
  const random = new Seeded(seed);
  const phases = agents.map((_, index) => ({ index, ms: random.below(intervalMs) })).sort((a, b) => a.ms - b.ms);
  const startMs = performance.now();
  const before = process.cpuUsage();
  // The last round is short: it has the ends of what the one before began.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { index, ms } of phases) {
      const dueMs = startMs + round * intervalMs + ms;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0.5) await sleep(waitMs);
      const agent = agents[index];
      if (agent === undefined) continue;
      if (agent.isWaiting) late += 1;
      while (agent.isWaiting) {
        if (performance.now() - dueMs > LIMIT_MS) throw new Error('an agent waited a minute for its answer');
        await sleep(1);
      }
      agent.send(posts.post(index, round));
    }
  }
  await untilAnswered(agents);
  const { user, system } = process.cpuUsage(before);
  for (const agent of agents) agent.close();
  return {
    posts: answersMs.length,
    answersMs,
    refused,
    late,
    seconds: (performance.now() - startMs) / 1000,
    cpuMs: (user + system) / 1000,
    taskIds: posts.endedTaskIds(),
  };
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).once('error', reject);
  });
}

async function untilAnswered(agents: readonly Agent[]): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS;
  while (agents.some((agent) => agent.isWaiting)) {
    if (performance.now() > deadlineMs) throw new Error('a post was not answered for a minute');
    await sleep(5);
  }
}

process.on('message', (question: AgentsQuestion) => {
  void run(question).then(
    (sent) => process.send?.(sent),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());
