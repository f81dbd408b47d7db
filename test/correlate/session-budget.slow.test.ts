import { describe, expect, it } from 'vitest';
import type { CorrelateOptions, Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { actorId, header, machineId, many, nodeStates, states, timed, workerStates } from '../support/events.ts';

// The trace of a session has a budget as the trace of a job has: what it has no room for is counted in summary spans, and what
// comes first is nodes that died.

const HOUR_MS = 3_600_000;
const mapping = createMapping();

function make(options: Partial<CorrelateOptions>): LifecycleCorrelator {
  return createCorrelator({ mapping, ...options });
}

function cluster(size: number): RayEvent[] {
  return many(size, (number) => [
    nodeStates(machineId(number), number % 10 === 0 ? { ALIVE: number, DEAD: number + 1 } : { ALIVE: number }),
    { ...header(), type: 'worker_definition', workerId: machineId(number), nodeId: machineId(number), workerType: 'WORKER' },
    workerStates(machineId(number), { ALIVE: number }),
    {
      ...header(),
      type: 'placement_group_lifecycle',
      placementGroupId: number.toString(16).padStart(36, '0'),
      transitions: timed({ CREATED: number }),
    },
    { ...header(), type: 'submission_job_lifecycle', submissionId: `raysubmit_${number}`, transitions: timed({ PENDING: number }) },
    { ...header(), type: 'cluster_point', source: 'autoscaler', severity: 'INFO', name: 'scaled', message: '', attributes: {} },
  ]);
}

function spansOf(lifecycles: readonly Finished[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of lifecycles) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function rolledUp(lifecycles: readonly Finished[]): Record<string, number> {
  return Object.fromEntries(lifecycles.flatMap((one) => (one.kind === 'rollup' ? [[one.name, one.counts.finished]] : [])));
}

/** How many spans there are of a trace, and what they count. */
function checkWhole(lifecycles: readonly Finished[], size: number, maxSpans: number): void {
  const spans = spansOf(lifecycles);
  const counted = rolledUp(lifecycles);
  expect(lifecycles.reduce((sum, lifecycle) => sum + mapping.map(lifecycle).spans.length, 0)).toBeLessThanOrEqual(maxSpans);
  expect((spans['node'] ?? 0) + (counted['node'] ?? 0)).toBe(size);
  expect((spans['worker'] ?? 0) + (counted['worker WORKER'] ?? 0)).toBe(size);
  expect((spans['placement_group'] ?? 0) + (counted['placement group'] ?? 0)).toBe(size);
  expect((spans['submission_job'] ?? 0) + (counted['submission'] ?? 0)).toBe(size);
  expect(spans['session']).toBe(1);
  const nodes = new Set(lifecycles.flatMap((one) => (one.kind === 'node' ? [one.nodeId] : [])));
  for (const one of lifecycles) {
    if (one.kind === 'worker' && one.parent?.kind === 'node') expect(nodes).toContain(one.parent.id);
  }
}

describe.each([
  ['at the end of the input', (correlator: LifecycleCorrelator) => correlator.closeAll(0)],
  ['when it is silent', (correlator: LifecycleCorrelator) => correlator.advance(2 * HOUR_MS)],
])("a session's trace %s", (_, close) => {
  it('has no more spans than its budget, and counts the rest', () => {
    const correlator = make({ maxSpansPerTrace: 200 });
    for (const event of cluster(400)) correlator.apply(event, 0);
    const lifecycles = close(correlator);
    checkWhole(lifecycles, 400, 200);
    const died = lifecycles.flatMap((one) => (one.kind === 'node' && one.states.some(({ state }) => state === 'DEAD') ? [one.nodeId] : []));
    expect(died).toHaveLength(40);
  });

  it('has everything where there is room for it', () => {
    const correlator = make({});
    for (const event of cluster(100)) correlator.apply(event, 0);
    const lifecycles = close(correlator);
    expect(rolledUp(lifecycles)).toEqual({});
    checkWhole(lifecycles, 100, 10_000);
  });

  it('has nodes that died before nodes that are alive, however many there are', () => {
    const correlator = make({ maxSpansPerTrace: 100 });
    const size = 2_000;
    const events = many(size, (number) => [nodeStates(machineId(number), { ALIVE: 0, ...(number % 2 === 0 ? { DEAD: 1 } : {}) })]);
    for (const event of events.reverse()) correlator.apply(event, 0);
    const lifecycles = close(correlator);
    const nodes = lifecycles.filter((one) => one.kind === 'node');
    expect(nodes.length).toBeGreaterThan(80);
    expect(nodes.every((one) => one.kind === 'node' && one.states.some(({ state }) => state === 'DEAD'))).toBe(true);
    expect(nodes.length + (rolledUp(lifecycles)['node'] ?? 0)).toBe(size);
  });
});

it('a node that a worker hangs under has its span, although it is closed when there is no more room', () => {
  const correlator = make({ maxSpansPerTrace: 60 });
  const lifecycles: Finished[] = [];
  for (const event of cluster(300)) correlator.apply(event, 0);
  for (let number = 0; number < 300; number += 1) {
    correlator.apply(workerStates(machineId(number), { DEAD: 400 }), 1_000 + number);
    lifecycles.push(...correlator.advance(10_000 + number));
  }
  lifecycles.push(...correlator.advance(3 * HOUR_MS));
  checkWhole(lifecycles, 300, 60);
});

it('the trace of a session is kept over a restart', () => {
  const options = { maxSpansPerTrace: 60 };
  const run = (isRestarted: boolean): string[] => {
    let correlator = make(options);
    const kinds: string[] = [];
    for (const [index, event] of cluster(100).entries()) {
      correlator.apply(event, index * 100);
      if (isRestarted && index % 37 === 0) correlator = throughCheckpoint(correlator, make(options));
      kinds.push(...correlator.advance(index * 100).map((one) => `${one.kind} ${one.startNs} ${JSON.stringify(one.parent)}`));
    }
    kinds.push(...correlator.advance(3 * HOUR_MS).map((one) => `${one.kind} ${one.startNs} ${JSON.stringify(one.parent)}`));
    return kinds;
  };
  expect(run(true)).toEqual(run(false));
});

it('a session that gives way is closed with its open attempts and actors', () => {
  const correlator = make({ maxSessions: 1 });
  const old = { session: 'old' };
  correlator.apply({ ...states('0'.repeat(16) + 'f'.repeat(24) + '01000000', { RUNNING: 1 }), ...old }, 0);
  correlator.apply({ ...nodeStates(machineId(1), { ALIVE: 1 }), ...old }, 0);
  correlator.apply({ ...header('old'), type: 'actor_lifecycle', actorId: actorId(1), transitions: timed({ ALIVE: 1 }) }, 0);
  correlator.apply(nodeStates(machineId(2), { ALIVE: 1 }), 1);
  expect(spansOf(correlator.advance(1))).toEqual({ attempt: 1, actor: 1, job: 1, node: 1, session: 1 });
  expect(correlator.stats()).toMatchObject({ sessions: 1, openAttempts: 0, openJobs: 0, openRecords: 1 });
  expect(correlator.hasDue(1)).toBe(false);
});
