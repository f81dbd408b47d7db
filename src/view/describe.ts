import { jobSpanId, taskSpanId, traceUrlOf } from '../span/index.ts';
import { actorIdOf } from '../correlate/index.ts';
import type { ActorView } from './actor-view.ts';
import { type Death, deathOf, deathsOf } from './deaths.ts';
import type { RanOn } from './node-use.ts';
import type {
  ActorRow,
  AttemptRow,
  DeathRow,
  FailureRow,
  FunctionRow,
  JobAnswer,
  JobRow,
  NodeRow,
  NodeUseAnswer,
  NodeUseRow,
  SessionRow,
  WaitingRow,
} from './shapes.ts';
import { isOver, PENDING_STAGES, STAGES } from './stage.ts';
import { SessionNow } from './session-now.ts';
import { clockText } from './verdict/index.ts';
import { failedAttempts, MAX_EXAMINED } from './failed-attempts.ts';
import { verdictOf, wasRetried } from './verdict-facts.ts';
import { needsText, waitsFor } from './waits-for.ts';
import { type AttemptView, failureKey, type FunctionView, type JobView, type SessionView } from './records.ts';

/** Limits of one answer. */
export const ANSWER_LIMITS = { openLookedAt: 10_000, waitingRows: 200, actorRows: 200, nodeRows: 200, earlierAttempts: 20 } as const;

const THROUGHPUT_SECONDS = 10;

export interface DescribeOptions {
  readonly nowMs: number;
  /** Template with `{traceId}` and `{spanId}`. */
  readonly traceUrl: string | undefined;
  /** The session of the job at `nowMs`, where an answer has several jobs of it. */
  readonly now?: SessionNow;
  /** Maximum open attempts that the verdict examines. */
  readonly maxOpen?: number;
}

export function describeSession(session: SessionView): SessionRow {
  const nodes = [...session.nodes.values()];
  return {
    session: session.name,
    isOver: session.isClosed,
    jobs: [...session.jobs.values()].filter(({ hasContent }) => hasContent).length,
    nodes: nodes.length + session.nodesNotShown,
    nodesAlive: nodes.filter(({ state }) => state === 'ALIVE').length,
    firstSeenMs: session.firstSeenMs,
    lastSeenMs: session.lastSeenMs,
  };
}

export function describeJob(job: JobView, { nowMs, traceUrl, now = new SessionNow(job.session, nowMs), maxOpen }: DescribeOptions): JobRow {
  const taskCount = STAGES.reduce((sum, stage) => sum + job.tasks[stage], 0);
  const over = STAGES.filter(isOver).reduce((sum, stage) => sum + job.tasks[stage], 0);
  const endMs = Number.isNaN(job.endMs) ? job.session.clockMs(nowMs) : job.endMs;
  const startMs = Number.isNaN(job.startMs) ? endMs : job.startMs;
  return {
    session: job.session.name,
    job: job.id,
    name: job.name,
    ...given('submissionId', job.submissionId),
    ...given('entrypoint', job.entrypoint),
    state: job.state,
    ...given('outcome', job.verdict?.outcome),
    ...given('outcomeReason', job.verdict?.reason),
    ...given('outcomeMessage', job.verdict?.message),
    ...given('exitCode', job.verdict?.exitCode),
    verdict: verdictOf(job, now, { nowMs, ...given('maxOpen', maxOpen) }),
    ...givenMs('startMs', job.startMs),
    ...givenMs('endMs', job.endMs),
    ageMs: Math.max(0, endMs - startMs),
    ...given('endInferred', job.endInferred),
    ...given('error', job.error),
    isInternal: job.isInternal,
    traceId: job.traceId,
    ...given('traceUrl', traceUrl === undefined ? undefined : traceUrlOf(traceUrl, job.traceId, jobSpanId(job.session.name, job.id))),
    tasks: { ...job.tasks },
    taskCount: taskCount + job.untracked,
    retried: job.retried,
    attempts: job.attempts + job.untracked,
    untracked: job.untracked,
    progress: taskCount + job.untracked === 0 ? 0 : over / (taskCount + job.untracked),
    endedPerSecond: job.closedMs === undefined ? job.ended.perSecond(nowMs, THROUGHPUT_SECONDS) : 0,
    actors: job.actors.size + job.actorsNotShown,
  };
}

export function describeJobInFull(job: JobView, options: DescribeOptions & { readonly since: number }): JobAnswer {
  const { nowMs, since } = options;
  const now = new SessionNow(job.session, nowMs);
  const { waiting, running, lookedAt } = summarizeOpen(job, now);
  const deaths = deathsOf(job);
  return {
    nowMs: now.nowMs,
    since,
    job: describeJob(job, { ...options, now }),
    functions: [...job.functions.values()].map(describeFunction).toSorted((a, b) => b.attemptCount - a.attemptCount),
    waiting,
    lookedAt,
    failures: describeFailures(job, deaths),
    deaths: deaths.map(describeDeath),
    actors: describeActors(job),
    actorCount: job.actors.size + job.actorsNotShown,
    nodes: describeNodes(now, running),
  };
}

function describeFunction(own: FunctionView): FunctionRow {
  const attemptCount = STAGES.reduce((sum, stage) => sum + own.stages[stage], 0) + own.untracked;
  return {
    function: own.name,
    attempts: { ...own.stages },
    attemptCount,
    untracked: own.untracked,
    ...given('queue', own.queue.summary()),
    ...given('run', own.run.summary()),
  };
}

interface FailureKind {
  readonly function: string;
  readonly errorType: string;
  count: number;
  last: AttemptView;
  firstMs: number;
  retried: number;
}

/**
 * Counts closed failures, and failed attempts that are still open because events may arrive late.
 * What failed finally comes first, and of these what failed first.
 */
function describeFailures(job: JobView, deaths: readonly Death[]): readonly FailureRow[] {
  const kinds = new Map<string, FailureKind>();
  for (const [key, kind] of job.failureKinds) kinds.set(key, { ...kind, firstMs: Number.NaN, retried: 0 });
  let lookedAt = 0;
  for (const attempt of failedAttempts(job)) {
    if (lookedAt >= MAX_EXAMINED) break;
    lookedAt += 1;
    const key = failureKey(attempt);
    let kind = kinds.get(key);
    if (kind === undefined) {
      kind = {
        function: attempt.function.name,
        errorType: attempt.error?.type ?? '',
        count: 0,
        last: attempt,
        firstMs: Number.NaN,
        retried: 0,
      };
      kinds.set(key, kind);
    }
    if (!attempt.isClosed) {
      kind.count += 1;
      kind.last = attempt;
    }
    if (!(kind.firstMs <= attempt.endMs)) kind.firstMs = attempt.endMs;
    if (wasRetried(attempt)) kind.retried += 1;
  }
  const nodes = new Map(deaths.flatMap((death) => (death.kind === 'node' ? [[death.id, death] as const] : [])));
  return [...kinds.values()]
    .map(({ function: name, errorType, count, last, firstMs, retried }) => ({
      function: name,
      errorType,
      attempts: count,
      message: last.error?.message ?? '',
      task: last.taskId,
      attempt: last.number,
      endMs: last.endMs,
      firstMs: Number.isNaN(firstMs) ? last.endMs : firstMs,
      retried: Math.min(retried, count),
      ...given('cause', causeText(deathOf(last, nodes))),
    }))
    .toSorted((a, b) => Number(a.retried === a.attempts) - Number(b.retried === b.attempts) || a.firstMs - b.firstMs);
}

function causeText(death: Death | undefined): string | undefined {
  if (death === undefined) return undefined;
  return `node ${death.name} died${Number.isNaN(death.atMs) ? '' : ` ${clockText(death.atMs)}`}`;
}

function describeDeath({ kind, id, name, atMs, reason, brokenTasks, brokenCalls, restartedActors, diedActors }: Death): DeathRow {
  return {
    kind,
    id,
    name,
    ...givenMs('atMs', atMs),
    ...given('reason', reason),
    tasks: brokenTasks,
    calls: brokenCalls,
    restarted: restartedActors,
    died: diedActors,
  };
}

function actorOrder(actor: ActorView): number {
  return actor.state === 'ALIVE' || actor.isClosed ? 1 : 0;
}

/** Actors that are not alive come first. */
function describeActors(job: JobView): readonly ActorRow[] {
  return [...job.actors.values()]
    .toSorted((a, b) => actorOrder(a) - actorOrder(b))
    .slice(0, ANSWER_LIMITS.actorRows)
    .map((actor) => ({
      actor: actor.id,
      ...given('name', actor.name),
      ...given('className', actor.className),
      state: actor.state,
      isDetached: actor.isDetached,
      incarnations: actor.incarnations().map(({ startMs, endMs, nodeId, pid, reason }) => ({
        startMs,
        ...givenMs('endMs', endMs),
        ...given('node', nodeId),
        ...given('pid', pid),
        ...given('reason', reason),
      })),
      incarnationsLeftOut: actor.incarnationsNotShown,
    }));
}

function describeNodes({ session, capacity }: SessionNow, running: ReadonlyMap<string, number>): readonly NodeRow[] {
  const ids = new Set([...running.keys(), ...session.nodes.keys()]);
  return [...ids]
    .map((id) => {
      const node = session.nodes.get(id);
      const used = node?.state === 'DEAD' ? NOTHING_USED : capacity.usedOn(id);
      return {
        node: id,
        name: nodeName(session, id) ?? id,
        ...given('ip', node?.ip),
        ...(node?.resources?.[HEAD_RESOURCE] === undefined ? {} : { isHead: true }),
        state: node?.state ?? '',
        running: running.get(id) ?? 0,
        ...given('resources', node?.resources === undefined ? undefined : describeResources(node.resources, used)),
        ...givenMs('diedMs', node?.diedMs ?? Number.NaN),
        ...given('deathReason', node?.deathReason),
      };
    })
    .toSorted((a, b) => Number(b.state === 'DEAD') - Number(a.state === 'DEAD') || b.running - a.running)
    .slice(0, ANSWER_LIMITS.nodeRows);
}

/** Ray gives this resource to the head node only. */
const HEAD_RESOURCE = 'node:__internal_head__';
/** Resources that name a node, which say nothing to a reader. */
const NODE_RESOURCE = /^node:/;
const NOTHING_USED: ReadonlyMap<string, number> = new Map();

function describeResources(
  totals: Readonly<Record<string, number>>,
  used: ReadonlyMap<string, number> | undefined,
): NonNullable<NodeRow['resources']> {
  return Object.entries(totals)
    .filter(([name]) => !NODE_RESOURCE.test(name))
    .map(([name, total]) => ({ name, total, ...given('used', used === undefined ? undefined : (used.get(name) ?? 0)) }));
}

/** Combines the ended attempts, counted when they ended, with those that run now. */
export function describeNodeUse(job: JobView, { nowMs, since }: { readonly nowMs: number; readonly since: number }): NodeUseAnswer {
  const { session, nodeUse, unplaced } = job;
  const now = new SessionNow(session, nowMs);
  const clockMs = now.nowMs;
  const series = nodeUse.series(runningNow(job, now));
  const nodes = (series?.nodes ?? []).map(({ node, running }) => ({
    ...given('node', node),
    name: node === undefined ? 'other nodes' : (nodeName(session, node) ?? node),
    ...given('cpus', node === undefined ? undefined : session.nodes.get(node)?.resources?.['CPU']),
    running: [...running.subarray(0, running.findLastIndex((mean) => mean > 0) + 1)].map((mean) => Math.round(mean * 1000) / 1000),
  }));
  const startMs = series?.startMs ?? clockMs;
  return { nowMs: clockMs, since, startMs, bucketMs: series?.bucketMs ?? 0, nodes: nodes.toSorted(byUse), unplaced };
}

function* runningNow(job: JobView, now: SessionNow): Generator<RanOn> {
  let lookedAt = 0;
  for (const attempt of job.open) {
    if (lookedAt >= ANSWER_LIMITS.openLookedAt) return;
    lookedAt += 1;
    const { nodeId, runningMs } = attempt;
    if (nodeId !== undefined && !Number.isNaN(runningMs)) yield { node: nodeId, fromMs: runningMs, toMs: now.untilMs(attempt) };
  }
}

function byUse(a: NodeUseRow, b: NodeUseRow): number {
  return useOf(b) - useOf(a);
}

function useOf({ running }: NodeUseRow): number {
  return running.reduce((sum, mean) => sum + mean, 0);
}

interface OpenAttempts {
  readonly waiting: readonly WaitingRow[];
  readonly running: ReadonlyMap<string, number>;
  readonly lookedAt: number;
}

/** Examines a sample if very many attempts are open, because the stream asks for this often. */
function summarizeOpen(job: JobView, now: SessionNow): OpenAttempts {
  const waiting = new Map<string, WaitingRow & { attempts: number; sinceMs: number }>();
  const running = new Map<string, number>();
  let lookedAt = 0;
  for (const attempt of job.open) {
    if (lookedAt >= ANSWER_LIMITS.openLookedAt) break;
    lookedAt += 1;
    const { stage, nodeId } = attempt;
    if (stage === 'running' && nodeId !== undefined) running.set(nodeId, (running.get(nodeId) ?? 0) + 1);
    if (!PENDING_STAGES.includes(stage)) continue;
    const what = waitsFor(attempt, now) ?? '';
    const untilMs = now.frozenMs(attempt);
    const key = `${attempt.state}\0${what}\0${attempt.function.name}\0${untilMs}`;
    const known = waiting.get(key);
    if (known !== undefined) {
      known.attempts += 1;
      known.sinceMs = Math.min(known.sinceMs, attempt.stateMs);
    } else if (waiting.size < ANSWER_LIMITS.waitingRows) {
      const { state, stateMs: sinceMs, function: own } = attempt;
      const row = { stage, state, waitsFor: what, function: own.name, attempts: 1, sinceMs, ...given('untilMs', untilMs) };
      waiting.set(key, row);
    }
  }
  return { waiting: [...waiting.values()].toSorted((a, b) => a.sinceMs - b.sinceMs), running, lookedAt };
}

export function describeAttempt(attempt: AttemptView, now: SessionNow, traceUrl: string | undefined, isEarlier = false): AttemptRow {
  const { session, traceId } = attempt.job;
  const spanId = taskSpanId(session.name, attempt.taskId, attempt.number);
  const earlier = isEarlier ? [] : earlierOf(attempt);
  return {
    task: attempt.taskId,
    attempt: attempt.number,
    name: attempt.name === '' ? attempt.function.name : attempt.name,
    function: attempt.function.name,
    stage: attempt.stage,
    state: attempt.state,
    ...given('waitsFor', waitsFor(attempt, now)),
    ...givenMs('startMs', attempt.startMs),
    ...givenMs('nodeWaitMs', attempt.nodeWaitMs),
    ...givenMs('workerWaitMs', attempt.workerWaitMs),
    ...givenMs('runningMs', attempt.runningMs),
    ...givenMs('endMs', attempt.endMs),
    ...givenMs('untilMs', now.frozenMs(attempt) ?? Number.NaN),
    ...given('endInferred', attempt.endInferred),
    ...given('endReason', attempt.endReason),
    ...givenMs('clockSkewMs', attempt.clockSkewMs),
    ...given('node', attempt.nodeId),
    ...given('nodeName', attempt.nodeId === undefined ? undefined : nodeName(session, attempt.nodeId)),
    ...given('pid', attempt.pid),
    ...given('needs', needsText(attempt.needs)),
    ...given('actor', actorIdOf(attempt.taskId)),
    ...given('parentTask', attempt.parentTaskId),
    ...given('error', attempt.error),
    spanId,
    ...(attempt.isRolledUp ? { isFolded: true } : {}),
    ...given('traceUrl', traceUrl === undefined || attempt.isRolledUp ? undefined : traceUrlOf(traceUrl, traceId, spanId)),
    ...(earlier.length === 0 ? {} : { earlier: earlier.map((each) => describeAttempt(each, now, traceUrl, true)) }),
  };
}

/** Earlier attempts of the task, latest first. */
export function earlierOf(attempt: AttemptView): readonly AttemptView[] {
  const earlier: AttemptView[] = [];
  for (let each = attempt.previous; each !== undefined && earlier.length < ANSWER_LIMITS.earlierAttempts; each = each.previous)
    earlier.push(each);
  return earlier;
}

export function nodeName(session: SessionView, nodeId: string): string | undefined {
  const node = session.nodes.get(nodeId);
  return node?.name ?? node?.ip;
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [Name in Key]?: Value } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed key is a string to the compiler
  return (value === undefined ? {} : { [key]: value }) as { readonly [Name in Key]?: Value };
}

/**
 * Leaves out an unknown time, and rounds to microseconds, which are enough for readers and take
 * half the space.
 */
function givenMs<Key extends string>(key: Key, ms: number): { readonly [Name in Key]?: number } {
  return given(key, Number.isNaN(ms) ? undefined : Math.round(ms * 1000) / 1000);
}
