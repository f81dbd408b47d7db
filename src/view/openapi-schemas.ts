import { PATH_PHASES } from './critical-path.ts';
import { STAGES } from './stage.ts';

/** A JSON Schema, as far as OpenAPI 3.1 needs it here. */
export type Schema = Readonly<Record<string, unknown>>;

const text = (description?: string): Schema => ({ type: 'string', ...(description === undefined ? {} : { description }) });
const count = (description?: string): Schema => ({ type: 'integer', minimum: 0, ...(description === undefined ? {} : { description }) });
const number = (description?: string): Schema => ({ type: 'number', ...(description === undefined ? {} : { description }) });
const ms = (description = 'milliseconds since the epoch'): Schema => ({ type: 'number', description });
const flag: Schema = { type: 'boolean' };
const list = (items: Schema): Schema => ({ type: 'array', items });
const counts: Schema = { type: 'object', additionalProperties: { type: 'integer' } };
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** `optional` are the names of properties that are left out when they are not known. */
function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

const stage: Schema = { type: 'string', enum: [...STAGES] };
const stageCounts = object(Object.fromEntries(STAGES.map((name) => [name, count()])));

/** What stands beside every answer. */
const common = {
  nowMs: ms('for the ages of what is open; of a job, on the clock of Ray as far as it can be told'),
  since: ms('when the bridge started: of what ended before, there are the counts of jobs, and no rows'),
};

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({ error: object({ code: text('stable'), message: text('for people') }) }),
  Stage: {
    ...stage,
    description:
      'pending_args: waits for its arguments; pending_node: for a node; pending_worker: was sent to a worker or actor and waits there; cancelled: by ray.cancel; unfinished: the driver of its job ended while it was open, or no end of it was reported; unknown: defined, and no state of it was told',
  },
  StageCounts: stageCounts,
  Durations: object({
    count: count(),
    meanMs: number(),
    p50Ms: number('at most 7.5 % off'),
    p95Ms: number('at most 7.5 % off'),
    maxMs: number(),
  }),
  Status: object({
    ...common,
    events: object(
      {
        accepted: count(),
        duplicates: count(),
        rejected: count(),
        rejectedByCode: counts,
        refusedPosts: count(),
        refusedByCode: counts,
        lastReceivedMs: ms(),
      },
      ['lastReceivedMs'],
    ),
    health: object(
      {
        state: { type: 'string', enum: ['created', 'running', 'stopping', 'stopped'] },
        reason: text('why it is not ready, or takes nothing in'),
        backlogEvents: count(),
        backlogAgeMs: number(),
        journalBytes: count(),
        journalLimitBytes: number(),
        queuedSpans: count(),
        exportLagMs: number(),
        exportedSpans: count(),
        refusedSpans: count(),
        exportRetries: count(),
        openAttempts: count(),
        lateEvents: count(),
        foldedAttempts: count(),
        inferredEnds: counts,
      },
      ['reason'],
    ),
    view: object({ openAttempts: count(), rows: count(), sessionsLeftOut: count(), jobsLeftOut: count() }),
    setup: object({ lines: list(text('{url} stands for the address that Ray posts to')), needsToken: flag }),
  }),
  Sessions: object({
    ...common,
    sessions: list(
      object({
        session: text(),
        isOver: flag,
        jobs: count(),
        nodes: count(),
        nodesAlive: count(),
        firstSeenMs: ms(),
        lastSeenMs: ms(),
      }),
    ),
  }),
  Job: object(
    {
      session: text(),
      job: text('hex, as Ray prints it'),
      name: text(),
      submissionId: text(),
      entrypoint: text('reduced to program and script'),
      state: { type: 'string', enum: ['running', 'finished', 'failed'] },
      outcome: {
        type: 'string',
        enum: ['succeeded', 'failed', 'stopped', 'unknown'],
        description: 'what a closed job came to; unknown: Ray reports nothing from which it follows',
      },
      outcomeReason: text('submission, driver_failed, driver_died, tasks_failed, tasks_open, driver_ended, driver_unknown or no_end'),
      outcomeMessage: text('the same in a sentence'),
      exitCode: { type: 'integer', description: 'of the driver, where Ray reports it' },
      startMs: ms(),
      endMs: ms(),
      ageMs: number(),
      endInferred: text('how its end was found when Ray told none'),
      error: text(),
      isInternal: { ...flag, description: "true: Ray itself started it, for example the job agent's driver" },
      traceId: text(),
      traceUrl: text(),
      tasks: ref('StageCounts'),
      taskCount: count(),
      retried: count('attempts that were tried again'),
      attempts: count(),
      untracked: count('open attempts that are only counted'),
      progress: number('share of the known tasks that is over, 0 to 1'),
      endedPerSecond: number('over the last 10 s'),
      actors: count(),
    },
    [
      'submissionId',
      'entrypoint',
      'outcome',
      'outcomeReason',
      'outcomeMessage',
      'exitCode',
      'startMs',
      'endMs',
      'endInferred',
      'error',
      'traceUrl',
    ],
  ),
  Jobs: object({ ...common, jobs: list(ref('Job')), more: count('jobs that the answer has no room for') }),
  JobInFull: object({
    ...common,
    job: ref('Job'),
    functions: list(
      object(
        {
          function: text(),
          attempts: ref('StageCounts'),
          attemptCount: count(),
          untracked: count(),
          queue: ref('Durations'),
          run: ref('Durations'),
        },
        ['queue', 'run'],
      ),
    ),
    waiting: list(
      object(
        {
          stage: ref('Stage'),
          state: text(),
          waitsFor: text('followed to the root, with `which waits for` between'),
          function: text(),
          attempts: count(),
          sinceMs: ms(),
          untilMs: ms('the end of the job, which ended the wait; left out while it lasts'),
        },
        ['untilMs'],
      ),
    ),
    lookedAt: count('open attempts that `waiting` and `nodes` are made of; very many are not all looked at'),
    failures: list(
      object({ function: text(), errorType: text(), attempts: count(), message: text(), task: text(), attempt: count(), endMs: ms() }),
    ),
    actors: list(
      object(
        {
          actor: text(),
          name: text(),
          className: text(),
          state: text(),
          isDetached: flag,
          incarnations: list(
            object({ startMs: ms(), endMs: ms(), node: text(), pid: count(), reason: text() }, ['endMs', 'node', 'pid', 'reason']),
          ),
          incarnationsLeftOut: count(),
        },
        ['name', 'className'],
      ),
    ),
    actorCount: count(),
    nodes: list(object({ node: text(), name: text(), state: text(), running: count() })),
  }),
  Attempt: object(
    {
      task: text(),
      attempt: count('from 0 on'),
      name: text(),
      function: text(),
      stage: ref('Stage'),
      state: text("Ray's own word"),
      waitsFor: text(),
      startMs: ms(),
      nodeWaitMs: ms('when it began to wait for a node'),
      workerWaitMs: ms('when it was sent to its worker'),
      runningMs: ms('when it began to run'),
      endMs: ms(),
      untilMs: ms('the end of the job, of an attempt that can only have ended with it: its age counts up to here'),
      endInferred: text(),
      endReason: text('driver_ended: it ended with the driver of its job; intended_exit: its process was to exit'),
      clockSkewMs: number('where the clocks of owner and executor contradict each other: by how much at least; all times are of the owner'),
      node: text(),
      nodeName: text(),
      pid: count(),
      actor: text(),
      parentTask: text(),
      error: object({ type: text(), message: text('cut') }),
      spanId: text(),
      isFolded: { ...flag, description: 'true: the budget of its trace folded it, so that it has no span of its own there' },
      traceUrl: text('where its span can be looked at, once it is over and was sent'),
      depth: count('in the order of a tree: how many tasks above it are listed'),
      earlier: list(ref('Attempt')),
    },
    [
      'waitsFor',
      'startMs',
      'nodeWaitMs',
      'workerWaitMs',
      'runningMs',
      'endMs',
      'untilMs',
      'endInferred',
      'endReason',
      'clockSkewMs',
      'node',
      'nodeName',
      'pid',
      'actor',
      'parentTask',
      'error',
      'isFolded',
      'traceUrl',
      'depth',
      'earlier',
    ],
  ),
  Tasks: object(
    {
      ...common,
      total: count('tasks that the filters let through'),
      offset: count(),
      tasks: list(ref('Attempt')),
      firstMs: ms(),
      lastMs: ms(),
      withoutRow: count('attempts of the job that have no row, or none any more'),
    },
    ['firstMs', 'lastMs'],
  ),
  Fold: object(
    {
      key: text('what to give in `unfold` in order to get its tasks too'),
      function: text(),
      tasks: count(),
      below: count('tasks below these, not listed either while it is folded'),
      isUnfolded: flag,
      stages: ref('StageCounts'),
      retried: count('earlier attempts'),
      startMs: ms('when the first one was submitted'),
      runningMs: ms('when the first one began to run'),
      runUntilMs: ms('when the last of those ended that are known to have run; the present while one runs'),
      endMs: ms('when the last one ended, if all did'),
      untilMs: ms('up to when the ages of those that did not end count, if that is before the present'),
      queueSumMs: number('of the last attempts: from the first state to RUNNING, up to the present where it is open'),
      runSumMs: number('from RUNNING on'),
      runMaxMs: number(),
    },
    ['startMs', 'runningMs', 'runUntilMs', 'endMs', 'untilMs'],
  ),
  Tree: object(
    {
      ...common,
      total: count('rows, of all pages'),
      tasks: count('tasks in the tree, also those that are folded'),
      offset: count(),
      rows: list(object({ depth: count(), task: ref('Attempt'), fold: ref('Fold') }, ['task', 'fold'])),
      firstMs: ms(),
      lastMs: ms(),
      withoutRow: count('attempts of the job that have no row, or none any more'),
    },
    ['firstMs', 'lastMs'],
  ),
  CriticalPath: object({
    ...common,
    isOver: { ...flag, description: 'false: the path is that to the present' },
    startMs: ms(),
    endMs: ms(),
    shares: list(
      object(
        {
          function: text('left out for the driver'),
          tasks: count(),
          argumentsMs: number('waited for arguments'),
          retryMs: number('waited to be tried again'),
          nodeMs: number('waited for a node; 0 for calls on an actor'),
          workerMs: number('waited at its worker or actor'),
          runningMs: number('ran; for the driver and for callers without the time of those they waited for'),
          unknownMs: number('Ray did not tell which of these'),
          totalMs: number(),
        },
        ['function'],
      ),
    ),
    steps: list(
      object(
        {
          task: text('left out for the driver'),
          attempt: count(),
          name: text(),
          function: text(),
          spanId: text(),
          fold: text('key of the fold that the task is in when there are enough of its kind'),
          phase: { type: 'string', enum: [...PATH_PHASES] },
          startMs: ms(),
          endMs: ms(),
          isHandedOn: { ...flag, description: 'true: it waited for arguments that the step before is taken to have made' },
        },
        ['task', 'attempt', 'function', 'spanId', 'fold', 'isHandedOn'],
      ),
    ),
    stepsLeftOut: count('of the beginning'),
    tasksLeftOut: count('tasks that were not looked at because there are too many, or that have no row any more'),
  }),
  NodeUse: object({
    ...common,
    startMs: ms('when the first bucket begins'),
    bucketMs: number(),
    nodes: list(
      object(
        {
          node: text('left out for all nodes for which there was no room'),
          name: text(),
          cpus: number('that it has'),
          running: list(number('attempts of the job that ran on it in this bucket, on average')),
        },
        ['node', 'cpus'],
      ),
    ),
    unplaced: count('attempts that are over and of which Ray did not tell where or when they ran'),
  }),
};
