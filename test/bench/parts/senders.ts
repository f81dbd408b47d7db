import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Sent {
  readonly posts: number;
  /**
   * From the first byte of each post to the last of its answer, in order of the answers; of the
   * last try alone.
   */
  readonly answersMs: readonly number[];
  /** Answers with 503. */
  readonly refused: number;
}

const REFUSED_PAUSE_MS = 50;
/** A bridge that refuses for longer takes nothing any more. */
const MAX_REFUSED = 12_000;

/** Posts all bodies, as many at once as there are senders, each as fast as it is answered. */
export async function sendAll(
  url: string,
  bodies: Iterable<string | Buffer>,
  senders: number,
  contentType = 'application/json',
): Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: senders });
  const answersMs: number[] = [];
  let refused = 0;
  const iterator = bodies[Symbol.iterator]();
  async function send(): Promise<void> {
    for (;;) {
      const next = iterator.next();
      if (next.done === true) return;
      const body = typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
      for (;;) {
        const startMs = performance.now();
        const status = await post(agent, url, body, contentType);
        if (status === 200) {
          answersMs.push(performance.now() - startMs);
          break;
        }
        refused += 1;
        if (status !== 503 || refused > MAX_REFUSED) throw new Error(`a post was answered ${status}`);
        await sleep(REFUSED_PAUSE_MS);
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: senders }, send));
  } finally {
    agent.destroy();
  }
  return { posts: answersMs.length, answersMs, refused };
}

/** One post and the time of its answer. */
export async function sendOne(url: string, body: Buffer): Promise<number> {
  const { answersMs } = await sendAll(url, [body], 1);
  return answersMs[0] ?? 0;
}

function post(agent: Agent, url: string, body: Buffer, contentType: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': contentType, 'Content-Length': body.length };
    request(url, { agent, method: 'POST', headers }, (response) => {
      response
        .on('error', reject)
        .on('end', () => resolve(response.statusCode ?? 0))
        .resume();
    })
      .on('error', reject)
      .end(body);
  });
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);
