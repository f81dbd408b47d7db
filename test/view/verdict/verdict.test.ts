import { describe, expect, it } from 'vitest';
import { noCounts } from '../../../src/view/stage.ts';
import { judge, type NodeDeath, type VerdictFacts, type WaitGroup } from '../../../src/view/verdict/index.ts';
import type { NodeNeed, WaitLink } from '../../../src/view/wait.ts';

const NOW = 1_000_000;

const idle: VerdictFacts = {
  nowMs: NOW,
  startMs: NOW - 100_000,
  endMs: Number.NaN,
  hasEnded: false,
  outcome: undefined,
  outcomeReason: undefined,
  outcomeMessage: undefined,
  exitCode: undefined,
  error: undefined,
  tasks: noCounts(),
  endedPerSecond: 0,
  waits: [],
  running: 0,
  longest: undefined,
  waitingInRay: [],
  failures: [],
  deaths: [],
  neverStarted: 0,
  isSample: false,
};

const done: VerdictFacts = { ...idle, hasEnded: true, endMs: NOW, outcome: 'unknown', outcomeReason: 'driver_ended' };

function text(over: Partial<VerdictFacts>): string {
  return judge({ ...idle, ...over }).text;
}

function textAtEnd(over: Partial<VerdictFacts>): string {
  return judge({ ...done, ...over }).text;
}

function waiting(name: string, attempts: number, links: readonly WaitLink[], over: Partial<WaitGroup> = {}): WaitGroup {
  return { function: name, attempts, sinceMs: NOW - 75_000, links, callers: [], makers: [], ...over };
}

function nodeLink(over: Partial<NodeNeed>): WaitLink {
  const node: NodeNeed = { amounts: 'CPU 4', labels: '', fit: 'unknown', nodes: 0, shortages: [], ...over };
  return { kind: 'node', text: `a node with ${node.amounts}`, node };
}

const hopeless = nodeLink({ amounts: 'CPU 999', fit: 'too_much', shortages: [['CPU', 4]] });
const args: WaitLink = { kind: 'arguments', text: 'its arguments: results of other tasks' };
const creating: WaitLink = { kind: 'actor', text: 'actor A, which is being created', actor: 'actor A' };

const death: NodeDeath = { node: '192.0.2.2', atMs: Date.UTC(2026, 10, 23, 21, 55, 38), tasks: 1, calls: 7, restarted: ['W'], died: [] };

describe('the verdict on a job that is blocked', () => {
  it.each<[string, WaitGroup, string]>([
    ['a task that needs more than any node has', waiting('leaf', 1, [hopeless]), 'leaf needs CPU 999; the largest node has 4.'],
    ['several of them', waiting('leaf', 3, [hopeless]), '3 calls of leaf need CPU 999; the largest node has 4.'],
    [
      'a resource that no node has',
      waiting('f', 1, [nodeLink({ amounts: 'CPU 1, GPU 1', fit: 'too_much', shortages: [['GPU', 0]] })]),
      'f needs CPU 1, GPU 1; no node has GPU.',
    ],
    [
      'too much of two resources',
      waiting('f', 1, [
        nodeLink({
          amounts: 'CPU 9, GPU 9',
          fit: 'too_much',
          shortages: [
            ['CPU', 4],
            ['GPU', 2],
          ],
        }),
      ]),
      'f needs CPU 9, GPU 9; the largest nodes have CPU 4 and GPU 2.',
    ],
    [
      'resources that are on different nodes',
      waiting('f', 1, [nodeLink({ amounts: 'CPU 4, GPU 1', fit: 'too_much' })]),
      'f needs CPU 4, GPU 1; no node has all of it.',
    ],
    [
      'labels that no node has',
      waiting('f', 2, [nodeLink({ amounts: '', labels: 'zone a', fit: 'no_labels' })]),
      '2 calls of f need a node labelled zone a; no node has these labels.',
    ],
    [
      'the only fitting node is in use',
      waiting('f', 1, [nodeLink({ fit: 'in_use', nodes: 1 })]),
      'f waits for a node with CPU 4 (the only node that has it is in use).',
    ],
    [
      'an actor that waits for a node in use',
      waiting('A.m', 2270, [creating, nodeLink({ amounts: 'GPU 1', fit: 'in_use', nodes: 3 })]),
      '2,270 calls of A.m wait for actor A, which is being created, which waits for a node with GPU 1 (3 nodes have it, all in use).',
    ],
    [
      'an actor that no node can hold',
      waiting('A.m', 2, [creating, nodeLink({ amounts: 'GPU 8', fit: 'too_much', shortages: [['GPU', 4]] })]),
      '2 calls of A.m wait for actor A, which is being created, which needs GPU 8; the largest node has 4.',
    ],
    [
      'a dead actor',
      waiting('A.m', 1, [{ kind: 'dead_actor', text: 'actor A, which is dead', actor: 'actor A' }]),
      'A.m waits for actor A, which is dead.',
    ],
    [
      'a placement group that is not there',
      waiting('f', 4, [nodeLink({ group: { name: 'pg', state: 'PENDING' } })]),
      '4 calls of f wait for placement group pg, which is PENDING.',
    ],
    [
      'a placement group without room',
      waiting('f', 1, [nodeLink({ group: { name: 'pg', state: 'CREATED' } })]),
      'f waits for room in placement group pg.',
    ],
    ['a worker', waiting('f', 1, [{ kind: 'worker', text: 'its worker to begin' }]), 'f waits for its worker to begin.'],
    ['arguments alone', waiting('f', 1, [args]), 'f waits for its arguments: results of other tasks.'],
  ])('%s is named', (_, group, cause) => {
    expect(judge({ ...idle, waits: [group] })).toMatchObject({
      kind: 'blocked',
      text: `Blocked for 1m 15s: ${cause}`,
      cause,
      sinceMs: NOW - 75_000,
    });
  });

  it('the wait that cannot end comes before the one with the most attempts, which is a note', () => {
    const verdict = judge({ ...idle, waits: [waiting('many', 500, [nodeLink({})]), waiting('leaf', 1, [hopeless])] });
    expect(verdict.cause).toBe('leaf needs CPU 999; the largest node has 4.');
    expect(verdict.notes).toEqual(['500 calls of many wait for a node with CPU 4.']);
  });

  it('a wait that cannot end blocks a job even while other tasks of it run', () => {
    expect(judge({ ...idle, running: 3, waits: [waiting('leaf', 1, [hopeless])] }).kind).toBe('blocked');
    expect(judge({ ...idle, running: 3, waits: [waiting('f', 1, [nodeLink({ fit: 'in_use', nodes: 1 })])] }).kind).not.toBe('blocked');
  });

  it('a job is not blocked while a scheduler may still be at work, or while tasks end', () => {
    const young = waiting('f', 1, [nodeLink({})], { sinceMs: NOW - 4_999 });
    expect(judge({ ...idle, waits: [young] }).kind).toBe('running');
    expect(judge({ ...idle, waits: [{ ...young, sinceMs: NOW - 5_000 }] }).kind).toBe('blocked');
    expect(judge({ ...idle, endedPerSecond: 1, waits: [{ ...young, sinceMs: NOW - 5_000 }] }).kind).toBe('running');
  });

  it('the chain leads from the tasks that wait for arguments to the root cause', () => {
    const evaluate = waiting('evaluate', 1, [args], { makers: ['leaf'] });
    const chain = judge({ ...idle, waits: [evaluate, waiting('leaf', 3, [hopeless])] }).chain;
    expect(chain).toEqual([
      { text: 'evaluate', leadsBy: 'probably waits for arguments from' },
      { text: 'leaf × 3', leadsBy: 'wait for' },
      { text: 'a node with CPU 999', leadsBy: '' },
    ]);
  });

  it('the chain begins with the caller that waits in ray.get', () => {
    const leaf = waiting('leaf', 1, [hopeless], { callers: [{ function: 'parent', attempts: 1, call: 'ray.get' }] });
    expect(judge({ ...idle, waits: [leaf] }).chain[0]).toEqual({ text: 'parent', leadsBy: 'waits in ray.get for' });
  });

  it('failures are a note', () => {
    const failures = [{ function: 'boom', type: 'RuntimeError', final: 3, retried: 0 }];
    const verdict = judge({ ...idle, tasks: { ...noCounts(), failed: 3 }, failures, waits: [waiting('leaf', 1, [hopeless])] });
    expect(verdict.notes).toEqual(['3 tasks failed (3 RuntimeError in boom).']);
  });
});

describe('the verdict on a job that runs', () => {
  const failures = [
    { function: 'boom', type: 'RuntimeError', final: 3, retried: 2 },
    { function: 'retry', type: 'KeyError', final: 0, retried: 9 },
    { function: 'd1', type: 'WORKER_DIED', final: 1, retried: 0 },
    { function: 'd2', type: 'WORKER_DIED', final: 1, retried: 0 },
  ];

  it.each<[string, Partial<VerdictFacts>, string]>([
    ['no task is known', {}, 'Running: no task yet.'],
    ['every task ended', { tasks: { ...noCounts(), finished: 3 } }, 'Running: no task is open, so the driver itself works.'],
    ['tasks run', { tasks: { ...noCounts(), running: 8 }, running: 8 }, 'Running: 8 tasks run.'],
    [
      'tasks run and others wait',
      { tasks: { ...noCounts(), running: 1 }, running: 1, waits: [waiting('f', 120, [nodeLink({ fit: 'in_use', nodes: 2 })])] },
      'Running: 1 task runs; 120 calls of f wait for a node with CPU 4 (2 nodes have it, all in use).',
    ],
    ['tasks are about to run', { tasks: { ...noCounts(), pending_node: 20 }, endedPerSecond: 3 }, 'Running: 20 tasks wait to run.'],
    [
      'all wait in ray.get',
      { tasks: { ...noCounts(), running: 1 }, waitingInRay: [{ function: 'parent', attempts: 1, call: 'ray.get' }] },
      'Running: parent waits for results in ray.get.',
    ],
    [
      'tasks failed, those that are final by type',
      { tasks: { ...noCounts(), failed: 5 }, failures },
      'Running, but 5 tasks failed (3 RuntimeError in boom, 2 WORKER_DIED in 2 functions).',
    ],
    [
      'a node died',
      { tasks: { ...noCounts(), failed: 2 }, deaths: [death] },
      'Node 192.0.2.2 died 21:55:38 UTC: 1 task and 7 actor calls failed; actor W restarted.',
    ],
    [
      'one attempt runs for long',
      { tasks: { ...noCounts(), running: 1 }, running: 1, longest: { function: 'Trainer.step', runningMs: NOW - 41_000 } },
      'Waits for 41 s: Trainer.step.',
    ],
    [
      'several run for long',
      { tasks: { ...noCounts(), running: 3 }, running: 3, longest: { function: 'f', runningMs: NOW - 41_000 } },
      'Waits for 41 s: f and 2 other tasks.',
    ],
  ])('%s', (_, over, expected) => {
    expect(text(over)).toBe(expected);
  });

  it('a death without any effect on the job is not the verdict', () => {
    expect(text({ deaths: [{ ...death, tasks: 0, calls: 0, restarted: [] }] })).toBe('Running: no task yet.');
  });
});

describe('the verdict on a job that ended', () => {
  it.each<[string, Partial<VerdictFacts>, string]>([
    ['all went well', { tasks: { ...noCounts(), finished: 37 } }, 'Finished in 1m 40s; 37 tasks finished.'],
    ['some were cancelled', { tasks: { ...noCounts(), finished: 1, cancelled: 2 } }, 'Finished in 1m 40s; 1 task finished, 2 cancelled.'],
    [
      'tasks failed, and one never started',
      {
        outcome: 'failed',
        outcomeReason: 'tasks_failed',
        tasks: { ...noCounts(), failed: 4, unfinished: 1 },
        neverStarted: 1,
        failures: [
          { function: 'boom', type: 'RuntimeError', final: 3, retried: 0 },
          { function: 'g', type: 'KeyError', final: 1, retried: 0 },
        ],
      },
      'Finished; 4 tasks failed (3 RuntimeError in boom, 1 KeyError in g); 1 never started.',
    ],
    ['a task began and has no end', { tasks: { ...noCounts(), unfinished: 2 } }, 'Finished; 2 tasks unfinished.'],
    [
      'tasks have no end, and after a restart it is not known which of them began',
      { tasks: { ...noCounts(), unfinished: 4, pending_node: 1 }, neverStarted: undefined },
      'Finished; 5 tasks unfinished.',
    ],
    [
      'the driver failed with a code',
      { outcome: 'failed', outcomeReason: 'submission', outcomeMessage: 'Job entrypoint command failed', exitCode: 5 },
      'Driver failed: exit code 5.',
    ],
    [
      'the driver failed with an error',
      { outcome: 'failed', outcomeReason: 'driver_failed', outcomeMessage: 'boom', error: 'WORKER_DIED: boom' },
      'Driver failed: WORKER_DIED: boom.',
    ],
    [
      'the driver was killed',
      { outcome: 'failed', outcomeReason: 'driver_died', outcomeMessage: 'The driver ended without shutting down.' },
      'The driver ended without shutting down.',
    ],
    ['a user stopped it', { outcome: 'stopped', outcomeReason: 'submission' }, 'Stopped by user.'],
    [
      'the driver left tasks',
      { outcome: 'stopped', outcomeReason: 'tasks_open', outcomeMessage: 'The driver ended while 3 tasks were open.' },
      'Stopped. The driver ended while 3 tasks were open.',
    ],
    [
      'a node died',
      {
        outcome: 'failed',
        outcomeReason: 'tasks_failed',
        tasks: { ...noCounts(), failed: 2 },
        deaths: [{ ...death, restarted: [], died: ['W', 'X'] }],
      },
      'Node 192.0.2.2 died 21:55:38 UTC: 1 task and 7 actor calls failed; actors W and X died.',
    ],
    ['its outcome is not decided yet', { outcome: undefined }, 'Ended after 1m 40s. Its outcome is decided about 15 s after the end.'],
  ])('%s', (_, over, expected) => {
    expect(textAtEnd(over)).toBe(expected);
  });

  it('a job is never called succeeded when tasks of it failed', () => {
    const over = { outcome: 'succeeded', outcomeReason: 'submission' } as const;
    expect(judge({ ...done, ...over }).kind).toBe('succeeded');
    expect(judge({ ...done, ...over, tasks: { ...noCounts(), failed: 1 } }).kind).toBe('ended');
  });

  it('what else failed stands behind the first cause', () => {
    const over = {
      outcome: 'failed',
      outcomeReason: 'driver_died',
      outcomeMessage: 'Killed.',
      tasks: { ...noCounts(), failed: 2 },
    } as const;
    expect(judge({ ...done, ...over, deaths: [death] }).notes).toEqual([
      'Node 192.0.2.2 died 21:55:38 UTC: 1 task and 7 actor calls failed; actor W restarted.',
      '2 tasks failed.',
    ]);
  });
});
