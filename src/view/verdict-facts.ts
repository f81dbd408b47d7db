import { asNodeDeath, deathsOf } from './deaths.ts';
import { failedAttempts, MAX_EXAMINED } from './failed-attempts.ts';
import type { AttemptView, JobView } from './records.ts';
import type { SessionNow } from './session-now.ts';
import { PENDING_STAGES } from './stage.ts';
import { judge, type CallerGroup, type FailureGroup, type Verdict, type VerdictFacts, type WaitGroup } from './verdict/index.ts';
import { waitOf } from './waits-for.ts';

const MAX_GROUPS = 200;
const THROUGHPUT_SECONDS = 10;
/** Type of an error that carries an exception of the user's code. */
const EXCEPTION = 'TASK_EXECUTION_EXCEPTION';
const EXCEPTION_TYPE = /^([\w.]{1,100}):/;

const IN_RAY: Readonly<Record<string, string>> = { RUNNING_IN_RAY_GET: 'ray.get', RUNNING_IN_RAY_WAIT: 'ray.wait' };

/** The verdicts of ended jobs, which change only with their counts. */
const known = new WeakMap<JobView, { readonly key: string; readonly verdict: Verdict }>();

export interface VerdictOptions {
  /** On the bridge's clock. */
  readonly nowMs: number;
  /** Maximum open attempts to examine. Default 10,000. */
  readonly maxOpen?: number;
}

export function verdictOf(job: JobView, now: SessionNow, options: VerdictOptions): Verdict {
  if (Number.isNaN(job.endMs) && job.verdict === undefined) return judge(verdictFacts(job, now, options));
  const { verdict, tasks, session } = job;
  const key = JSON.stringify([verdict, tasks, job.error, job.failures.size, session.deadNodes.size, job.endMs]);
  const kept = known.get(job);
  if (kept?.key === key) return kept.verdict;
  const made = judge(verdictFacts(job, now, options));
  known.set(job, { key, verdict: made });
  return made;
}

export function verdictFacts(job: JobView, now: SessionNow, { nowMs, maxOpen = MAX_EXAMINED }: VerdictOptions): VerdictFacts {
  const hasEnded = !Number.isNaN(job.endMs) || job.verdict !== undefined || job.state !== 'running';
  const open = hasEnded ? NOTHING_OPEN : examineOpen(job, now, maxOpen);
  return {
    nowMs: now.nowMs,
    startMs: job.startMs,
    endMs: job.endMs,
    hasEnded,
    outcome: job.verdict?.outcome,
    outcomeReason: job.verdict?.reason,
    outcomeMessage: job.verdict?.message,
    exitCode: job.verdict?.exitCode,
    error: job.error,
    tasks: job.tasks,
    endedPerSecond: job.closedMs === undefined ? job.ended.perSecond(nowMs, THROUGHPUT_SECONDS) : 0,
    ...open,
    failures: failureGroups(job),
    deaths:
      job.session.deadNodes.size === 0
        ? []
        : deathsOf(job)
            .filter(({ kind }) => kind === 'node')
            .map(asNodeDeath),
    neverStarted: neverStarted(job),
  };
}

type OpenFacts = Pick<VerdictFacts, 'waits' | 'running' | 'longest' | 'waitingInRay' | 'isSample'>;

const NOTHING_OPEN: OpenFacts = { waits: [], running: 0, longest: undefined, waitingInRay: [], isSample: false };

interface Group {
  readonly wait: { -readonly [Key in keyof WaitGroup]: WaitGroup[Key] };
  /** Tasks that submitted these attempts. */
  readonly parents: Set<string | undefined>;
}

interface Caller {
  readonly function: string;
  attempts: number;
  readonly call: string;
  readonly taskIds: string[];
}

function examineOpen(job: JobView, now: SessionNow, maxOpen: number): OpenFacts {
  const groups = new Map<string, Group>();
  const callers = new Map<string, Caller>();
  /** Functions of tasks that could make arguments, by the task that submitted them. */
  const makers = new Map<string | undefined, Set<string>>();
  let longest: { readonly function: string; readonly runningMs: number } | undefined;
  let [running, lookedAt] = [0, 0];
  for (const attempt of job.open) {
    if (lookedAt >= maxOpen) break;
    lookedAt += 1;
    const { stage, state, runningMs, function: own } = attempt;
    if (stage === 'running') {
      const call = IN_RAY[state];
      if (call !== undefined) noteCaller(callers, attempt, call);
      else {
        running += 1;
        if (!Number.isNaN(runningMs) && !(longest !== undefined && longest.runningMs <= runningMs))
          longest = { function: own.name, runningMs };
      }
    }
    if (PENDING_STAGES.includes(stage)) noteWait(groups, attempt, now);
    if (stage === 'running' || (PENDING_STAGES.includes(stage) && stage !== 'pending_args')) noteMaker(makers, attempt);
  }
  const waits = [...groups.values()].map(({ wait, parents }) => ({
    ...wait,
    callers: [...callers.values()].filter(({ taskIds }) => taskIds.some((id) => parents.has(id))).map(withoutIds),
    makers: wait.links.at(-1)?.kind === 'arguments' ? [...parents].flatMap((parent) => [...(makers.get(parent) ?? [])]) : [],
  }));
  return {
    waits,
    running,
    longest,
    waitingInRay: [...callers.values()].map(withoutIds),
    isSample: lookedAt < job.open.size || job.untracked > 0,
  };
}

function withoutIds({ function: name, attempts, call }: Caller): CallerGroup {
  return { function: name, attempts, call };
}

function noteCaller(callers: Map<string, Caller>, { function: own, taskId }: AttemptView, call: string): void {
  const key = `${own.name}\0${call}`;
  const caller = callers.get(key);
  if (caller === undefined) {
    if (callers.size < MAX_GROUPS) callers.set(key, { function: own.name, attempts: 1, call, taskIds: [taskId] });
    return;
  }
  caller.attempts += 1;
  if (caller.taskIds.length < MAX_GROUPS) caller.taskIds.push(taskId);
}

function noteWait(groups: Map<string, Group>, attempt: AttemptView, now: SessionNow): void {
  const wait = waitOf(attempt, now);
  if (wait === undefined || now.frozenMs(attempt) !== undefined) return;
  const { function: own, stateMs, parentTaskId } = attempt;
  const key = `${own.name}\0${wait.text}`;
  const group = groups.get(key);
  if (group === undefined) {
    if (groups.size >= MAX_GROUPS) return;
    const made = { function: own.name, attempts: 1, sinceMs: stateMs, links: wait.links, callers: [], makers: [] };
    groups.set(key, { wait: made, parents: new Set([parentTaskId]) });
    return;
  }
  group.wait.attempts += 1;
  group.wait.sinceMs = Math.min(group.wait.sinceMs, stateMs);
  if (group.parents.size < MAX_GROUPS) group.parents.add(parentTaskId);
}

function noteMaker(makers: Map<string | undefined, Set<string>>, { parentTaskId, function: own }: AttemptView): void {
  const names = makers.get(parentTaskId);
  if (names === undefined) makers.set(parentTaskId, new Set([own.name]));
  else if (names.size < MAX_GROUPS) names.add(own.name);
}

/** Failed attempts by function and type of the exception, of those with a row. */
function failureGroups(job: JobView): readonly FailureGroup[] {
  const groups = new Map<string, { function: string; type: string; final: number; retried: number }>();
  let lookedAt = 0;
  for (const attempt of failedAttempts(job)) {
    if (lookedAt >= MAX_EXAMINED) break;
    lookedAt += 1;
    const type = failureType(attempt);
    const key = `${attempt.function.name}\0${type}`;
    let group = groups.get(key);
    if (group === undefined) {
      if (groups.size >= MAX_GROUPS) continue;
      groups.set(key, (group = { function: attempt.function.name, type, final: 0, retried: 0 }));
    }
    if (wasRetried(attempt)) group.retried += 1;
    else group.final += 1;
  }
  return [...groups.values()];
}

/** A later attempt of its task is known. */
export function wasRetried({ next }: AttemptView): boolean {
  return next !== undefined;
}

/** Type of the exception where user code raised one; else Ray's error type. */
export function failureType({ error }: AttemptView): string {
  if (error === undefined) return '';
  return error.type === EXCEPTION ? (EXCEPTION_TYPE.exec(error.message)?.[1] ?? error.type) : error.type;
}

function neverStarted({ tasks, others, withoutRow }: JobView): number | undefined {
  if (tasks.unfinished === 0) return 0;
  if (withoutRow > 0) return undefined;
  let [count, lookedAt] = [0, 0];
  for (const { stage, runningMs, next } of others) {
    if (stage === 'unfinished' && Number.isNaN(runningMs) && next === undefined) count += 1;
    lookedAt += 1;
    if (lookedAt >= 2 * MAX_EXAMINED) break;
  }
  return count;
}
