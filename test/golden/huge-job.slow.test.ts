import { describe, expect, it } from 'vitest';
import { otlpBytes } from '../../src/otlp/index.ts';
import { rayEventsToSpans } from '../../src/convert.ts';
import { readFacts } from '../support/ray-facts.ts';
import { recordedEvents } from '../support/recordings.ts';
import { spanId } from '../support/identity.ts';

// A recorded job of 10,000 tasks and 10,000 calls on one actor: what its trace shows of it, compared with the events alone.

const events = recordedEvents('load-20k-tasks-ray-2.60.0.ndjson.gz');
const session = [...readFacts(events).sessions.values()][0];
if (session === undefined) throw new Error('the recording has no session');
const { spans } = rayEventsToSpans(events);
const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
const job = spans.find(({ name }) => name.startsWith('job '));
const ofJob = spans.filter((span) => span.spanContext().traceId === job?.spanContext().traceId);

interface Recorded {
  readonly name: string;
  readonly hasSpan: boolean;
  readonly ranNs: bigint;
  readonly tookNs: bigint;
}

const names = new Map<string, string>();
for (const event of events as Record<string, Record<string, unknown> | undefined>[]) {
  const task = event['taskDefinitionEvent'];
  const call = event['actorTaskDefinitionEvent'];
  const id = task?.['taskId'] ?? call?.['taskId'];
  if (typeof id === 'string') names.set(Buffer.from(id, 'base64').toString('hex'), String(task?.['taskName'] ?? call?.['actorTaskName']));
}

const recorded: Recorded[] = [...session.attempts.values()].flatMap(({ taskId, attempt, states }) => {
  const at = (name: string): bigint | undefined => states.find(({ state }) => state === name)?.ns;
  const first = states.reduce<bigint | undefined>((least, { ns }) => (least === undefined || ns < least ? ns : least), undefined);
  const [running, finished] = [at('RUNNING'), at('FINISHED')];
  const name = names.get(taskId);
  if (name === undefined || name === '' || first === undefined || running === undefined || finished === undefined) return [];
  const hasSpan = byId.has(spanId('task', session.session, taskId, attempt));
  return [{ name, hasSpan, ranNs: finished - running, tookNs: finished - first }];
});

describe('the trace of the recorded job', () => {
  it('stays within its budget, and at least 4,000 of its attempts have a span', () => {
    expect(ofJob.length).toBeLessThanOrEqual(10_000);
    expect(ofJob.reduce((sum, span) => sum + otlpBytes(span), 0)).toBeLessThanOrEqual(4_500_000);
    expect(recorded.length).toBeGreaterThan(20_000);
    expect(recorded.filter(({ hasSpan }) => hasSpan).length).toBeGreaterThan(4_000);
  });

  it.each(['t', 'A.m', 'A.__init__'])('has spans of the function %s', (name) => {
    expect(recorded.filter((one) => one.name === name && one.hasSpan).length).toBeGreaterThanOrEqual(Math.min(100, recorded.filter((one) => one.name === name).length));
  });

  it.each([
    ['ran', ({ ranNs }: Recorded) => ranNs],
    ['took', ({ tookNs }: Recorded) => tookNs],
  ])('has a span for the ten attempts of each function that %s longest', (_, lengthOf) => {
    for (const name of ['t', 'A.m']) {
      const slowest = recorded
        .filter((one) => one.name === name)
        .sort((a, b) => (lengthOf(a) > lengthOf(b) ? -1 : 1))
        .slice(0, 10);
      expect(slowest.map(({ hasSpan }) => hasSpan)).toEqual(Array.from({ length: 10 }, () => true));
    }
  });

  it('has its structure: the actor and its incarnation', () => {
    expect(ofJob.map(({ name }) => name)).toEqual(expect.arrayContaining(['actor A', 'A #0']));
  });

  it('has parents for all of its spans, and sums that are right', () => {
    for (const { parentSpanContext } of ofJob) if (parentSpanContext !== undefined) expect(byId.has(parentSpanContext.spanId)).toBe(true);
    const rolledUp = ofJob.reduce((sum, { attributes }) => sum + Number(attributes['ray.fold.attempts'] ?? 0), 0);
    const attempts = ofJob.filter(({ attributes }) => 'ray.task.type' in attributes).length;
    expect(attempts + rolledUp).toBe(job?.attributes['ray.job.attempts']);
    expect(job?.attributes['ray.job.folded_attempts']).toBe(rolledUp);
  });

  it.each(['t', 'A.m'])('has rollups of %s with the sum, bounds and percentiles of the attempts that have no span', (name) => {
    const rollup = ofJob.find((span) => span.name.startsWith(`${name} ×`));
    const ran = recorded
      .filter((one) => one.name === name && !one.hasSpan)
      .map(({ ranNs }) => Number(ranNs) / 1e9)
      .sort((a, b) => a - b);
    expect(rollup?.attributes['ray.fold.attempts']).toBe(ran.length);
    const value = (of: string): number => Number(rollup?.attributes[`ray.fold.running_${of}_seconds`]);
    expect(value('sum')).toBeCloseTo(
      ran.reduce((sum, seconds) => sum + seconds, 0),
      3,
    );
    expect([value('min'), value('max')]).toEqual([ran[0], ran.at(-1)]);
    for (const percent of [50, 95, 99]) {
      const exact = ran[Math.ceil((percent / 100) * ran.length) - 1] ?? 0;
      expect(Math.abs(value(`p${percent}`) - exact)).toBeLessThan(0.011 * exact);
    }
  });
});
