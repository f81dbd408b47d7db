import type { TimeNs } from '../../event/index.ts';
import type { RollupNode } from '../budget/rollup.ts';
import type { AttemptOutcome } from '../finished.ts';

/** What stays of an attempt when its span was sent. */
export interface ClosedAttempt {
  readonly closed: true;
  readonly number: number;
  /** When it began to run, so that later children find the attempt that submitted them. */
  readonly runningNs: TimeNs;
  readonly outcome: AttemptOutcome;
  /** Where it was rolled up to, if it has no span of its own. */
  rollup: RollupNode | undefined;
  /** Then also the attempt that its span would hang under; undefined for the job. */
  above: { readonly taskId: string; readonly number: number } | undefined;
  /** The job's span does not count it. */
  readonly isAfterJob: boolean;
  /** Never reported, only named as a parent: no count of tasks includes it. */
  readonly isPlaceholder: boolean;
  /** Whether it gets a span is not known yet: see `held-back.ts`. */
  isHeldBack: boolean;
}
