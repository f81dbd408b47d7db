import { SessionNow } from '../../src/view/session-now.ts';
import { describe, expect, it } from 'vitest';
import { createScheduler } from '../../src/runtime/index.ts';
import { describeRollup } from '../../src/view/describe-tree.ts';
import { selectTree } from '../../src/view/select.ts';
import type { TreeRow } from '../../src/view/tree.ts';
import { type AttemptFacts, makeJob } from './attempt-fixture.ts';

async function rowsOf(facts: readonly AttemptFacts[], expanded: readonly string[] = []): Promise<readonly TreeRow[]> {
  return (await selectTree(makeJob(facts).job, { expanded: new Set(expanded) }, createScheduler())).rows;
}

async function linesOf(facts: readonly AttemptFacts[], expanded: readonly string[] = []): Promise<readonly string[]> {
  return (await rowsOf(facts, expanded)).map((row) => {
    const what =
      'attempt' in row
        ? row.attempt.taskId
        : `${row.isExpanded ? '-' : '+'} ${row.key} ${row.members[0]?.function.name} x${row.members.length} (${row.below} below)`;
    return `${'  '.repeat(row.depth)}${what}`;
  });
}

/** Two callers with leaves, and three tasks without a caller. */
const facts: readonly AttemptFacts[] = [
  ...['a', 'b', 'c'].map((id, index) => ({ id, function: 'branch', start: index, end: 50 + index })),
  { id: 'd', function: 'other', start: 0.5, end: 3 },
  ...[10, 11, 12, 13].map((start) => ({ id: `a${start}`, parent: 'a', function: 'leaf', start, running: start + 1, end: start + 4 })),
  ...[20, 21].map((start) => ({ id: `b${start}`, parent: 'b', function: 'leaf', start, end: start + 4 })),
];

describe('the rolled-up tree', () => {
  it('siblings of one function share one row at the position of the first', async () => {
    expect(await linesOf(facts)).toEqual(['+ .0 branch x3 (6 below)', 'd']);
  });

  it('the members of an expanded row are one level deeper, with rolled-up rows below them', async () => {
    expect(await linesOf(facts, ['.0'])).toEqual([
      '- .0 branch x3 (0 below)',
      '  a',
      '    + a.2 leaf x4 (0 below)',
      '  b',
      '    b20',
      '    b21',
      '  c',
      'd',
    ]);
    expect(await linesOf(facts, ['.0', 'a.2'])).toHaveLength(12);
    expect(await linesOf(facts, ['a.2', 'nonsense'])).toEqual(['+ .0 branch x3 (6 below)', 'd']);
  });

  it('every task appears exactly once, even with cycles of callers', async () => {
    const damaged: readonly AttemptFacts[] = [
      ...facts,
      ...['x', 'y', 'z'].map((id, index, ids) => ({ id, parent: ids[(index + 1) % 3] ?? '', start: 70, end: 80 })),
      { id: 'self', parent: 'self', start: 60, end: 61 },
    ];
    const rows = await rowsOf(damaged);
    const tasks = rows.reduce((sum, row) => sum + ('attempt' in row ? 1 : row.members.length + row.below), 0);
    expect(tasks).toBe(damaged.length);
  });

  it('a rolled-up row sums up its tasks', async () => {
    const { job } = makeJob([
      { id: 'a', start: 10, running: 12, end: 20 },
      { id: 'b', start: 11, running: 15, end: 25, stage: 'failed' },
      { id: 'b', number: 1, start: 26, running: 30 },
      { id: 'c', start: 12, stage: 'pending_node' },
    ]);
    const [rollup] = (await selectTree(job, { expanded: new Set() }, createScheduler())).rows;
    if (rollup === undefined || 'attempt' in rollup) throw new Error('no rollup');
    const now = new SessionNow(job.session, 100);
    expect(describeRollup(rollup, now)).toMatchObject({
      function: 'f',
      tasks: 3,
      stages: { finished: 1, running: 1, pending_node: 1 },
      retried: 1,
      startMs: 10,
      runningMs: 12,
      runUntilMs: 100,
      queueSumMs: 2 + 4 + 88,
      runSumMs: 8 + 70,
      runMaxMs: 70,
    });
    expect(describeRollup(rollup, now)).not.toHaveProperty('endMs');
    expect(describeRollup({ ...rollup, members: rollup.members.slice(0, 1) }, now)).toMatchObject({ runUntilMs: 20, endMs: 20 });
    const withoutRunning = rollup.members.filter(({ taskId }) => taskId !== 'b');
    expect(describeRollup({ ...rollup, members: withoutRunning }, now)).toMatchObject({ runningMs: 12, runUntilMs: 20 });
  });
});
