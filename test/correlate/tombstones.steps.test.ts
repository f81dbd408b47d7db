import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TraceBudget } from '../../src/correlate/budget/budget.ts';
import { FinalTrace } from '../../src/correlate/callers/caller-chain.ts';
import { Attempt, Session, Task } from '../../src/correlate/entities/entities.ts';
import { TombstoneIndex } from '../../src/correlate/compact/tombstone-index.ts';
import { Tombstones } from '../../src/correlate/compact/tombstones.ts';
import { JOB, taskId } from '../support/events.ts';
import { countSteps } from '../support/steps.ts';
import { sized } from '../support/sized.ts';

// Rows in a ring, beside a list of objects that is obviously right.

const OTHER_JOB = '02000000';
const IDS = 40;
/** So few that rows are moved all the time. */
const SPARE_ROWS = 2;

function sessionOf(name: string, number: number, tombstones: Tombstones): Session {
  return new Session(name, number, new TraceBudget({ kind: 'session' }, { maxSpans: 0, maxBytes: 0 }), tombstones, 0);
}

interface Finished {
  readonly parent: string | undefined;
  readonly number: number;
  readonly runningNs: bigint;
  readonly outcome: 'finished' | 'failed' | 'unfinished';
  /** More than a row can hold. */
  readonly isRich: boolean;
  readonly isAfterJob: boolean;
  readonly isPlaceholder: boolean;
  readonly isGuess: boolean;
}

function finishedTask(
  session: Session,
  id: string,
  { parent, number, runningNs, outcome, isRich, isAfterJob, isPlaceholder, isGuess }: Finished,
): Task {
  const task = new Task(session, id);
  task.parentTaskId = parent;
  task.trace = new FinalTrace(isRich ? OTHER_JOB : JOB, isGuess);
  task.add({ closed: true, number, runningNs, outcome, rollup: undefined, above: undefined, isAfterJob, isPlaceholder, isHeldBack: false });
  return task;
}

function remembered(task: Task | undefined): unknown {
  return task === undefined ? undefined : [task.parentTaskId, task.trace, task.attempts];
}

const finished: fc.Arbitrary<Finished> = fc.record({
  parent: fc.option(fc.nat(IDS).map(taskId), { nil: undefined }),
  number: fc.oneof(fc.nat(3), fc.nat(2 ** 24 - 1)),
  runningNs: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  outcome: fc.constantFrom('finished', 'failed', 'unfinished'),
  isRich: fc.boolean(),
  isAfterJob: fc.boolean(),
  isPlaceholder: fc.boolean(),
  isGuess: fc.boolean(),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('add' as const), id: fc.nat(IDS), session: fc.nat(1), task: finished }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('open again' as const), id: fc.nat(IDS), session: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('forget session' as const), session: fc.nat(1) }) },
);

class Model {
  tombstones = new Tombstones(SPARE_ROWS);
  sessions = this.#sessions();
  #numbers = 10;
  /** By session and id, oldest first. */
  known = new Map<string, Task>();

  #sessions(): Session[] {
    return ['a', 'b'].map((name, index) => sessionOf(name, index + 7, this.tombstones));
  }

  add(session: Session, id: string, task: Task): void {
    const key = `${session.name}/${id}`;
    if (this.known.has(key)) return;
    session.tasks.set(id, task);
    if (this.tombstones.add(task)) session.tasks.delete(id);
    this.known.set(key, task);
  }

  openAgain(session: Session, id: string): void {
    const task = session.tasks.get(id);
    if (task === undefined) this.tombstones.take(session, id);
    else this.tombstones.release(task);
    session.tasks.delete(id);
    this.known.delete(`${session.name}/${id}`);
  }

  forget(): void {
    this.tombstones.forgetOldest();
    for (const key of this.known.keys()) {
      this.known.delete(key);
      break;
    }
  }

  /** A session of that name that comes later is another one. */
  forgetSession(session: Session): void {
    this.tombstones.forgetSession(session);
    this.#numbers += 1;
    this.sessions[this.sessions.indexOf(session)] = sessionOf(session.name, this.#numbers, this.tombstones);
    for (const key of this.known.keys()) if (key.startsWith(`${session.name}/`)) this.known.delete(key);
  }

  restart(): void {
    const before = this.sessions;
    const rows = [...this.tombstones.save(new Map(before.map((session, index) => [session, index])))];
    this.tombstones = new Tombstones(SPARE_ROWS);
    this.sessions = this.#sessions();
    const bySaved = (number: number): Session => this.sessions[number] as Session;
    for (const bytes of rows) {
      this.tombstones.restore(bytes, bySaved, (session, id, row) => {
        const task = before.find(({ name }) => name === session.name)?.tasks.get(id) as Task;
        const again = Object.assign(new Task(session, id), {
          parentTaskId: task.parentTaskId,
          trace: task.trace,
          tombstone: row,
        });
        for (const attempt of task.attempts) again.add(attempt);
        session.tasks.set(id, again);
      });
    }
  }

  check(): void {
    expect(this.tombstones.size).toBe(this.known.size);
    for (const session of this.sessions) {
      for (let number = 0; number <= IDS; number += 1) {
        const id = taskId(number);
        expect(remembered(session.findTask(id))).toEqual(remembered(this.known.get(`${session.name}/${id}`)));
      }
    }
  }
}

it('remembers what a list of objects would', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const action of steps) {
        const session = model.sessions['session' in action ? action.session : 0] as Session;
        const id = taskId('id' in action ? action.id : 0);
        if (action.does === 'add') model.add(session, id, finishedTask(session, id, action.task));
        else if (action.does === 'open again') model.openAgain(session, id);
        else if (action.does === 'forget') model.forget();
        else if (action.does === 'forget session') model.forgetSession(session);
        else model.restart();
      }
      model.check();
    }),
  );
});

describe('many', () => {
  function bury(tombstones: Tombstones, session: Session, task: Task): void {
    session.tasks.set(task.id, task);
    if (tombstones.add(task)) session.tasks.delete(task.id);
  }

  const ordinary: Finished = {
    parent: taskId(1),
    number: 0,
    runningNs: 1n,
    outcome: 'finished',
    isRich: false,
    isAfterJob: false,
    isPlaceholder: false,
    isGuess: false,
  };

  it('keeps the newest when the oldest are forgotten, over many pieces of memory', () => {
    const tombstones = new Tombstones();
    const session = sessionOf('a', 1, tombstones);
    for (let number = 0; number < 30_000; number += 1) {
      bury(tombstones, session, finishedTask(session, taskId(number), ordinary));
      if (tombstones.size > 5_000) tombstones.forgetOldest();
    }
    expect(tombstones.size).toBe(5_000);
    // Those that the index had no room for.
    expect(session.tasks.size).toBeLessThan(50);
    expect(session.findTask(taskId(24_999))).toBeUndefined();
    for (let number = 25_000; number < 30_000; number += 1) expect(session.findTask(taskId(number))?.id).toBe(taskId(number));
  });

  it('leaves the rows of tasks behind that are tried again and again, and keeps the others', () => {
    const tombstones = new Tombstones();
    const session = sessionOf('a', 1, tombstones);
    const rich = finishedTask(session, taskId(2), { ...ordinary, isRich: true });
    bury(tombstones, session, rich);
    bury(tombstones, session, finishedTask(session, taskId(3), ordinary));
    for (let round = 0; round < 30_000; round += 1) {
      bury(tombstones, session, finishedTask(session, taskId(4), ordinary));
      tombstones.take(session, taskId(4));
    }
    expect(tombstones.size).toBe(2);
    expect(tombstones.rows).toBeLessThan(20_000);
    expect(session.findTask(taskId(3))?.attempts).toHaveLength(1);
    tombstones.forgetOldest();
    expect(session.tasks.size).toBe(0);
    tombstones.forgetOldest();
    expect(tombstones.size).toBe(0);
  });

  it('moves rows a few at a time, however many there are', () => {
    const largestStep = (size: number): number => {
      const tombstones = new Tombstones(SPARE_ROWS);
      const session = sessionOf('a', 1, tombstones);
      const buryAll = (from: number, to: number): void => {
        for (let number = from; number < to; number += 1) {
          const object = session.tasks.get(taskId(number));
          if (object === undefined) tombstones.take(session, taskId(number));
          else tombstones.release(object);
          bury(tombstones, session, finishedTask(session, taskId(number), ordinary));
        }
      };
      buryAll(0, size);
      let largest = 0;
      for (let number = 0; number < 3 * size; number += size / 2) {
        const from = number % size;
        largest = Math.max(
          largest,
          countSteps(() => buryAll(from, from + 50)),
        );
      }
      expect(tombstones.size).toBe(size);
      expect(tombstones.rows).toBeLessThan(3 * size);
      return largest;
    };
    const rows = sized(150, 500);
    expect(largestStep(4 * rows)).toBeLessThan(1.5 * largestStep(rows));
  });

  it('keeps a task as an object when the index has no room for it', () => {
    const index = new TombstoneIndex();
    const id = Uint32Array.of(1, 2, 3, 4, 5, 6);
    const added = Array.from({ length: 20 }, (_, row) => index.add(id, row));
    expect(added.filter(Boolean)).toHaveLength(16);
    expect(index.candidates(id)).toEqual(Array.from({ length: 16 }, (_, row) => row));
    index.remove(id, 3);
    expect(index.add(id, 99)).toBe(true);
    expect(index.candidates(id)).toContain(99);
  });
});

it('takes no row for what is no task id of Ray', () => {
  const tombstones = new Tombstones();
  const session = sessionOf('a', 1, tombstones);
  const task = new Task(session, 'task');
  task.add(new Attempt(task, 0, 0));
  expect(tombstones.add(task)).toBe(true);
  expect(tombstones.size).toBe(0);
});
