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
  test('the tree shows calls, waits, runs, durations and failures', () => {
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

  test('the tree does not depend on the order of the spans', () => {
    const expected = renderTraceTree(job);
    fc.assert(fc.property(fc.shuffledSubarray(job, { minLength: job.length }), (shuffled) => renderTraceTree(shuffled) === expected));
  });

  test('colours do not change the text of the tree', () => {
    const colored = renderTraceTree(job, { color: true });
    expect(colored).toMatch(escapes);
    expect(colored.replace(escapes, '')).toBe(renderTraceTree(job));
  });

  test('no line of the tree is wider than the terminal, and all bars end in the same column', () => {
    for (const width of [72, 80, 120, 200]) {
      const lines = linesOf(renderTraceTree(job, { width }));
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }
  });

  test('traces are ordered by their start', () => {
    const later = spanOf({ trace: 'f'.repeat(32), name: 'later', startMs: 20_000, endMs: 21_000 });
    const heads = linesOf(renderTraceTree([later, ...job])).filter((line) => line.startsWith('Trace'));
    expect(heads.map((head) => head.slice(6, 12))).toEqual(['0af765', 'ffffff']);
  });

  test('traces with tasks come before the cluster, and a retry shows its attempt number', () => {
    const attributes = { 'ray.task_id': 'aa', 'ray.task.attempt': 2 };
    const cluster = spanOf({ trace: 'c'.repeat(32), name: 'session', startMs: 0, endMs: 9 });
    const text = renderTraceTree([cluster, spanOf({ name: 'flaky', startMs: 5, endMs: 6, attributes })]);
    expect(text).toMatch(/^Trace 0af765[\s\S]*\nflaky \(attempt 2\) [\s\S]*\nTrace cccc/);
  });

  test('an error without a message shows its type once', () => {
    const span = spanOf({ name: 'die', startMs: 0, endMs: 1, error: 'WORKER_DIED', attributes: { 'error.type': 'WORKER_DIED' } });
    expect(renderTraceTree([span]).match(/WORKER_DIED/g)).toHaveLength(1);
  });

  test('a span without its parent is a root', () => {
    expect(renderTraceTree([spanOf({ parent: 'elsewhere', name: 'alone', startMs: 0, endMs: 1 })])).toContain('\nalone');
  });

  test('a task named like a state and a user profile span are not phases', () => {
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

  test('without a RUNNING state, the time at the worker is drawn as running', () => {
    const text = renderTraceTree([
      spanOf({ name: 'lost', startMs: 0, endMs: 1000, states: { PENDING_NODE_ASSIGNMENT: 0, SUBMITTED_TO_WORKER: 500, FINISHED: 1000 } }),
    ]);
    expect(text).toMatch(/lost ░+█+ /);
  });

  test('the tree handles no spans, and a span without a duration', () => {
    expect(renderTraceTree([])).toBe('No spans.\n');
    expect(renderTraceTree([spanOf({ name: 'point', startMs: 5, endMs: 5 })])).toContain('0 µs');
  });
});

describe('bounds', () => {
  test('of many siblings with the same name the tree shows the failed and the first ones and counts the others', () => {
    const children = Array.from({ length: 500 }, (_, index) =>
      spanOf({ parent: 'job', name: 'square', startMs: index, endMs: index + 10, ...(index === 400 ? { error: 'broken' } : {}) }),
    );
    const lines = linesOf(renderTraceTree([...job, ...children]));
    expect(lines.filter((line) => line.includes('─ square'))).toHaveLength(3);
    expect(lines.filter((line) => line.includes('broken'))).toHaveLength(1);
    expect(lines.some((line) => line.includes('497 more of square') && line.includes('4.97 s'))).toBe(true);
  });

  test('the number of lines per trace has a limit', () => {
    const children = Array.from({ length: 500 }, (_, index) =>
      spanOf({ parent: 'job', name: `task-${index}`, startMs: index, endMs: index + 1 }),
    );
    const lines = linesOf(renderTraceTree([...job, ...children], { maxLines: 50 }));
    expect(lines.length).toBeLessThan(60);
    expect(lines).toContainEqual(expect.stringMatching(/^… and \d+ more lines$/));
  });

  test('a very deep chain of calls ends with a count', () => {
    const chain = Array.from({ length: 5000 }, (_, index) =>
      spanOf({ id: `deep-${index}`, parent: `deep-${index - 1}`, name: `call-${index}`, startMs: index, endMs: 6000 }),
    );
    const text = renderTraceTree(chain);
    expect(text).toMatch(/4,99\d below/);
    expect(linesOf(text).length).toBeLessThan(30);
  });
});

describe('hostile text', () => {
  test('a name can neither control the terminal nor fake a line', () => {
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

  test('lines with any name contain no control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 200 }), (name, error) => {
        const text = renderTraceTree([spanOf({ name, startMs: 0, endMs: 1, error })]);
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }),
    );
  });

  test('wide characters count as two columns', () => {
    const [, narrow, wide] = linesOf(
      renderTraceTree([spanOf({ name: '訓練', startMs: 0, endMs: 1000 }), spanOf({ name: 'abcd', startMs: 0, endMs: 1000 })]),
    );
    expect(wide).toContain('訓練');
    expect((wide ?? '').indexOf('━') + 2).toBe((narrow ?? '').indexOf('━'));
  });
});
