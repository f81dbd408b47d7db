import { describe, expect, it } from 'vitest';
import type { ActorDefinition, NodeDefinition, NodeLifecycle, RayEvent, TaskDefinition, TaskLifecycle } from '../../src/event/index.ts';
import { describeAttempt, describeJobInFull, describeNodeUse } from '../../src/view/describe.ts';
import type { ViewModel } from '../../src/view/model.ts';
import type { AttemptView, JobView } from '../../src/view/records.ts';
import { SessionNow } from '../../src/view/session-now.ts';
import { TestModel } from './test-model.ts';

const session = 's';
const JOB = '01000000';
const header = { eventId: '', session } as const;
const DRIVER = `${'f'.repeat(40)}${JOB}`;
const ACTOR = `${'a'.repeat(24)}${JOB}`;
const CREATION = 'f'.repeat(16) + ACTOR;
const CHILD_ACTOR = `${'b'.repeat(24)}${JOB}`;

function task(number: number): string {
  return number.toString(16).padStart(16, '0') + 'f'.repeat(24) + JOB;
}

function call(number: number, actorId = ACTOR): string {
  return number.toString(16).padStart(16, '0') + actorId;
}

function at(seconds: number): bigint {
  return BigInt(seconds) * 1_000_000_000n;
}

function defined(taskId: string, functionName: string, over: Partial<TaskDefinition> = {}): TaskDefinition {
  return {
    ...header,
    type: 'task_definition',
    taskId,
    attempt: 0,
    taskType: 'NORMAL_TASK',
    name: functionName,
    functionName,
    language: 'PYTHON',
    parentTaskId: DRIVER,
    requiredResources: {},
    ...over,
  };
}

function creation(requiredResources: Record<string, number>, over: Partial<TaskDefinition> = {}): TaskDefinition {
  return defined(CREATION, '__init__', { taskType: 'ACTOR_CREATION_TASK', className: 'A', requiredResources, ...over });
}

function states(taskId: string, byName: Record<string, number>, over: Partial<TaskLifecycle> = {}): TaskLifecycle {
  const transitions = Object.entries(byName).map(([state, seconds]) => ({ state, timeNs: at(seconds) }));
  return { ...header, type: 'task_lifecycle', taskId, attempt: 0, transitions, ...over };
}

function actor(over: Partial<ActorDefinition> = {}): ActorDefinition {
  return { ...header, type: 'actor_definition', actorId: ACTOR, className: 'A', isDetached: false, requiredResources: {}, ...over };
}

function actorIs(byName: Record<string, number>, nodeId?: string): RayEvent {
  const transitions = Object.entries(byName).map(([state, seconds]) => ({
    state,
    timeNs: at(seconds),
    ...(nodeId === undefined ? {} : { nodeId }),
  }));
  return { ...header, type: 'actor_lifecycle', actorId: ACTOR, transitions };
}

function node(nodeId: string, resources: Record<string, number>, labels: Record<string, string> = {}): [NodeDefinition, NodeLifecycle] {
  return [
    { ...header, type: 'node_definition', nodeId, labels },
    { ...header, type: 'node_lifecycle', nodeId, transitions: [{ state: 'ALIVE', timeNs: 0n, resources }] },
  ];
}

const jobEnds = (seconds: number): RayEvent => ({
  ...header,
  type: 'job_lifecycle',
  jobId: JOB,
  transitions: [{ state: 'FINISHED', timeNs: at(seconds) }],
});

interface Seen {
  readonly model: ViewModel;
  readonly job: JobView;
  readonly now: SessionNow;
  readonly attempt: (taskId: string) => AttemptView;
  readonly waits: (taskId: string) => string | undefined;
}

function seen(...events: readonly RayEvent[]): Seen {
  const model = new TestModel();
  for (const event of events) model.observe(event, 0);
  const known = model.sessions.get(session);
  const job = known?.jobs.get(JOB);
  if (known === undefined || job === undefined) throw new Error('no job');
  // 100 s after the latest time that Ray reported, which is the present on Ray's clock.
  const now = new SessionNow(known, 100_000);
  const attempt = (taskId: string): AttemptView => {
    const found = known.lastAttempts.get(taskId);
    if (found === undefined) throw new Error('no attempt');
    return found;
  };
  return { model, job, now, attempt, waits: (taskId) => describeAttempt(attempt(taskId), now, undefined).waitsFor };
}

const m = defined(call(1), 'm', { className: 'A', taskType: 'ACTOR_TASK' });

describe('a call on an actor', () => {
  it.each([
    ['PENDING_ARGS_AVAIL', { PENDING_ARGS_AVAIL: 1 }],
    ['PENDING_NODE_ASSIGNMENT', { PENDING_ARGS_AVAIL: 1, PENDING_NODE_ASSIGNMENT: 2 }],
  ])('a call in %s waits for the actor, which is being created, which waits for a node', (_, of) => {
    const { waits } = seen(
      ...node('n1', { CPU: 8 }),
      actor(),
      actorIs({ DEPENDENCIES_UNREADY: 1, PENDING_CREATION: 2 }),
      creation({ CPU: 4 }),
      states(CREATION, { PENDING_ARGS_AVAIL: 1, PENDING_NODE_ASSIGNMENT: 2 }),
      m,
      states(call(1), of),
    );
    expect(waits(call(1))).toBe('actor A, which is being created, which waits for a node with CPU 4');
    expect(waits(CREATION)).toBe('a node with CPU 4');
  });

  it('the chain is followed to resources that no node has', () => {
    const { waits } = seen(
      ...node('n1', { CPU: 2 }),
      actor({ name: 'counter' }),
      actorIs({ PENDING_CREATION: 2 }),
      creation({ CPU: 4 }),
      states(CREATION, { PENDING_NODE_ASSIGNMENT: 2 }),
      m,
      states(call(1), { PENDING_NODE_ASSIGNMENT: 2 }),
    );
    expect(waits(call(1))).toBe('actor counter, which is being created, which waits for a node with CPU 4: no node has as much');
  });

  it.each<[string, readonly RayEvent[], string]>([
    [
      'whose creation waits for arguments',
      [actor(), actorIs({ DEPENDENCIES_UNREADY: 1 }), creation({}), states(CREATION, { PENDING_ARGS_AVAIL: 1 })],
      'actor A, which is not created yet, which waits for its arguments: results of other tasks',
    ],
    [
      'whose constructor runs',
      [actor(), actorIs({ PENDING_CREATION: 1 }), creation({}), states(CREATION, { RUNNING: 1 })],
      'actor A, which is being created: its constructor runs',
    ],
    [
      'of a release that sends no events of actors',
      [creation({ GPU: 1 }), states(CREATION, { PENDING_NODE_ASSIGNMENT: 1 })],
      'actor A, which is being created, which waits for a node with GPU 1',
    ],
    [
      'whose creation lost its events: the definition of the actor says what it needs',
      [actor({ requiredResources: { GPU: 2 } }), actorIs({ PENDING_CREATION: 1 })],
      'actor A, which is being created, which waits for a node with GPU 2',
    ],
    ['that is restarted', [actor(), actorIs({ ALIVE: 1, RESTARTING: 2 })], 'actor A, which is being restarted'],
    ['that is dead', [actor(), actorIs({ ALIVE: 1, DEAD: 2 })], 'actor A, which is dead'],
    ['that lives and does nothing', [actor(), actorIs({ ALIVE: 1 })], 'its turn at actor A'],
    [
      'that runs another call',
      [actor(), actorIs({ ALIVE: 1 }), defined(call(2), 'slow', { className: 'A' }), states(call(2), { RUNNING: 1 })],
      'its turn at actor A, which runs A.slow',
    ],
    ['about which nothing is known', [], `its turn at actor ${ACTOR}`],
  ])('a call on an actor %s never waits for a node of its own', (_, events, expected) => {
    const { waits } = seen(...events, m, states(call(1), { PENDING_ARGS_AVAIL: 1, PENDING_NODE_ASSIGNMENT: 2 }));
    expect(waits(call(1))).toBe(expected);
  });
});

describe('a task', () => {
  const needing = (over: Partial<TaskDefinition>): readonly RayEvent[] => [
    defined(task(1), 'f', over),
    states(task(1), { PENDING_ARGS_AVAIL: 1, PENDING_NODE_ASSIGNMENT: 2 }),
  ];
  const running = (number: number, nodeId: string, over: Partial<TaskDefinition>, state = 'RUNNING'): readonly RayEvent[] => [
    defined(task(number), 'g', over),
    states(task(number), { RUNNING: 1, [state]: 2 }, { nodeId }),
  ];

  it.each<[string, readonly RayEvent[], string]>([
    ['that one node has, and is free', [...node('n1', { CPU: 4 }), ...needing({ requiredResources: { CPU: 4 } })], 'a node with CPU 4'],
    [
      'that the only node has, and another task uses',
      [
        ...node('n1', { CPU: 4 }),
        ...node('n2', { CPU: 1 }),
        ...running(2, 'n1', { requiredResources: { CPU: 1 } }),
        ...needing({ requiredResources: { CPU: 4 } }),
      ],
      'a node with CPU 4: the only node that has as much is in use',
    ],
    [
      'that all nodes have, where tasks and actors use it',
      [
        ...node('n1', { CPU: 4, GPU: 1 }),
        ...node('n2', { CPU: 4, GPU: 1 }),
        ...running(2, 'n1', { requiredResources: { GPU: 1 } }),
        actor({ requiredResources: { GPU: 1 } }),
        actorIs({ ALIVE: 1 }, 'n2'),
        ...needing({ requiredResources: { GPU: 1 } }),
      ],
      'a node with GPU 1: all 2 nodes that have as much are in use',
    ],
    [
      'whose CPU is free while the task that uses it waits in ray.get',
      [
        ...node('n1', { CPU: 1 }),
        ...running(2, 'n1', { requiredResources: { CPU: 1 } }, 'RUNNING_IN_RAY_GET'),
        ...needing({ requiredResources: { CPU: 1 } }),
      ],
      'a node with CPU 1',
    ],
    [
      'that only a dead node has',
      [
        ...node('n1', { CPU: 9 }),
        { ...header, type: 'node_lifecycle', nodeId: 'n1', transitions: [{ state: 'DEAD', timeNs: 1n }] },
        ...node('n2', { CPU: 1 }),
        ...needing({ requiredResources: { CPU: 4 } }),
      ],
      'a node with CPU 4: no node has as much',
    ],
    ['when Ray did not report the resources of nodes', [...needing({ requiredResources: { CPU: 4 } })], 'a node with CPU 4'],
    [
      'with labels that no node has',
      [...node('n1', { CPU: 4 }, { zone: 'a' }), ...needing({ requiredResources: { CPU: 1 }, labelSelector: { zone: 'in(b,c)' } })],
      'a node with CPU 1, labelled zone in(b,c): no node has these labels',
    ],
    [
      'with labels that a node has',
      [...node('n1', { CPU: 4 }, { zone: 'b' }), ...needing({ labelSelector: { zone: '!in(a,c)', other: '!x' } })],
      'a node labelled other !x, zone !in(a,c)',
    ],
    [
      'in a placement group that waits itself',
      [
        {
          ...header,
          type: 'placement_group_definition',
          placementGroupId: 'pg1',
          name: 'workers',
          strategy: 'PACK',
          isDetached: false,
          bundleCount: 1,
        },
        { ...header, type: 'placement_group_lifecycle', placementGroupId: 'pg1', transitions: [{ state: 'PENDING', timeNs: 1n }] },
        ...needing({ placementGroupId: 'pg1', requiredResources: { CPU: 1, CPU_group_0_pg1: 1 } }),
      ],
      'a node in placement group workers, which is PENDING, with CPU 1',
    ],
    ['in an unknown placement group', needing({ placementGroupId: 'pg1' }), 'a node in placement group pg1'],
    ['whose definition was lost', [states(task(1), { PENDING_NODE_ASSIGNMENT: 1 })], 'a node that has room'],
  ])('a pending task waits for a node %s', (_, events, expected) => {
    expect(seen(...events).waits(task(1))).toBe(expected);
  });

  it.each([
    ['PENDING_ARGS_AVAIL', 'its arguments: results of other tasks'],
    ['PENDING_OBJ_STORE_MEM_AVAIL', 'room in the object store of its node'],
    ['PENDING_ARGS_FETCH', 'its arguments to be brought to its node'],
    ['SUBMITTED_TO_WORKER', 'its worker to begin'],
    ['RUNNING_IN_RAY_GET', 'results of other tasks, in ray.get'],
    ['RUNNING_IN_RAY_WAIT', 'results of other tasks, in ray.wait'],
    ['RUNNING', undefined],
    ['FINISHED', undefined],
  ])('a task in state %s waits for %s', (state, expected) => {
    expect(seen(defined(task(1), 'f'), states(task(1), { [state]: 1 })).waits(task(1))).toBe(expected);
  });
});

describe('after the end of its job', () => {
  const pending = { PENDING_ARGS_AVAIL: 1, PENDING_NODE_ASSIGNMENT: 2 };

  it('the age of a pending task is frozen at that end, everywhere', () => {
    const { job, now, attempt } = seen(defined(task(1), 'f'), states(task(1), pending), jobEnds(10));
    expect(now.nowMs).toBe(110_000);
    expect(describeAttempt(attempt(task(1)), now, undefined)).toMatchObject({ stage: 'pending_node', startMs: 1_000, untilMs: 10_000 });
    const full = describeJobInFull(job, { nowMs: 100_000, since: 0, traceUrl: undefined });
    expect(full.waiting).toMatchObject([{ attempts: 1, sinceMs: 2_000, untilMs: 10_000 }]);
  });

  it('a running task is shown to have run until then', () => {
    const { job, now, attempt } = seen(defined(task(1), 'f'), states(task(1), { RUNNING: 2 }, { nodeId: 'n1' }), jobEnds(10));
    expect(describeAttempt(attempt(task(1)), now, undefined).untilMs).toBe(10_000);
    const { bucketMs, nodes } = describeNodeUse(job, { nowMs: 100_000, since: 0 });
    expect((nodes[0]?.running.reduce((sum, mean) => sum + mean, 0) ?? 0) * bucketMs).toBeCloseTo(8_000, -2);
  });

  it.each<[string, string, readonly RayEvent[]]>([
    ['a call of a detached actor', call(1), [actor({ isDetached: true }), m, states(call(1), { RUNNING: 2 })]],
    [
      'a task that a detached actor called',
      task(2),
      [
        actor({ isDetached: true }),
        m,
        states(call(1), { RUNNING: 2 }),
        defined(task(2), 'f', { parentTaskId: call(1) }),
        states(task(2), pending),
      ],
    ],
    [
      'a task two calls below a detached actor, without events of the call between',
      task(3),
      [
        actor({ isDetached: true }),
        defined(task(2), 'f', { parentTaskId: call(1) }),
        defined(task(3), 'g', { parentTaskId: task(2) }),
        states(task(3), pending),
      ],
    ],
    [
      'a call on an actor that a detached actor created',
      call(7, CHILD_ACTOR),
      [
        actor({ isDetached: true }),
        actor({ actorId: CHILD_ACTOR }),
        defined('f'.repeat(16) + CHILD_ACTOR, '__init__', { taskType: 'ACTOR_CREATION_TASK', className: 'B', parentTaskId: call(1) }),
        defined(call(7, CHILD_ACTOR), 'n', { className: 'B', taskType: 'ACTOR_TASK' }),
        states(call(7, CHILD_ACTOR), pending),
      ],
    ],
    [
      'a task that changed its state after that end',
      task(1),
      [defined(task(1), 'f'), states(task(1), { PENDING_ARGS_AVAIL: 1, RUNNING: 20 })],
    ],
  ])('the age of %s keeps growing', (_, taskId, events) => {
    const { now, attempt } = seen(...events, jobEnds(10));
    expect(describeAttempt(attempt(taskId), now, undefined)).not.toHaveProperty('untilMs');
    expect(now.untilMs(attempt(taskId))).toBe(now.nowMs);
  });

  it('a task that is its own ancestor and a chain of any depth cause no errors', () => {
    const chain = Array.from({ length: 3_000 }, (_, index) => defined(task(index + 10), 'f', { parentTaskId: task(index + 9) }));
    const { now, attempt } = seen(
      defined(task(1), 'f', { parentTaskId: task(2) }),
      defined(task(2), 'f', { parentTaskId: task(1) }),
      ...chain,
      jobEnds(10),
    );
    expect(now.frozenMs(attempt(task(1)))).toBe(10_000);
    expect(now.frozenMs(attempt(task(3_009)))).toBe(10_000);
  });
});
