import { describe, expect, it } from 'vitest';
import { TraceBudget } from '../../src/correlate/budget/budget.ts';
import { oneOfFacts, MAX_SHARED, SharedDefinitions } from '../../src/correlate/compact/definitions.ts';
import { Attempt, Session, Task, WorkerRecord } from '../../src/correlate/entities/entities.ts';
import { Tombstones } from '../../src/correlate/compact/tombstones.ts';
import { MAX_IDLE, moveTo, placementOf } from '../../src/correlate/compact/placement.ts';
import type { TaskDefinition } from '../../src/event/index.ts';
import * as build from '../support/events.ts';

// What attempts share is one object for all of them, and what is shared stays bounded.

function definition(over: Partial<TaskDefinition> = {}): TaskDefinition {
  return build.definition('t', { parentTaskId: undefined, requiredResources: { CPU: 1, GPU: 2 }, ...over });
}

describe('definitions', () => {
  it('are one object for all tasks of one function and parent', () => {
    const definitions = new SharedDefinitions();
    const first = definitions.of(definition({ eventId: '1', taskId: 'a' }), 'parent');
    expect(definitions.of(definition({ eventId: '2', taskId: 'b', requiredResources: { CPU: 1, GPU: 2 } }), 'parent')).toBe(first);
    expect(definitions.of(definition(), 'other parent')).not.toBe(first);
    expect(first).toEqual({
      taskType: 'NORMAL_TASK',
      name: 'work',
      language: 'PYTHON',
      parentTaskId: 'parent',
      requiredResources: { CPU: 1, GPU: 2 },
    });
  });

  it.each([
    { functionName: 'f' },
    { className: 'C' },
    { moduleName: 'm' },
    { placementGroupId: 'p' },
    { taskType: 'ACTOR_TASK' as const },
    { language: 'JAVA' },
    { isDetachedActor: true },
    { callSite: 'line 1' },
    { requiredResources: { GPU: 2, CPU: 1 } },
    { requiredResources: { CPU: 1 } },
    { labelSelector: { zone: 'a' } },
    { runtimeEnv: { pip: ['x'] } },
  ])('are different objects when they differ in %o', (over) => {
    const definitions = new SharedDefinitions();
    const plain = definitions.of(definition(), undefined);
    const other = definitions.of(definition(over), undefined);
    expect(other).not.toBe(plain);
    expect(other).toMatchObject(over);
    expect(definitions.of(definition(), undefined)).toBe(plain);
  });

  it('are bounded', () => {
    const definitions = new SharedDefinitions();
    for (let number = 0; number < MAX_SHARED * 2 + 10; number += 1) definitions.of(definition({ name: `f${number}` }), undefined);
    expect(definitions.size).toBe(10);
    for (let number = 0; number < 100; number += 1) definitions.of(definition({ callSite: `line ${number}` }), undefined);
    expect(definitions.size).toBe(18);
  });

  it('of one attempt that differ: the same one counts in any order', () => {
    const definitions = new SharedDefinitions();
    const a = definitions.of(definition({ callSite: 'a' }), undefined);
    const b = definitions.of(definition({ callSite: 'b' }), undefined);
    expect(oneOfFacts(oneOfFacts(undefined, a), b)).toBe(oneOfFacts(oneOfFacts(undefined, b), a));
  });
});

describe('places', () => {
  const newSession = (): Session =>
    new Session('s', 1, new TraceBudget({ kind: 'session' }, { maxSpans: 0, maxBytes: 0 }), new Tombstones(), 0);
  const attempt = (session: Session, id: string): Attempt => new Attempt(new Task(session, id), 0, 0);

  it('are one object for all attempts with the same place', () => {
    const session = newSession();
    const worker = new WorkerRecord(session, 'w');
    const placement = placementOf(session, { workerId: 'w', workerPid: 1 }, [worker]);
    expect(placementOf(session, { workerId: 'w', workerPid: 1 }, [worker])).toBe(placement);
    expect(placementOf(session, { workerId: 'w', workerPid: 2 }, [worker])).not.toBe(placement);
    expect(placementOf(session, { workerId: 'w', workerPid: 1 }, [new WorkerRecord(session, 'w')])).not.toBe(placement);
  });

  it('are one object also where a place has many', () => {
    const session = newSession();
    const worker = new WorkerRecord(session, 'w');
    for (let workerPid = 1; workerPid < 100; workerPid += 1) placementOf(session, { workerId: 'w', workerPid }, [worker]);
    expect(placementOf(session, { workerId: 'w', workerPid: 50 }, [worker])).toBe(
      placementOf(session, { workerId: 'w', workerPid: 50 }, [worker]),
    );
    expect(session.placements.size).toBe(99);
  });

  it('where nothing runs any more are forgotten beyond a limit, by their workers too', () => {
    const session = newSession();
    const worker = new WorkerRecord(session, 'w');
    const busy = attempt(session, 'busy');
    moveTo(busy, placementOf(session, { workerId: 'w', workerPid: 1 }, [worker]));
    const held = placementOf(session, { workerId: 'w', workerPid: 2 }, [worker]);
    for (let workerPid = 3; workerPid <= MAX_IDLE + 2; workerPid += 1) placementOf(session, { workerId: 'w', workerPid }, [worker]);
    expect(session.placements.size).toBeLessThan(10);
    expect(worker.placements.size).toBe(session.placements.size);
    expect(worker.placements).toContain(busy.placement);
    // A restore makes it before its first attempt.
    moveTo(attempt(session, 'late'), held);
    expect(worker.placements).toContain(held);
  });
});
