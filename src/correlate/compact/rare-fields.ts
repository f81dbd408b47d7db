import type { ProfileEntry, StateTransition, TaskError, TaskLog, TimeNs } from '../../event/index.ts';
import type { RollupNode } from '../budget/rollup.ts';
import type { LeftOut } from './left-out.ts';
import type { PlacementFacts } from './placement-facts.ts';
import type { TimeRange } from '../finish/trusted-time.ts';
import type { UntimedOutcome } from '../states/untimed.ts';

/** Of an attempt without entries; it gets a list of its own before one is added. */
export const NO_ENTRIES: ProfileEntry[] = [];

/** What few attempts have, or all have only shortly before their end. */
export class RareFields {
  error: TaskError | undefined;
  actorReprName: string | undefined;
  /** Of a creation: when it was where its facts say. */
  factTimes: Partial<Record<keyof PlacementFacts, TimeNs>> | undefined;
  wasDebuggerPaused = false;
  log: TaskLog | undefined;
  profile: ProfileEntry[] = NO_ENTRIES;
  /** Bytes of its profile, and of its error, log and name: see `held.ts`. */
  profileBytes = 0;
  rareBytes = 0;
  /** From the first to the last call that it submitted. */
  submitsStartNs: TimeNs | undefined;
  submitsEndNs: TimeNs | undefined;
  /** Of an attempt with too many to pack, in time order; it has no packed ones then. */
  transitions: StateTransition[] | undefined;
  leftOut: LeftOut | undefined;
  /** An event was received, even one without states or kept entries. */
  seen = false;
  terminalMs: number | undefined;
  /** A terminal state without a time. */
  untimedEnd: UntimedOutcome | undefined;
  evidenceMs: number | undefined;
  /** When its events with a time that is not trusted were received. */
  wrongTimes: TimeRange | undefined;
  /** When DEAD of its actor was received. */
  actorDeadMs: number | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  /** When its in-flight span is due, if it still runs then; `IN_FLIGHT_REPORTED` once that was decided. */
  inFlightDueMs: number | undefined;
  /** A span that was sent names this one as its parent, so it can't be rolled up any more. */
  isReserved = false;
  /** Rolled up children that wait for what becomes of this attempt. */
  rollups: Map<string, RollupNode> | undefined;
  /** When nothing but children is known of it. */
  childrenStartNs: TimeNs | undefined;
  childrenEndNs: TimeNs | undefined;
}

export const IN_FLIGHT_REPORTED = -1;

/** Of an attempt that has none. */
export const NO_RARE_FIELDS: Readonly<RareFields> = new RareFields();
