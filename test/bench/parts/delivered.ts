import { spanId } from '../../support/identity.ts';
import { eventsOfBody } from '../../support/posts.ts';
import { isDriver, readFacts } from '../../support/ray-facts.ts';
import { until } from './process.ts';
import type { Sink } from './sink-process.ts';

/** Longer than the bridge waits for what is missing of an attempt, and than a checkpoint takes. */
const SILENCE_MS = 20_000;
const DELIVERY_LIMIT_MS = 300_000;

/**
 * Waits until the sink has all of these spans, or nothing has come for long. Asks the sink alone:
 * the bridge's own metrics cost it CPU.
 *
 * @returns how many never came
 */
export async function untilDelivered(sink: Sink, spanIds: readonly string[]): Promise<number> {
  let [spans, changedMs] = [0, performance.now()];
  return until(
    'spans to be delivered',
    DELIVERY_LIMIT_MS,
    async () => {
      const missing = await sink.missing(spanIds);
      const counts = await sink.counts();
      if (counts.spans !== spans) [spans, changedMs] = [counts.spans, performance.now()];
      return missing === 0 || performance.now() - changedMs > SILENCE_MS ? missing : undefined;
    },
    250,
  );
}

/** The span ids of all attempts that ended, by the published formula and the events alone. */
export function endedAttemptSpans(bodies: Iterable<string>): string[] {
  const events = [...bodies].flatMap(eventsOfBody);
  return [...readFacts(events).sessions.values()].flatMap(({ session, attempts }) =>
    [...attempts.values()]
      .filter(({ taskId, states }) => !isDriver(taskId) && states.some(({ state }) => state === 'FINISHED' || state === 'FAILED'))
      .map(({ taskId, attempt }) => spanId('task', session, taskId, attempt)),
  );
}
