import { generatedPosts } from '../support/generated-stream.ts';
import { spanId } from '../support/identity.ts';

/** Events that an attempt of the generated load makes, about. */
const eventsPerAttempt = 4.5;
const tasksPerJob = 2000;

/** Posts of a cluster of about so many events, whose jobs begin and end. */
export function generatedLoad(events: number, seed: number, session: string): Generator<string, unknown> {
  const tasks = Math.ceil(events / eventsPerAttempt);
  const jobs = Math.max(1, Math.round(tasks / tasksPerJob));
  return generatedPosts({ seed, session, jobs, tasksPerJob: Math.ceil(tasks / jobs) });
}

/**
 * The expected spans: one for each posted attempt, without drivers. Ids by the published formula.
 */
export function addAttemptSpans(body: string, spanIds: Set<string>): void {
  for (const event of JSON.parse(body) as Record<string, unknown>[]) {
    const task = event['taskDefinitionEvent'] ?? event['actorTaskDefinitionEvent'] ?? event['taskLifecycleEvent'];
    if (typeof task !== 'object' || task === null) continue;
    const { taskId, taskAttempt } = task as { taskId: string; taskAttempt: number };
    const id = Buffer.from(taskId, 'base64').toString('hex');
    // A driver's own task is its job.
    if (id.startsWith('f'.repeat(40))) continue;
    spanIds.add(spanId('task', String(event['sessionName']), id, taskAttempt));
  }
}

export function countEvents(body: string): number {
  return body.split('"eventId"').length - 1;
}
