import type { HeldAttempt } from './held-back.ts';
import { Slowest } from './slowest.ts';

export type ShareCounts = Pick<FunctionShare, 'attempts' | 'spans' | 'bytes' | 'thinned' | 'attemptsAtLast'>;

/** What one function has of the budget of a trace. */
export class FunctionShare {
  readonly name: string;
  /** Attempts that ended, also those without a span. */
  attempts = 0;
  /** Of those that were sent. */
  spans = 0;
  bytes = 0;
  /** Spans beyond its share. */
  thinned = 0;
  /** `attempts` when the last span was sent. */
  attemptsAtLast = 0;
  /** Attempts that are held back. */
  held = 0;
  /** Those that ran longest, and those that took longest with the time before they ran. */
  readonly ran = new Slowest<HeldAttempt>();
  readonly took = new Slowest<HeldAttempt>();

  constructor(name: string) {
    this.name = name;
  }

  get counts(): ShareCounts {
    const { attempts, spans, bytes, thinned, attemptsAtLast } = this;
    return { attempts, spans, bytes, thinned, attemptsAtLast };
  }

  charge(bytes: number): void {
    this.spans += 1;
    this.bytes += bytes;
    this.attemptsAtLast = this.attempts;
  }
}
