import type { AttemptView } from './attempt-view.ts';
import type { JobView } from './job-view.ts';

export interface NodeView {
  readonly id: string;
  name: string | undefined;
  ip: string | undefined;
  /** `ALIVE` or `DEAD`; empty when Ray told none. */
  state: string;
  /** Totals. Undefined when Ray did not tell. */
  resources: Readonly<Record<string, number>> | undefined;
}

export class SessionView {
  readonly name: string;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  isClosed = false;
  readonly jobs = new Map<string, JobView>();
  readonly nodes = new Map<string, NodeView>();
  nodesNotShown = 0;
  /** The last attempt of each task that has a row or is followed. */
  readonly lastAttempts = new Map<string, AttemptView>();

  constructor(name: string, nowMs: number) {
    this.name = name;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
  }
}
