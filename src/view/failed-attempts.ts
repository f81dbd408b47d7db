import type { AttemptView, JobView } from './records.ts';

/** Maximum rows that one answer examines: open attempts, failures, and ended attempts each. */
export const MAX_EXAMINED = 10_000;

/** Failed attempts with a row: ended ones, and open ones that may still get late events. */
export function* failedAttempts({ failures, open, tasks }: JobView): Generator<AttemptView> {
  yield* failures;
  if (tasks.failed === 0) return;
  let lookedAt = 0;
  for (const attempt of open) {
    if (attempt.stage === 'failed') yield attempt;
    lookedAt += 1;
    if (lookedAt >= MAX_EXAMINED) return;
  }
}
