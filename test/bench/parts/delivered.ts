import { spanId } from '../../support/identity.ts';
import { eventsOfBody } from '../../support/posts.ts';
import { isDriver, readFacts } from '../../support/ray-facts.ts';
import type { RunningBridge } from './bridge.ts';
import { until } from './process.ts';

const DELIVERY_LIMIT_MS = 300_000;

/** Waits until so many attempts are finished and nothing waits for the backend. */
export async function untilDelivered(bridge: RunningBridge, attempts: number, pauseMs = 200): Promise<void> {
  let finished = 0;
  await until(
    `${attempts} attempts to be delivered`,
    DELIVERY_LIMIT_MS,
    async () => {
      const metrics = await bridge.metrics();
      finished = metrics('lifecycles_finished_total', 'kind="attempt"') ?? 0;
      return finished >= attempts && metrics('spans_queued') === 0 ? true : undefined;
    },
    pauseMs,
  ).catch((error: unknown) => {
    throw new Error(`${finished} of ${attempts} attempts were delivered`, { cause: error });
  });
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
