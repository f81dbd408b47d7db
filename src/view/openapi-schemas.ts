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
  since: ms('from when on the view knows what happened; what was over before is not in it'),
};

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({ error: object({ code: text('stable'), message: text('for people') }) }),
  Stage: {
    ...stage,
    description:
      'pending_args: waits for its arguments; pending_node: for a node; pending_worker: was sent to a worker or actor and waits there; unfinished: its job is over and no end of it was told; unknown: defined, and no state of it was told',
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
      startMs: ms(),
      endMs: ms(),
      ageMs: number(),
      endInferred: text('how its end was found when Ray told none'),
      error: text(),
      isInternal: flag,
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
    ['submissionId', 'entrypoint', 'startMs', 'endMs', 'endInferred', 'error', 'traceUrl'],
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
    waiting: list(object({ stage: ref('Stage'), state: text(), waitsFor: text(), function: text(), attempts: count(), sinceMs: ms() })),
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
      endInferred: text(),
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
      'endInferred',
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
};
