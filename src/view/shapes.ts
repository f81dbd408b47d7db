import type { JobOutcomeReason } from '../correlate/index.ts';
import { PATH_PHASES } from './critical-path.ts';
import {
  count,
  countsByName,
  flag,
  integer,
  list,
  ms,
  number,
  object,
  oneOf,
  optional,
  ref,
  type Schema,
  text,
  type ValueOf,
} from './schema.ts';
import { STAGES, type StageCounts } from './stage.ts';
import { VERDICT_KINDS } from './verdict/index.ts';

/**
 * What `/api/v1` answers: each schema describes an answer to clients, and the types below follow
 * from it. Times are milliseconds since the epoch with fractions, from Ray's clocks unless a
 * description says otherwise. Unknown values are left out. Texts come from Ray unchanged except
 * that they are cut: escape them wherever you show them.
 */
const SCHEMAS_BY_NAME: Record<string, Schema> = {};

/** The schemas that the API description lists under `components`, by name. */
export const SCHEMAS: Readonly<Record<string, Schema>> = SCHEMAS_BY_NAME;

/** Lists a schema under `components`, and returns a reference to it. */
function component<Value>(name: string, schema: Schema<Value>): Schema<Value> {
  SCHEMAS_BY_NAME[name] = schema;
  return ref(name);
}

/** Part of every answer. */
const COMMON = {
  nowMs: ms("the present, for the ages of open things; in answers about a job, an estimate of the present on Ray's clock"),
  since: ms('when the bridge started, on its own clock; jobs keep the counts of what ended before, but not the rows'),
};

const EXTENT = {
  firstMs: optional(ms('earliest start of these tasks')),
  lastMs: optional(ms('latest end of these tasks; open ones count as ending at the present')),
  withoutRow: count('attempts of the job without a row: ended ones whose row was dropped, and open ones that are only counted'),
};

component('Error', object({ error: object({ code: text('stable'), message: text('for people') }) }));

const STAGE = component(
  'Stage',
  oneOf(
    STAGES,
    'pending_args: waits for its arguments; pending_node: waits for a node; pending_worker: was sent to a worker or actor and waits there; cancelled: by ray.cancel; unfinished: the job ended but Ray never reported the end; unknown: Ray reported a definition but no state yet',
  ),
);

const STAGE_COUNTS_SCHEMA: Schema<StageCounts> = {
  type: 'object',
  properties: Object.fromEntries(STAGES.map((name) => [name, count()])),
  required: [...STAGES],
  additionalProperties: false,
};
const STAGE_COUNTS = component('StageCounts', STAGE_COUNTS_SCHEMA);

const DURATIONS = component(
  'Durations',
  object({
    count: count(),
    meanMs: number(),
    p50Ms: number('at most 7.5 % off'),
    p95Ms: number('at most 7.5 % off'),
    maxMs: number(),
  }),
);

const EVENT_COUNTS = object({
  accepted: count('since the bridge started, like the other counts here'),
  duplicates: count(),
  rejected: count('events that the bridge rejected'),
  rejectedByCode: countsByName(),
  refusedPosts: count(),
  refusedByCode: countsByName(),
  lastReceivedMs: optional(ms("when the last event arrived, on the bridge's clock")),
});
export type EventCounts = ValueOf<typeof EVENT_COUNTS>;

const HEALTH = object({
  state: oneOf(['created', 'running', 'stopping', 'stopped']),
  reason: optional(text('why the bridge is not ready or accepts no events')),
  backlogEvents: count('accepted events that are not processed yet'),
  backlogAgeMs: number(),
  journalBytes: count(),
  journalLimitBytes: number(),
  queuedSpans: count('finished spans that wait for the backend'),
  outboxBytes: count('bytes of those that wait on disk'),
  outboxLimitBytes: count('size at which events wait in the journal; 0 without a disk'),
  exportLagMs: number('how long the oldest of them has waited'),
  exportedSpans: count(),
  refusedSpans: count('spans that the backend refused'),
  exportRetries: count(),
  openAttempts: count(),
  lateEvents: count('events that arrived after their span was sent'),
  foldedAttempts: count('attempts that the span budget rolled up'),
  inferredEnds: countsByName('ends that the bridge inferred, by reason'),
});
/** Health of the bridge. */
export type Health = ValueOf<typeof HEALTH>;

const STATUS = component(
  'Status',
  object({
    ...COMMON,
    events: EVENT_COUNTS,
    health: HEALTH,
    view: object({
      openAttempts: count(),
      rows: count(),
      sessionsLeftOut: count('sessions beyond the limit'),
      jobsLeftOut: count('jobs beyond the limit'),
    }),
    setup: object({
      lines: list(text('a line for a shell; {url} stands for the address that Ray posts to')),
      needsToken: flag(),
    }),
  }),
);
export type StatusAnswer = ValueOf<typeof STATUS>;

const SESSION = object({
  session: text(),
  isOver: flag('true: the session ended'),
  jobs: count(),
  nodes: count(),
  nodesAlive: count(),
  firstSeenMs: ms("when the bridge received its first event, on the bridge's clock"),
  lastSeenMs: ms("when the bridge received its last event, on the bridge's clock"),
});
export type SessionRow = ValueOf<typeof SESSION>;

const SESSIONS = component('Sessions', object({ ...COMMON, sessions: list(SESSION) }));
export type SessionsAnswer = ValueOf<typeof SESSIONS>;

const VERDICT = component(
  'Verdict',
  object({
    kind: oneOf(
      VERDICT_KINDS,
      'blocked: nothing runs, or what it waits for cannot happen; failing: it runs, and tasks failed; slow: it runs, and nothing ended lately; ended: Ray does not report how',
    ),
    text: text('why the job hangs, what broke it, or how it ended'),
    cause: text('the same without its age, for clients that count the age from `sinceMs`'),
    sinceMs: optional(ms('since when the job has been blocked or slow')),
    atMs: optional(ms('the time of day that the text names')),
    chain: list(
      object({ text: text(), leadsBy: text('the words that lead to the next link; empty for the last link, which is the root cause') }),
      'from what is held up to the root cause',
    ),
    notes: list(text(), 'further sentences, most important first'),
  }),
);
export type VerdictRow = ValueOf<typeof VERDICT>;

const JOB = component(
  'Job',
  object({
    session: text(),
    job: text('hex, as Ray prints it'),
    name: text(),
    submissionId: optional(text()),
    entrypoint: optional(text('reduced to program and script')),
    state: oneOf(['running', 'finished', 'failed'], 'finished: the job ended; `outcome` says how'),
    outcome: optional(
      oneOf(
        ['succeeded', 'failed', 'stopped', 'unknown'],
        'how the job ended, known about 15 s after its end; unknown: Ray reports nothing that decides it',
      ),
    ),
    outcomeReason: optional(
      text<JobOutcomeReason>('submission, driver_failed, driver_died, tasks_failed, tasks_open, driver_ended, driver_unknown or no_end'),
    ),
    outcomeMessage: optional(text('the outcome and its reason in one sentence')),
    exitCode: optional(integer('exit code of the driver, where Ray reports it')),
    verdict: VERDICT,
    startMs: optional(ms()),
    endMs: optional(ms()),
    ageMs: number('from the start to the end, or to the present while the job runs'),
    endInferred: optional(text('how the bridge inferred the end, where Ray reported none')),
    error: optional(text()),
    isInternal: flag("true: Ray itself started it, for example the job agent's driver"),
    traceId: text(),
    traceUrl: optional(text()),
    tasks: STAGE_COUNTS,
    taskCount: count(),
    retried: count('attempts that Ray retried'),
    attempts: count(),
    untracked: count('open attempts that are only counted'),
    progress: number('share of the known tasks that ended, 0 to 1'),
    endedPerSecond: number('attempts that ended per second, over the last 10 s'),
    actors: count(),
  }),
);
export type JobRow = ValueOf<typeof JOB>;

const JOBS = component('Jobs', object({ ...COMMON, jobs: list(JOB), more: count('jobs beyond the limit of one answer') }));
export type JobsAnswer = ValueOf<typeof JOBS>;

const FUNCTION = object({
  function: text(),
  attempts: STAGE_COUNTS,
  attemptCount: count(),
  untracked: count('open attempts that are only counted'),
  queue: optional(DURATIONS),
  run: optional(DURATIONS),
});
export type FunctionRow = ValueOf<typeof FUNCTION>;

const WAITING = object({
  stage: STAGE,
  state: text("Ray's own name of the state"),
  waitsFor: text('followed to the root, with `which waits for` between'),
  function: text(),
  attempts: count(),
  sinceMs: ms('since when the longest of these attempts has waited'),
  untilMs: optional(ms('the end of the job, which ended the wait; left out while the wait lasts')),
});
export type WaitingRow = ValueOf<typeof WAITING>;

const FAILURE = object({
  function: text(),
  errorType: text(),
  attempts: count(),
  message: text('of the latest of these attempts, like `task`, `attempt` and `endMs`'),
  task: text(),
  attempt: count(),
  endMs: ms(),
  firstMs: ms('end of the earliest of these attempts'),
  retried: count('those of these attempts that Ray retried; the others are final'),
  cause: optional(text('the death that broke the latest of these attempts, as in `deaths`')),
});
export type FailureRow = ValueOf<typeof FAILURE>;

const ACTOR = object({
  actor: text(),
  name: optional(text()),
  className: optional(text()),
  state: text("Ray's own name of the state; empty when Ray reported none"),
  isDetached: flag(),
  incarnations: list(
    object({
      startMs: ms(),
      endMs: optional(ms()),
      node: optional(text()),
      pid: optional(count()),
      reason: optional(text('why it ended')),
    }),
  ),
  incarnationsLeftOut: count('earlier incarnations'),
});
export type ActorRow = ValueOf<typeof ACTOR>;

const NODE = object({
  node: text(),
  name: text(),
  ip: optional(text()),
  isHead: optional(flag('true: the head node')),
  state: text(),
  running: count('running attempts of the job'),
  resources: optional(
    list(
      object({ name: text(), total: number(), used: optional(number('by running attempts and living actors; left out where unknown')) }),
    ),
  ),
  diedMs: optional(ms()),
  deathReason: optional(text()),
});
export type NodeRow = ValueOf<typeof NODE>;

const DEATH = object({
  kind: oneOf(['node', 'actor', 'worker']),
  id: text(),
  name: text(),
  atMs: optional(ms()),
  reason: optional(text()),
  tasks: count('tasks that failed because of it'),
  calls: count('actor calls that failed because of it'),
  restarted: list(text('actor that was restarted')),
  died: list(text('actor that died with it')),
});
export type DeathRow = ValueOf<typeof DEATH>;

const JOB_IN_FULL = component(
  'JobInFull',
  object({
    ...COMMON,
    job: JOB,
    functions: list(FUNCTION),
    waiting: list(WAITING),
    lookedAt: count('open attempts that `waiting` and `nodes` cover: a sample when there are very many'),
    failures: list(FAILURE, 'final failures first, then the earliest first'),
    deaths: list(DEATH, 'while the job ran, oldest first'),
    actors: list(ACTOR),
    actorCount: count(),
    nodes: list(NODE),
  }),
);
export type JobAnswer = ValueOf<typeof JOB_IN_FULL>;

const ATTEMPT_WITHOUT_EARLIER = {
  task: text(),
  attempt: count('number of the attempt, starting at 0'),
  name: text(),
  function: text(),
  stage: STAGE,
  state: text("Ray's own name of the state"),
  waitsFor: optional(text()),
  startMs: optional(ms()),
  nodeWaitMs: optional(ms('when it began to wait for a node')),
  workerWaitMs: optional(ms('when it was sent to its worker')),
  runningMs: optional(ms('when it began to run')),
  endMs: optional(ms()),
  untilMs: optional(ms('the end of the job, for an open attempt that cannot have outlived it: its age counts up to here')),
  endInferred: optional(text('how the bridge inferred the end, where Ray reported none')),
  endReason: optional(text('driver_ended: it ended with the driver of its job; intended_exit: its process exited on purpose')),
  clockSkewMs: optional(
    number(
      "minimum difference between the clocks of owner and executor, where they contradict each other; all times are then on the owner's",
    ),
  ),
  node: optional(text()),
  nodeName: optional(text()),
  pid: optional(count()),
  needs: optional(text('resources that it needs, while it is open')),
  actor: optional(text()),
  parentTask: optional(text()),
  error: optional(object({ type: text(), message: text('cut') })),
  spanId: text(),
  isFolded: optional(flag('true: the span budget rolled the attempt up, so it has no span of its own')),
  traceUrl: optional(text('link to its span, which the bridge sends after the attempt ended')),
  depth: optional(count('number of its ancestors in the list, in tree order')),
};
const ATTEMPT_ALONE = object(ATTEMPT_WITHOUT_EARLIER);
export interface AttemptRow extends ValueOf<typeof ATTEMPT_ALONE> {
  readonly earlier?: readonly AttemptRow[];
}
const ATTEMPT: Schema<AttemptRow> = component(
  'Attempt',
  object({ ...ATTEMPT_WITHOUT_EARLIER, earlier: optional(list(ref<AttemptRow>('Attempt'))) }),
);

const TASKS = component(
  'Tasks',
  object({ ...COMMON, total: count('tasks that match the filters'), offset: count(), tasks: list(ATTEMPT), ...EXTENT }),
);
export type AttemptsAnswer = ValueOf<typeof TASKS>;

const ROLLUP = component(
  'Fold',
  object({
    key: text('pass it in `unfold` to list these tasks too; stays the same while the job is remembered'),
    function: text(),
    tasks: count(),
    below: count('descendants of these tasks, hidden while the row is collapsed'),
    isUnfolded: flag('true: the row is expanded'),
    stages: STAGE_COUNTS,
    retried: count('earlier attempts'),
    startMs: optional(ms('when the first task was submitted')),
    runningMs: optional(ms('when the first task began to run')),
    runUntilMs: optional(ms('when the last task stopped running; the present while one runs')),
    endMs: optional(ms('when the last task ended, if all ended')),
    untilMs: optional(ms('up to when the ages of open tasks count, if that is before the present')),
    queueSumMs: number('sum over the latest attempts, from the first state to RUNNING, or to the present where one is open'),
    runSumMs: number('sum over the latest attempts, from RUNNING to the end, or to the present where one is open'),
    runMaxMs: number(),
    density: optional(
      object({
        startMs: ms(),
        bucketMs: number(),
        running: list(number('mean number of running attempts in this bucket')),
        waiting: list(number('mean number of waiting attempts')),
        failed: list(count('attempts that failed in this bucket')),
      }),
    ),
  }),
);
/** Sibling tasks of one function, rolled up into one row. The API calls it a fold. */
export type RollupRow = ValueOf<typeof ROLLUP>;

const TREE_ROW = object({ depth: count(), task: optional(ATTEMPT), fold: optional(ROLLUP) });
/** Either a task or a rollup. */
export type TreeRow = ValueOf<typeof TREE_ROW>;

const TREE = component(
  'Tree',
  object({
    ...COMMON,
    total: count('rows on all pages'),
    tasks: count('tasks in the tree, including those in collapsed rows'),
    offset: count(),
    rows: list(TREE_ROW),
    ...EXTENT,
  }),
);
export type TreeAnswer = ValueOf<typeof TREE>;

const PATH_SHARE = object({
  function: optional(text('left out for the driver')),
  tasks: count(),
  argumentsMs: number('waited for arguments'),
  retryMs: number('waited for a retry: from the end of one attempt until the next left that wait'),
  nodeMs: number('waited for a node; 0 for calls on an actor'),
  workerMs: number('waited at its worker or actor'),
  runningMs: number('ran; a caller does not count the time of the tasks that it waited for'),
  unknownMs: number('Ray did not report which of these'),
  totalMs: number(),
});
export type PathShareRow = ValueOf<typeof PATH_SHARE>;

const PATH_STEP = object({
  task: optional(text('left out for the driver')),
  attempt: optional(count()),
  name: text(),
  function: optional(text()),
  spanId: optional(text()),
  fold: optional(text('key of the rollup that contains the task, where enough siblings of its function exist')),
  phase: oneOf(PATH_PHASES),
  startMs: ms(),
  endMs: ms(),
  isHandedOn: optional(flag('true: the task of the step before probably made the arguments that this step waited for')),
});
export type PathStepRow = ValueOf<typeof PATH_STEP>;

const CRITICAL_PATH = component(
  'CriticalPath',
  object({
    ...COMMON,
    isOver: flag('false: the job runs, and the path leads to the present'),
    startMs: ms(),
    endMs: ms(),
    shares: list(PATH_SHARE),
    steps: list(PATH_STEP),
    stepsLeftOut: count('steps at the beginning of the path that the answer leaves out'),
    tasksLeftOut: count('tasks that the search left out, because there are too many or because they have no row any more'),
  }),
);
export type CriticalPathAnswer = ValueOf<typeof CRITICAL_PATH>;

const NODE_SERIES = object({
  node: optional(text('left out for the row that sums up the nodes beyond the limit')),
  name: text(),
  cpus: optional(number('CPUs of the node, as Ray reported')),
  running: list(number('mean number of running attempts of the job in this bucket; idle buckets at the end are left out')),
});
export type NodeUseRow = ValueOf<typeof NODE_SERIES>;

const NODE_USE = component(
  'NodeUse',
  object({
    ...COMMON,
    startMs: ms('start of the first bucket'),
    bucketMs: number(),
    nodes: list(NODE_SERIES),
    unplaced: count('ended attempts for which Ray did not report where or when they ran'),
  }),
);
export type NodeUseAnswer = ValueOf<typeof NODE_USE>;
