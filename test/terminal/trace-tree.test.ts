import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderTraceTree } from '../../src/terminal/index.ts';
import { spanOf } from './span-fixture.ts';

const load = { 'ray.task_id': 'aa', 'ray.task.attempt': 0 };
const job = [
  spanOf({ id: 'job', name: 'job train.py', startMs: 0, endMs: 10_000 }),
  spanOf({ id: 'load', parent: 'job', name: 'load', startMs: 0, endMs: 4000, attributes: { ...load, 'ray.task.state': 'FINISHED' } }),
  spanOf({
    parent: 'load',
    name: 'pending node assignment',
    startMs: 0,
    endMs: 2000,
    attributes: { ...load, 'ray.task.state': 'PENDING_NODE_ASSIGNMENT' },
  }),
  spanOf({ parent: 'load', name: 'running', startMs: 2000, endMs: 4000, attributes: { ...load, 'ray.task.state': 'RUNNING' } }),
  spanOf({ parent: 'load', name: 'task:execute', startMs: 2000, endMs: 3900, attributes: { ...load, 'ray.profile': true } }),
  spanOf({
    id: 'part',
    parent: 'load',
    name: 'read_part',
    startMs: 2500,
    endMs: 3500,
    states: { PENDING_NODE_ASSIGNMENT: 2500, RUNNING: 3000 },
  }),
  spanOf({
    id: 'actor',
    parent: 'job',
    name: 'actor Trainer',
    startMs: 4000,
    endMs: 10_000,
    attributes: { 'ray.end_inferred': 'silence' },
  }),
  spanOf({
    parent: 'actor',
    name: 'Trainer.step',
    startMs: 5000,
    endMs: 10_000,
    error: 'ValueError: loss is nan',
    attributes: { 'error.type': 'TASK_EXECUTION_EXCEPTION' },
    states: { PENDING_ARGS_AVAIL: 5000, RUNNING: 5100, FAILED: 10_000 },
  }),
];

const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');

function linesOf(text: string): readonly string[] {
  return text.trimEnd().split('\n');
}

describe('a trace as a tree', () => {
  test('shows who called what, when each waited and ran, how long it took, and what failed', () => {
    expect(renderTraceTree(job)).toMatchInlineSnapshot(`
      "Trace 0af7651916cd43dd8448eb211c80319c  8 spans, 1 failed, 10.0 s
      job train.py       ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━    10.0 s
      ├─ load            ░░░░░░░░░██████████                                 4.00 s
      │  └─ read_part                ░░███                                   1.00 s
      └─ actor Trainer                      ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━    6.00 s ~
         └─ Trainer.step                         ████████████████████████    5.00 s ✗
               TASK_EXECUTION_EXCEPTION: ValueError: loss is nan

      ░ waiting  █ running  ━ lifetime  ✗ failed  ~ end inferred
      "
    `);
  });

  test('the order of the spans does not matter', () => {
    const expected = renderTraceTree(job);
    fc.assert(fc.property(fc.shuffledSubarray(job, { minLength: job.length }), (shuffled) => renderTraceTree(shuffled) === expected));
  });

  test('colours change nothing but colours', () => {
    const colored = renderTraceTree(job, { color: true });
    expect(colored).toMatch(escapes);
    expect(colored.replace(escapes, '')).toBe(renderTraceTree(job));
  });

  test('no line is wider than the terminal, and bars end in one column', () => {
    for (const width of [72, 80, 120, 200]) {
      const lines = linesOf(renderTraceTree(job, { width }));
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }
  });

  test('traces stand in the order of their start', () => {
    const later = spanOf({ trace: 'f'.repeat(32), name: 'later', startMs: 20_000, endMs: 21_000 });
    const heads = linesOf(renderTraceTree([later, ...job])).filter((line) => line.startsWith('Trace'));
    expect(heads.map((head) => head.slice(6, 12))).toEqual(['0af765', 'ffffff']);
  });

  test('traces with tasks stand before the cluster, and a repeated attempt says which one it is', () => {
    const attributes = { 'ray.task_id': 'aa', 'ray.task.attempt': 2 };
    const cluster = spanOf({ trace: 'c'.repeat(32), name: 'session', startMs: 0, endMs: 9 });
    const text = renderTraceTree([cluster, spanOf({ name: 'flaky', startMs: 5, endMs: 6, attributes })]);
    expect(text).toMatch(/^Trace 0af765[\s\S]*\nflaky \(attempt 2\) [\s\S]*\nTrace cccc/);
  });

  test('an error that is only a type is told once', () => {
    const span = spanOf({ name: 'die', startMs: 0, endMs: 1, error: 'WORKER_DIED', attributes: { 'error.type': 'WORKER_DIED' } });
    expect(renderTraceTree([span]).match(/WORKER_DIED/g)).toHaveLength(1);
  });

  test('a span whose parent is not at hand is a root', () => {
    expect(renderTraceTree([spanOf({ parent: 'elsewhere', name: 'alone', startMs: 0, endMs: 1 })])).toContain('\nalone');
  });

  test('a task that is called like a state, and what the user profiled, are no phases', () => {
    const names = ['running', 'my_step'];
    const [running, step] = names.map((name) =>
      spanOf({
        parent: 'load',
        name,
        startMs: 0,
        endMs: 10,
        attributes: { 'ray.task_id': 'bb', 'ray.task.attempt': 0, 'ray.task.state': 'RUNNING' },
      }),
    );
    const profiled = spanOf({ parent: 'load', name: 'my_profile', startMs: 0, endMs: 10, attributes: { ...load, 'ray.profile': true } });
    const text = renderTraceTree([...job, ...[running, step, profiled].filter((span) => span !== undefined)]);
    for (const name of [...names, 'my_profile']) expect(text).toMatch(new RegExp(`─ ${name} `));
  });

  test('where RUNNING was lost, the time at the worker is drawn as running', () => {
    const text = renderTraceTree([
      spanOf({ name: 'lost', startMs: 0, endMs: 1000, states: { PENDING_NODE_ASSIGNMENT: 0, SUBMITTED_TO_WORKER: 500, FINISHED: 1000 } }),
    ]);
    expect(text).toMatch(/lost ░+█+ /);
  });

  test('no spans, and a span without any length', () => {
    expect(renderTraceTree([])).toBe('No spans.\n');
    expect(renderTraceTree([spanOf({ name: 'point', startMs: 5, endMs: 5 })])).toContain('0 µs');
  });
});

describe('bounds', () => {
  test('of many siblings of one name the failed and the first are shown, the rest is counted', () => {
    const children = Array.from({ length: 500 }, (_, index) =>
      spanOf({ parent: 'job', name: 'square', startMs: index, endMs: index + 10, ...(index === 400 ? { error: 'broken' } : {}) }),
    );
    const lines = linesOf(renderTraceTree([...job, ...children]));
    expect(lines.filter((line) => line.includes('─ square'))).toHaveLength(3);
    expect(lines.filter((line) => line.includes('broken'))).toHaveLength(1);
    expect(lines.some((line) => line.includes('497 more of square') && line.includes('4.97 s'))).toBe(true);
  });

  test('lines of one trace are limited', () => {
    const children = Array.from({ length: 500 }, (_, index) =>
      spanOf({ parent: 'job', name: `task-${index}`, startMs: index, endMs: index + 1 }),
    );
    const lines = linesOf(renderTraceTree([...job, ...children], { maxLines: 50 }));
    expect(lines.length).toBeLessThan(60);
    expect(lines).toContainEqual(expect.stringMatching(/^… and \d+ lines more$/));
  });

  test('a chain of calls that is deeper than the screen is wide ends in a count', () => {
    const chain = Array.from({ length: 5000 }, (_, index) =>
      spanOf({ id: `deep-${index}`, parent: `deep-${index - 1}`, name: `call-${index}`, startMs: index, endMs: 6000 }),
    );
    const text = renderTraceTree(chain);
    expect(text).toMatch(/4,99\d below/);
    expect(linesOf(text).length).toBeLessThan(30);
  });
});

describe('hostile text', () => {
  test('a name cannot steer the terminal, nor make a line of its own', () => {
    const hostile = spanOf({
      name: 'a\u001b[2J\u009b31m\r\nTrace fake \u202e\u0007',
      startMs: 0,
      endMs: 1,
      error: 'x\u001b]0;title\u0007\n\n\nz',
    });
    const text = renderTraceTree([hostile]);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(linesOf(text).filter((line) => line.startsWith('Trace'))).toHaveLength(1);
  });

  test('any name at all keeps the lines within the width and free of control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 200 }), (name, error) => {
        const text = renderTraceTree([spanOf({ name, startMs: 0, endMs: 1, error })]);
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }),
    );
  });

  test('wide characters are counted as two columns', () => {
    const [, narrow, wide] = linesOf(
      renderTraceTree([spanOf({ name: '訓練', startMs: 0, endMs: 1000 }), spanOf({ name: 'abcd', startMs: 0, endMs: 1000 })]),
    );
    expect(wide).toContain('訓練');
    expect((wide ?? '').indexOf('━') + 2).toBe((narrow ?? '').indexOf('━'));
  });
});
