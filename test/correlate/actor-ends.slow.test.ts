import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FinishedAttempt } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import type { ActorTransition, RayEvent, StateTransition, TaskDefinition, TaskLifecycle } from '../../src/event/index.ts';
import * as build from '../support/events.ts';
import { actorId, at, creationOf, header, jobStates, secondNs, secondOf, states, taskId } from '../support/events.ts';
import { sized } from '../support/sized.ts';

// What the states of an actor say of the end of its creations and calls.

const ACTOR = actorId(9);
const CREATION = creationOf(ACTOR);
const CALL = taskId(7, ACTOR);
const [WORKER, OTHER_WORKER] = ['aa'.repeat(28), 'bb'.repeat(28)];

function job(...list: [string, number][]): RayEvent {
  return jobStates(list);
}

function actor(...transitions: ActorTransition[]): RayEvent {
  return { ...header(), type: 'actor_lifecycle', actorId: ACTOR, transitions };
}

function definition(id: string, over: Partial<TaskDefinition> = {}): TaskDefinition {
  const own = id === CREATION ? { taskType: 'ACTOR_CREATION_TASK', name: 'Svc.__init__' } : { taskType: 'ACTOR_TASK', name: 'Svc.call' };
  return build.definition(id, { ...own, ...over } as Partial<TaskDefinition>);
}

function profile(id: string, start: number, end: number, workerId: string, attempt = 0): RayEvent {
  const [startNs, endNs] = [secondNs(start), secondNs(end)];
  const entries = ['task:execute', 'task::Svc.__init__'].map((name) => ({ name, startNs, endNs }));
  return build.profile(id, entries, { attempt, workerId });
}

function make(): LifecycleCorrelator {
  return createCorrelator();
}

const byTask = (a: FinishedAttempt, b: FinishedAttempt): number => a.attempt - b.attempt || (a.taskId < b.taskId ? -1 : 1);

function attemptsIn(lifecycles: readonly { readonly kind: string }[]): FinishedAttempt[] {
  return lifecycles.filter((one): one is FinishedAttempt => one.kind === 'attempt').sort(byTask);
}

/** All at once, as `convert`. */
function converted(events: readonly RayEvent[]): FinishedAttempt[] {
  const correlator = make();
  for (const event of events) correlator.apply(event, 0);
  return attemptsIn(correlator.closeAll(0));
}

/** One group of events after the other, with so much time between them, and a restart after each event. */
function live(groups: readonly (readonly RayEvent[])[], pauseMs: number): FinishedAttempt[] {
  let correlator = make();
  const out: FinishedAttempt[] = [];
  let nowMs = 100_000;
  for (const events of groups) {
    for (const event of events) {
      correlator.apply(event, nowMs);
      correlator = throughCheckpoint(correlator, make());
      out.push(...attemptsIn(correlator.advance(nowMs)));
    }
    nowMs += pauseMs;
    out.push(...attemptsIn(correlator.advance(nowMs)));
  }
  return [...out, ...attemptsIn(correlator.advance(nowMs + 10_000_000))].sort((a, b) => a.attempt - b.attempt);
}

function brief({ attempt, outcome, startNs, endNs, endInferred, error }: FinishedAttempt): string {
  const inferred = endInferred === undefined ? '' : ` (${endInferred})`;
  const why = error === undefined ? '' : ` ${error.errorType}: ${error.message}`;
  return `#${attempt} ${secondOf(startNs)}..${secondOf(endNs)} ${outcome}${inferred}${why}`;
}

/** The same attempts from all at once in any order, and from one group after the other, slow and fast. */
function everyWay(groups: readonly (readonly RayEvent[])[]): string[] {
  const events = groups.flat();
  const all = converted(events);
  fc.assert(
    fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
      expect(converted(shuffled)).toEqual(all);
    }),
    { numRuns: sized(8, 30) },
  );
  for (const pauseMs of [0, 100, 6_000, 100_000]) expect(live(groups, pauseMs).sort(byTask)).toEqual(all);
  return all.map(brief);
}

const diedOf = (reason: string, message: string): Pick<ActorTransition, 'deathCause'> => ({ deathCause: { reason, message } });

describe('a creation that a restarted actor repeats as the same attempt (Ray 2.49 to 2.53)', () => {
  const first = [
    definition(CREATION),
    states(CREATION, [['PENDING_ARGS_AVAIL', 1]]),
    states(CREATION, [['RUNNING', 1.5]], { workerPid: 500 }),
    profile(CREATION, 1.5, 1.9, OTHER_WORKER),
    states(CREATION, [['FINISHED', 2]]),
  ];
  const again = [states(CREATION, [['RUNNING', 1_801]], { workerPid: 60 }), profile(CREATION, 1_801, 1_801.9, WORKER)];
  const lives = [
    actor(at('DEPENDENCIES_UNREADY', 1), at('PENDING_CREATION', 1.1), { ...at('ALIVE', 2), workerId: OTHER_WORKER }),
    actor(at('RESTARTING', 1_800)),
    actor({ ...at('ALIVE', 1_802), workerId: WORKER }),
  ];
  const end = [job(['FINISHED', 3_600])];
  const [firstLife, ...laterLives] = lives as [RayEvent, ...RayEvent[]];

  it('ends at its FINISHED, with its own process and profile entries', () => {
    const groups = [[job(['CREATED', 0]), firstLife, ...first], [...laterLives, ...again], end];
    expect(everyWay(groups)).toEqual(['#0 1..2 finished']);
    const [creation] = converted(groups.flat());
    expect(creation).toMatchObject({ workerPid: 500, workerId: OTHER_WORKER });
    expect(creation?.states.map(({ state }) => state)).toEqual(['PENDING_ARGS_AVAIL', 'RUNNING', 'FINISHED']);
    expect(creation?.profile.map(({ startNs }) => startNs)).toEqual([secondNs(1.5), secondNs(1.5)]);
  });

  it('ends at its FINISHED also in a release that reports no actors', () => {
    expect(everyWay([[job(['CREATED', 0]), ...first], again, end])).toEqual(['#0 1..2 finished']);
  });

  it('is not lengthened when the RUNNING of the first creation was lost', () => {
    const [defined, pending, , , finished] = first as [RayEvent, RayEvent, RayEvent, RayEvent, RayEvent];
    const groups = [[job(['CREATED', 0]), firstLife, defined, pending, finished], [...laterLives, ...again.slice(0, 1)], end];
    expect(everyWay(groups)).toEqual(['#0 1..2 finished']);
    expect(converted(groups.flat())[0]?.states.map(({ state }) => state)).toEqual(['PENDING_ARGS_AVAIL', 'FINISHED']);
  });

  it('ends at the first ALIVE of its actor when its FINISHED was lost', () => {
    const groups = [[job(['CREATED', 0]), firstLife, ...first.slice(0, 3)], [...laterLives, ...again.slice(0, 1)], end];
    expect(everyWay(groups)).toEqual(['#0 1..2 finished (actor_alive)']);
  });

  it('can be repeated any number of times', () => {
    const many = Array.from({ length: 20 }, (_, index) => [
      actor(at('RESTARTING', 100 * (index + 1))),
      states(CREATION, [['RUNNING', 100 * (index + 1) + 1]], { workerPid: index + 1 }),
      actor(at('ALIVE', 100 * (index + 1) + 2)),
    ]);
    expect(everyWay([[job(['CREATED', 0]), firstLife, ...first], ...many, end])).toEqual(['#0 1..2 finished']);
  });

  it('keeps a RUNNING after its FINISHED that no restart explains: the clocks differ', () => {
    const events = [job(['CREATED', 0]), firstLife, first[0], states(CREATION, [['FINISHED', 2]]), states(CREATION, [['RUNNING', 301.5]])];
    const [creation] = converted(events as RayEvent[]);
    expect(creation?.states.map(({ state }) => state)).toEqual(['FINISHED', 'RUNNING']);
    expect(creation?.endNs).toBe(secondNs(2));
  });
});

describe('the creation of a restarted actor', () => {
  it('fails when the process dies before the actor is ALIVE, each under its own attempt', () => {
    const events = [
      job(['CREATED', 0]),
      actor(at('PENDING_CREATION', 1), at('ALIVE', 2)),
      actor({ ...at('RESTARTING', 10), restartReason: 'ACTOR_FAILURE' }),
      states(CREATION, [['RUNNING', 11]], { attempt: 1 }),
      actor({ ...at('RESTARTING', 12), restartReason: 'ACTOR_FAILURE' }),
      states(CREATION, [['RUNNING', 13]], { attempt: 2 }),
      actor(at('ALIVE', 14)),
      job(['FINISHED', 3_600]),
    ];
    expect(everyWay(events.map((event) => [event]))).toEqual([
      '#1 11..12 failed (actor_died) ACTOR_DIED: The actor was restarted (ACTOR_FAILURE) while the task was open; Ray sent no end for it.',
      '#2 13..14 finished (actor_alive)',
    ]);
  });

  it('ends at the ALIVE of its own process, also where the clock of its node is ahead', () => {
    const events = [
      job(['CREATED', 0]),
      actor(at('ALIVE', 2), at('RESTARTING', 10)),
      states(CREATION, [['RUNNING', 15]], { attempt: 1, workerPid: 77 }),
      actor({ ...at('ALIVE', 12), pid: 77 }),
      actor(at('RESTARTING', 20), at('ALIVE', 22)),
      job(['FINISHED', 3_600]),
    ];
    expect(converted(events).map(brief)).toEqual(['#1 15..15 finished (actor_alive)']);
  });
});

describe('DEAD of an actor', () => {
  const begin = [job(['CREATED', 0]), actor(at('DEPENDENCIES_UNREADY', 1), at('PENDING_CREATION', 1.1))];
  const jobEnd = job(['FINISHED', 3_600]);

  it('ends the creation that it interrupted, with its cause', () => {
    const events = [
      ...begin,
      actor(at('ALIVE', 2), at('RESTARTING', 10)),
      states(CREATION, [['RUNNING', 11]], { attempt: 1 }),
      actor({ ...at('DEAD', 12), ...diedOf('CREATION_TASK_FAILED', 'RuntimeError: ctor') }),
      jobEnd,
    ];
    expect(everyWay(events.map((event) => [event]))).toEqual(['#1 11..12 failed (actor_died) CREATION_TASK_FAILED: RuntimeError: ctor']);
  });

  it('ends a creation that never ran, because its runtime environment could not be made', () => {
    const events = [
      ...begin,
      definition(CREATION),
      states(CREATION, [
        ['PENDING_ARGS_AVAIL', 1],
        ['PENDING_NODE_ASSIGNMENT', 1.05],
      ]),
      actor({ ...at('DEAD', 9), ...diedOf('RUNTIME_ENV_FAILED', 'pip install failed') }),
      jobEnd,
    ];
    expect(everyWay(events.map((event) => [event]))).toEqual(['#0 1..9 failed (actor_died) RUNTIME_ENV_FAILED: pip install failed']);
  });

  it('ends the calls that ran, and those that waited, whose owner died with them', () => {
    const waiting = `${'0'.repeat(15)}8${ACTOR}`;
    const events = [
      ...begin,
      actor(at('ALIVE', 2)),
      definition(CALL),
      states(CALL, [['PENDING_ARGS_AVAIL', 3]]),
      states(CALL, [['RUNNING', 4]]),
      definition(waiting),
      states(waiting, [['PENDING_ARGS_AVAIL', 5]]),
      actor({ ...at('DEAD', 12), ...diedOf('NODE_DIED', 'the node was lost') }),
      jobEnd,
    ];
    expect(everyWay(events.map((event) => [event])).sort()).toEqual([
      '#0 3..12 failed (actor_died) NODE_DIED: the node was lost',
      '#0 5..12 failed (actor_died) NODE_DIED: the node was lost',
    ]);
  });

  it('counts when it comes before anything else of the attempt', () => {
    const dead = actor({ ...at('DEAD', 12), ...diedOf('WORKER_DIED', 'segfault') });
    const groups = [[dead], [job(['CREATED', 0]), definition(CALL), states(CALL, [['RUNNING', 4]])], [jobEnd]];
    expect(everyWay(groups)).toEqual(['#0 4..12 failed (actor_died) WORKER_DIED: segfault']);
  });

  it('does not undo a creation that succeeded, nor a call that has an end of its own', () => {
    const groups = [
      [...begin, definition(CREATION), states(CREATION, [['RUNNING', 1.5]])],
      [actor(at('ALIVE', 2))],
      [definition(CALL), states(CALL, [['RUNNING', 3]]), states(CALL, [['FINISHED', 4]])],
      [actor({ ...at('DEAD', 12), ...diedOf('RAY_KILL', 'killed') })],
      [jobEnd],
    ];
    expect(everyWay(groups).sort()).toEqual(['#0 1.5..2 finished (actor_alive)', '#0 3..4 finished']);
  });

  it('is no failure of a call whose end was lost when the actor went out of scope: Ray ends such an actor when its calls are done', () => {
    const events = [
      ...begin,
      actor(at('ALIVE', 2)),
      definition(CALL),
      states(CALL, [['RUNNING', 4]]),
      actor({ ...at('DEAD', 12), ...diedOf('OUT_OF_SCOPE', 'all references were removed') }),
      jobEnd,
    ];
    expect(everyWay(events.map((event) => [event]))).toEqual(['#0 4..12 unfinished (actor_died)']);
  });

  it('ends a call at the restart of the process that it ran in', () => {
    const events = [
      ...begin,
      actor(at('ALIVE', 2)),
      definition(CALL),
      states(CALL, [['RUNNING', 4]]),
      actor(at('RESTARTING', 6), at('ALIVE', 7)),
      actor({ ...at('DEAD', 12), ...diedOf('RAY_KILL', 'killed') }),
      jobEnd,
    ];
    expect(everyWay(events.map((event) => [event]))).toEqual([
      '#0 4..6 failed (actor_died) ACTOR_DIED: The actor was restarted while the task was open; Ray sent no end for it.',
    ]);
  });

  it('without a cause is a death all the same', () => {
    const events = [...begin, definition(CALL), states(CALL, [['PENDING_ARGS_AVAIL', 4]]), actor(at('DEAD', 12)), jobEnd];
    expect(everyWay(events.map((event) => [event]))).toEqual([
      '#0 4..12 failed (actor_died) ACTOR_DIED: The actor died while the task was open; Ray sent no end for it.',
    ]);
  });

  it('closes its open attempts a settle time later, and not at the end of the job', () => {
    const correlator = make();
    for (const event of [...begin, definition(CALL), states(CALL, [['RUNNING', 4]])]) correlator.apply(event, 100_000);
    correlator.apply(actor({ ...at('DEAD', 12), ...diedOf('NODE_DIED', 'gone') }), 200_000);
    expect(attemptsIn(correlator.advance(204_999))).toEqual([]);
    expect(attemptsIn(correlator.advance(205_000)).map(brief)).toEqual(['#0 4..12 failed (actor_died) NODE_DIED: gone']);
    expect(correlator.stats()).toMatchObject({ openAttempts: 0, inferredEnds: { actor_died: 1 } });
  });
});

describe.each([0, 1, -1, -4, 8, -8, 12, 300, -3_600])('with an executor whose clock is %i s ahead', (aheadS) => {
  /** The job begins so late that no time is before 1970. */
  const begin = 10_000;
  const after = (state: string, second: number): StateTransition => at(state, begin + second);
  const ran = (second: number): [string, number] => ['RUNNING', begin + second + aheadS];
  const alive = (second: number, index: number): RayEvent =>
    actor({ ...after('ALIVE', second), workerId: `${index}`.repeat(56), pid: 100 + index });
  const restarting = (second: number): RayEvent => actor({ ...after('RESTARTING', second), restartReason: 'ACTOR_FAILURE' });
  const dead = (second: number): RayEvent => actor({ ...after('DEAD', second), ...diedOf('CREATION_TASK_FAILED', 'ctor') });
  const endsAt = (ranS: number, endS: number): bigint => secondNs(begin + Math.max(ranS + aheadS, endS));

  describe.each([
    ['whose process is known', true],
    ['whose process is not known', false],
  ])('a creation %s', (_, isKnown) => {
    const pidOf = (index: number): Partial<TaskLifecycle> => (isKnown ? { workerPid: 100 + index } : {});

    it('ends at the ALIVE or DEAD of its own restart', () => {
      const events = [
        job(['CREATED', begin]),
        actor(after('DEPENDENCIES_UNREADY', 1), after('PENDING_CREATION', 1.1)),
        definition(CREATION),
        states(CREATION, [['PENDING_ARGS_AVAIL', begin + 1]]),
        states(CREATION, [ran(1.5)], pidOf(0)),
        alive(2, 0),
        ...(isKnown ? [] : [states(CREATION, [['FINISHED', begin + 2]])]),
        restarting(10),
        states(CREATION, [ran(11)], { attempt: 1, ...pidOf(1) }),
        alive(14, 1),
        restarting(20),
        states(CREATION, [ran(21)], { attempt: 2, ...pidOf(2) }),
        dead(22),
        job(['FINISHED', begin + 7_200]),
      ];
      everyWay(events.map((event) => [event]));
      // The third creation seems to run between the restart before and the ALIVE of that: nothing says that it did not.
      if (!isKnown && aheadS === -8) return;
      expect(converted(events)).toMatchObject([
        { outcome: 'finished', endNs: isKnown ? endsAt(1.5, 2) : secondNs(begin + 2) },
        { outcome: 'finished', endInferred: 'actor_alive', endNs: endsAt(11, 14) },
        { outcome: 'failed', endInferred: 'actor_died', endNs: endsAt(21, 22), error: { errorType: 'CREATION_TASK_FAILED' } },
      ]);
    });

    it('that failed ends at the restart or the DEAD that followed it', () => {
      const events = [
        job(['CREATED', begin]),
        alive(2, 0),
        restarting(10),
        states(CREATION, [ran(11)], { attempt: 1, ...pidOf(1) }),
        restarting(20),
        states(CREATION, [ran(21)], { attempt: 2, ...pidOf(2) }),
        dead(22),
        job(['FINISHED', begin + 7_200]),
      ];
      everyWay(events.map((event) => [event]));
      const failed = { outcome: 'failed', endInferred: 'actor_died' };
      // A clock that is less than one restart behind shows the third creation in place of the second: nothing says that it was not.
      const endNs = aheadS === -4 || aheadS === -8 ? secondNs(begin + 20) : endsAt(21, 22);
      expect(converted(events)).toMatchObject([
        { ...failed, endNs: endsAt(11, 20) },
        { ...failed, endNs },
      ]);
    });
  });

  it('a call ends at the restart of the process that it ran in', () => {
    const events = [
      job(['CREATED', begin]),
      alive(2, 0),
      restarting(10),
      alive(14, 1),
      definition(CALL),
      states(CALL, [['PENDING_ARGS_AVAIL', begin + 15]]),
      states(CALL, [ran(15.2)], { workerPid: 101 }),
      restarting(20),
      alive(24, 2),
      dead(400),
      job(['FINISHED', begin + 7_200]),
    ];
    everyWay(events.map((event) => [event]));
    expect(converted(events)).toMatchObject([{ outcome: 'failed', endInferred: 'actor_died', endNs: endsAt(15.2, 20) }]);
  });
});

describe('an actor that is created again and again', () => {
  /** Transitions whose times count how often they are read. */
  function stepsFor(restarts: number, arranged: (events: RayEvent[][]) => RayEvent[]): number {
    let steps = 0;
    const counted = (state: string, second: number): ActorTransition => ({
      state,
      get timeNs() {
        steps += 1;
        return secondNs(second);
      },
    });
    const events = Array.from({ length: restarts }, (_, index) => [
      actor(counted('PENDING_CREATION', index * 10)),
      states(CREATION, [['RUNNING', index * 10 + 1]], { attempt: index }),
      actor(counted('ALIVE', index * 10 + 2), counted('RESTARTING', index * 10 + 8)),
    ]);
    const correlator = make();
    for (const event of arranged(events)) correlator.apply(event, 100_000);
    correlator.advance(200_000);
    return steps;
  }

  it.each<[string, (events: RayEvent[][]) => RayEvent[]]>([
    ['in order', (events) => events.flat()],
    ['the other way around', (events) => events.flat().reverse()],
    [
      'creations first',
      (events) => [...events.map((one) => one[1] as RayEvent), ...events.flatMap((one) => [one[0], one[2]] as RayEvent[])],
    ],
    [
      'creations last',
      (events) => [...events.flatMap((one) => [one[0], one[2]] as RayEvent[]), ...events.map((one) => one[1] as RayEvent)],
    ],
  ])('takes linear time, %s', (_, arranged) => {
    const restarts = sized(250, 1_000);
    expect(stepsFor(4 * restarts, arranged) / stepsFor(restarts, arranged)).toBeLessThan(5);
  });

  it('ends each of its creations at the ALIVE after it, those among the left-out states too', () => {
    const events = Array.from({ length: 1_500 }, (_, index) => [
      actor(at('PENDING_CREATION', index * 10)),
      states(CREATION, [['RUNNING', index * 10 + 1]], { attempt: index }),
      actor(at('ALIVE', index * 10 + 2), at('RESTARTING', index * 10 + 8)),
    ]).flat();
    for (const arranged of [events, events.toReversed()]) {
      const attempts = converted(arranged);
      expect(attempts).toHaveLength(1_500);
      for (const { attempt, endNs, endInferred } of attempts)
        expect([endNs, endInferred]).toEqual([secondNs(attempt * 10 + 2), 'actor_alive']);
    }
  });
});
