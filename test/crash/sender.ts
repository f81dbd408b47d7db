import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Ray gives an answer 3 s, and waits from 20 ms on, doubled up to 5 s; here it comes back sooner,
 * to have more of it in less time.
 */
const answerMs = 3000;
const firstBackoffMs = 20;
const longestBackoffMs = 160;

export interface SenderCounts {
  /** Posts that were answered 200. */
  answered: number;
  /** Tries, with those that were not answered. */
  tries: number;
  /** Events that the bridge had accepted already: the answer was lost, or came after a time-out. */
  duplicates: number;
  accepted: number;
  rejected: number;
  /** Tries without an answer. */
  unanswered: number;
  /** Answers other than 200, by code. */
  readonly refused: Record<string, number>;
}

/** Posts as Ray's agent does: one at a time, the same one again until it is answered 2xx. */
export interface Sender {
  /** Resolves when it is answered 200, or rejects when `stop` aborts. */
  post(body: string): Promise<void>;
  readonly counts: SenderCounts;
}

export function createSender(url: string, stop?: AbortSignal): Sender {
  const counts: SenderCounts = { answered: 0, tries: 0, duplicates: 0, accepted: 0, rejected: 0, unanswered: 0, refused: {} };

  async function attempt(body: string): Promise<boolean> {
    counts.tries += 1;
    try {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(answerMs),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      if (response.status === 200) {
        counts.answered += 1;
        counts.accepted += Number(answer['accepted']);
        counts.duplicates += Number(answer['duplicates']);
        counts.rejected += Number(answer['rejected']);
        return true;
      }
      const { code } = answer['error'] as { code: string };
      counts.refused[code] = (counts.refused[code] ?? 0) + 1;
      if (response.status < 500) throw new NeverTaken(`answered ${response.status} ${code}`);
      return false;
    } catch (error) {
      if (error instanceof NeverTaken) throw error;
      counts.unanswered += 1;
      return false;
    }
  }

  return {
    counts,
    async post(body) {
      for (let backoffMs = firstBackoffMs; !(await attempt(body)); backoffMs = Math.min(longestBackoffMs, backoffMs * 2)) {
        stop?.throwIfAborted();
        await sleep(backoffMs);
      }
    },
  };
}

/** Ray would post it for ever. */
class NeverTaken extends Error {}
