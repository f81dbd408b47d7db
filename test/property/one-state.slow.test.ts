import { describe, expect, it } from 'vitest';
import {
  type JobState,
  jobStartNs,
  type OpenAttemptState,
  type ReadModel,
  type SessionState,
  type TaskState,
} from '../../src/correlate/index.ts';
import { isCancellation, type RayEvent, type StateTransition } from '../../src/event/index.ts';
import { traceIdOf } from '../../src/span/index.ts';
import { describeJob, describeJobInFull } from '../../src/view/describe.ts';
import { noCounts, type Stage, type StageCounts } from '../../src/view/stage.ts';
import type { JobView } from '../../src/view/records.ts';
import { creationOf, DRIVER, driverOf, header, SESSION, START_NS, taskId } from '../support/events.ts';
import { generatedStream } from '../support/generated-stream.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';
import { Seeded } from '../support/seeded.ts';
import { sized } from '../support/sized.ts';
import { createFedModel, decodedEvents, type FedModel } from '../view/view-fixture.ts';

/**
 * The live page shows what the correlator knows. After any part of any stream, in any order, with restarts, its answers are compared
 * with a slow count over the correlator's entities, and with the spans of the jobs.
 */

const START_MS = Number(START_NS / 1_000_000n);

describe('the live page agrees with the correlator and with the spans of the jobs', () => {
  it.each(SMALL_RECORDINGS)('for the recording %s, in order and in random order, with restarts', (name) => {
    const events = decodedEvents(recordedEvents(name)).slice(0, sized(700, 5_000));
    for (let seed = 1; seed <= sized(1, 4); seed += 1) {
      play(events, new Seeded(seed));
      play(shuffled(events, new Seeded(seed)), new Seeded(seed + 100));
    }
  });

  it('for generated jobs with retries, callers, actors and losses', () => {
    for (let seed = 1; seed <= sized(2, 8); seed += 1) {
      const { posts } = generatedStream({
        seed,
        jobs: 3,
        tasksPerJob: sized(40, 150),
        openTasks: 10,
        retried: 0.2,
        failed: 0.1,
        lost: 0.05,
        parents: 0.2,
      });
      const events = decodedEvents(posts.flatMap((body) => JSON.parse(body) as unknown[]));
      play(events, new Seeded(seed));
      play(shuffled(events, new Seeded(seed)), new Seeded(seed + 100));
    }
  });

  it('for random events of few tasks, actors and jobs, most of them damaged', () => {
    for (let seed = 1; seed <= sized(150, 3_000); seed += 1) {
      const random = new Seeded(seed);
      const events = Array.from({ length: 60 }, () => randomEvent(random));
      try {
        play(events, random);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
});

/** Plays events with pauses, comparing now and then; restarts go on with what a checkpoint restores. */
function play(events: readonly RayEvent[], random: Seeded): void {
  let fed = createFedModel();
  let nowMs = START_MS + 1_000_000;
  const compareEvery = Math.max(1, Math.floor(events.length / 12));
  for (const [index, event] of events.entries()) {
    fed.take(event, nowMs);
    if (random.chance(0.05)) {
      nowMs += random.pick([10, 2_000, 6_000, 16_000]);
      fed.pass(nowMs);
    }
    if (index % compareEvery === 0) compare(fed);
    if (!random.chance(2 / events.length)) continue;
    compare(fed);
    const restarted = fed.restarted();
    expect(shownBy(restarted)).toEqual(shownBy(fed));
    fed = restarted;
  }
  compare(fed);
  fed.pass(nowMs + 30_000);
  compare(fed);
  fed.pass(nowMs + 2 * 3_600_000);
  compare(fed);
}

function shuffled(events: readonly RayEvent[], random: Seeded): readonly RayEvent[] {
  const left = [...events];
  for (let index = left.length - 1; index > 0; index -= 1) {
    const other = random.below(index + 1);
    const [a, b] = [left[index], left[other]];
    if (a !== undefined && b !== undefined) [left[index], left[other]] = [b, a];
  }
  return left;
}

function compare({ model, correlator, jobs }: FedModel): void {
  for (const session of correlator.entities.sessions()) {
    for (const job of session.jobs.values()) {
      const view = model.sessions.get(session.name)?.jobs.get(job.id);
      const open = openOf(job);
      const isShown = job.hasContent || open.length > 0;
      expect(view?.hasContent === true, `job ${job.id} is shown`).toBe(isShown);
      if (view === undefined || !isShown) continue;
      compareJob(view, job, open);
    }
    compareNodes(model.sessions.get(session.name)?.nodes ?? new Map(), session);
  }
  for (const span of jobs) {
    const view = model.sessions.get(span.session)?.jobs.get(span.jobId);
    if (view === undefined) continue;
    const row = describeJob(view, { nowMs: START_MS, traceUrl: undefined });
    // A definition that arrives after the span still names the job on the page.
    if (view.entity.definition === span.definition) expect(row.name).toBe(span.name);
    expect({ outcome: row.outcome, reason: row.outcomeReason, exitCode: row.exitCode }).toEqual({
      outcome: span.verdict.outcome,
      reason: span.verdict.reason,
      exitCode: span.verdict.exitCode,
    });
    expect(row.traceId).toBe(traceIdOf(span.trace));
    expect(row.state).toBe(span.verdict.outcome === 'failed' ? 'failed' : 'finished');
  }
}

function compareJob(view: JobView, job: JobState, open: readonly OpenAttemptState[]): void {
  const row = describeJob(view, { nowMs: START_MS, traceUrl: undefined });
  const counts = countsOf(job, open);
  expect(row.tasks, `tasks of job ${job.id}`).toEqual(counts);
  expect(Object.values(row.tasks).every((count) => count >= 0)).toBe(true);
  expect(row.attempts, 'attempts').toBe(job.closedAttempts + open.length);
  expect(row.retried, 'retried').toBe(row.attempts - row.taskCount);
  expect(rowsOf(view)).toEqual(open.map(factsOf).sort());
  const { actors } = describeJobInFull(view, { nowMs: START_MS, traceUrl: undefined, since: 0 });
  const known = [...job.session.actors.values()].filter(({ id, seen, closed }) => id.endsWith(job.id) && (seen || closed));
  expect(actors.map(({ actor, state, isDetached }) => `${actor} ${state} ${isDetached}`).sort()).toEqual(
    known.map((actor) => `${actor.id} ${actor.untimedEnd?.state ?? actor.transitions.at(-1)?.state ?? ''} ${actor.isDetached}`).sort(),
  );
}

function compareNodes(shown: ReadonlyMap<string, { readonly state: string }>, session: SessionState): void {
  const states = new Map<string, string>();
  for (const { id, seen, transitions, untimedEnd } of session.nodes.values()) {
    const isDead = untimedEnd !== undefined || transitions.some(({ state }) => state === 'DEAD');
    if (seen) states.set(id, isDead ? 'DEAD' : (transitions.at(-1)?.state ?? ''));
  }
  expect(new Map([...shown].map(([id, { state }]) => [id, state]))).toEqual(states);
}

/** Open attempts of a job that Ray reported. */
function openOf(job: JobState): OpenAttemptState[] {
  const tasks = new Set<TaskState>();
  for (const { task } of job.open) tasks.add(task);
  for (const chain of job.chains) for (const task of chain.tasks) tasks.add(task);
  return [...tasks].flatMap((task) => [...task.openAttempts()]).filter(isReported);
}

function isReported({ definition, transitions, rareFields }: OpenAttemptState): boolean {
  return definition !== undefined || transitions.length > 0 || rareFields.untimedEnd !== undefined;
}

/** Each task counts once, by its attempt with the highest number. */
function countsOf(job: JobState, open: readonly OpenAttemptState[]): StageCounts {
  const counts = { ...noCounts(), ...job.closedTasks };
  const latest = new Map<TaskState, OpenAttemptState>();
  for (const attempt of open) {
    const known = latest.get(attempt.task);
    if (known === undefined || known.number < attempt.number) latest.set(attempt.task, attempt);
  }
  for (const [{ lastClosed }, attempt] of latest) {
    if (lastClosed !== undefined && lastClosed.number > attempt.number) continue;
    if (lastClosed?.isPlaceholder === false) counts[lastClosed.outcome] -= 1;
    counts[stageOf(attempt)] += 1;
  }
  return counts;
}

const STAGES_IN_ORDER: readonly (readonly [Stage, readonly string[]])[] = [
  ['failed', ['FAILED']],
  ['finished', ['FINISHED']],
  ['running', ['RUNNING', 'RUNNING_IN_RAY_GET', 'RUNNING_IN_RAY_WAIT']],
  [
    'pending_worker',
    ['SUBMITTED_TO_WORKER', 'GETTING_AND_PINNING_ARGS', 'PENDING_ACTOR_TASK_ARGS_FETCH', 'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY'],
  ],
  ['pending_node', ['PENDING_NODE_ASSIGNMENT', 'PENDING_OBJ_STORE_MEM_AVAIL', 'PENDING_ARGS_FETCH']],
  ['pending_args', ['PENDING_ARGS_AVAIL']],
];

function stageOf({ transitions, rareFields: { untimedEnd, error } }: OpenAttemptState): Stage {
  const names = [...transitions.map(({ state }) => state), ...(untimedEnd === undefined ? [] : [untimedEnd])];
  const stage = STAGES_IN_ORDER.find(([, states]) => states.some((state) => names.includes(state)))?.[0] ?? 'unknown';
  return stage === 'failed' && error !== undefined && isCancellation(error, []) ? 'cancelled' : stage;
}

function rowsOf(job: JobView): string[] {
  return [...job.open].map((row) => `${row.taskId} ${row.number} ${row.stage} ${row.nodeId} ${row.pid}`).sort();
}

function factsOf(attempt: OpenAttemptState): string {
  const { executorNodeId, submittedNodeId, workerPid } = attempt.placement;
  return `${attempt.task.id} ${attempt.number} ${stageOf(attempt)} ${executorNodeId ?? submittedNodeId} ${workerPid}`;
}

/** What a page shows, without what it says of attempts that ended. */
function shownBy({
  model,
  correlator,
}: {
  readonly model: FedModel['model'];
  readonly correlator: { readonly entities: ReadModel };
}): unknown {
  return [...correlator.entities.sessions()].map(({ name }) => {
    const session = model.sessions.get(name);
    const jobs = [...(session?.jobs.values() ?? [])].filter(({ hasContent }) => hasContent);
    return {
      name,
      isClosed: session?.isClosed,
      nodes: [...(session?.nodes.values() ?? [])]
        .map(({ id, state, resources, name: host }) => ({ id, state, resources, host }))
        .sort(byId),
      jobs: jobs.map(jobShown).sort(byId),
      open: jobs.flatMap(rowsOf).sort(),
      actors: jobs
        .flatMap((job) => [...job.actors.values()])
        .map((actor) => ({ id: actor.id, state: actor.state, name: actor.name, isClosed: actor.isClosed, lives: actor.incarnations() }))
        .sort(byId),
    };
  });
}

/** Without estimates (ages, rates, the start of a job without events of its own), and without sentences that name ended attempts. */
function jobShown(job: JobView): { readonly id: string } {
  const { verdict, ...row } = describeJob(job, { nowMs: START_MS, traceUrl: undefined });
  const shown = {
    ...row,
    endedPerSecond: 0,
    ageMs: 0,
    id: job.id,
    ...(row.outcome === undefined ? {} : { verdictKind: verdict.kind }),
    ...(jobStartNs(job.entity) === undefined ? { startMs: 0 } : {}),
  };
  return shown;
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

const JOBS = ['01000000', '02000000'] as const;
const TASK_STATES = [
  'PENDING_ARGS_AVAIL',
  'PENDING_NODE_ASSIGNMENT',
  'SUBMITTED_TO_WORKER',
  'RUNNING',
  'RUNNING_IN_RAY_GET',
  'FINISHED',
  'FAILED',
];

function randomActor(random: Seeded): string {
  return `${(random.below(2) + 1).toString(16).padStart(24, '0')}${random.pick(JOBS)}`;
}

function randomTask(random: Seeded): string {
  const kind = random.below(5);
  if (kind === 0) return creationOf(randomActor(random));
  return taskId(random.below(5), kind === 1 ? randomActor(random) : random.pick(JOBS));
}

function randomStates(random: Seeded, names: readonly string[]): { transitions: StateTransition[]; untimed?: { state: string }[] } {
  if (random.chance(0.08)) return { transitions: [], untimed: [{ state: random.pick(names.slice(-2)) }] };
  const count = random.below(3) + 1;
  return {
    transitions: Array.from({ length: count }, () => ({
      state: random.pick(names),
      timeNs: START_NS + BigInt(random.below(1_000)) * 100_000_000n,
    })),
  };
}

function randomEvent(random: Seeded): RayEvent {
  const job = random.pick(JOBS);
  const attempt = random.chance(0.6) ? 0 : random.below(4);
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const parentTaskId = random.pick(['', DRIVER, driverOf(JOBS[1]), randomTask(random), taskId(77, job)]);
      const isDetachedActor = random.chance(0.1) ? { isDetachedActor: true } : {};
      return {
        ...header(),
        type: 'task_definition',
        taskId: randomTask(random),
        attempt,
        taskType: 'NORMAL_TASK',
        name: random.pick(['f', 'g']),
        language: 'PYTHON',
        requiredResources: {},
        ...(parentTaskId === '' ? {} : { parentTaskId }),
        ...isDetachedActor,
      };
    }
    case 4: {
      const actor = randomActor(random);
      return { ...header(), type: 'actor_definition', actorId: actor, isDetached: random.chance(0.4), requiredResources: {} };
    }
    case 5: {
      const states = ['PENDING_CREATION', 'ALIVE', 'RESTARTING', 'DEAD', 'DEAD'];
      return { ...header(), type: 'actor_lifecycle', actorId: randomActor(random), ...randomStates(random, states) };
    }
    case 6: {
      if (random.chance(0.5)) return { ...header(), type: 'job_definition', jobId: job, entrypoint: 'python a.py' };
      return { ...header(), type: 'job_lifecycle', jobId: job, ...randomStates(random, ['CREATED', 'CREATED', 'FINISHED', 'FINISHED']) };
    }
    case 7: {
      const nodeId = `n${random.below(2)}`;
      return { ...header(), type: 'node_lifecycle', nodeId, ...randomStates(random, ['ALIVE', 'ALIVE', 'DEAD', 'DEAD']) };
    }
    case 8: {
      if (random.chance(0.6))
        return { ...header(), type: 'task_lifecycle', taskId: driverOf(job), attempt: 0, ...randomStates(random, TASK_STATES) };
      const entries = [{ name: 'task::f', startNs: START_NS, endNs: START_NS + 5_000_000_000n, attributes: {} }];
      return { ...header(), type: 'task_profile', taskId: randomTask(random), attempt, componentType: 'worker', entries };
    }
    default: {
      const place = random.chance(0.4) ? { nodeId: `n${random.below(2)}`, workerId: `w${random.below(3)}`, workerPid: 7 } : {};
      const error = random.chance(0.2) ? { error: { errorType: random.pick(['TASK_CANCELLED', 'WORKER_DIED']), message: 'm' } } : {};
      return {
        ...header(),
        type: 'task_lifecycle',
        taskId: randomTask(random),
        attempt,
        ...place,
        ...error,
        ...randomStates(random, TASK_STATES),
      };
    }
  }
}

it('all random events are of one session', () => {
  const random = new Seeded(1);
  expect(new Set(Array.from({ length: 50 }, () => randomEvent(random).session))).toEqual(new Set([SESSION]));
});
