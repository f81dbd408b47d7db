import { findDepth } from './ancestry.ts';
import { scheduleAttempt, scheduleJob } from '../due/due.ts';
import { isDriverTask, jobIdOf } from '../naming/ray-ids.ts';
import { CallerChain, FinalTrace, LOOP } from './caller-chain.ts';
import type { Attempt, Job, Task } from '../entities/entities.ts';
import type { State } from '../state.ts';

/**
 * Keeps track of the job in whose trace each task stands, while callers become known in any order.
 *
 * Exactly one job lists each open attempt: in `job.open`, or through a chain of `job.chains` while the first caller of the
 * chain is unknown. A task moves alone only once, when its trace becomes final. Until then it moves with its whole chain,
 * so that n calls take n log n steps at most, whatever the order in which Ray reports them.
 */

type Chain = CallerChain<Job, Task>;

/**
 * How often a watcher learns on average that the guessed job of a member changed, so that all reports together stay linear. Only a
 * damaged stream changes the guess of a long chain again and again; its watcher learns the rest when the trace is final.
 */
const MAX_MOVES_PER_MEMBER = 4;

/** Records who called a task. The first report counts: Ray sends one caller, and only damaged streams have several. */
export function linkToCaller(state: State, task: Task, callerId: string, nowMs: number): void {
  if (task.parentTaskId !== undefined) return;
  link(state, task, callerId, nowMs);
  // A job that has ended looks at its open attempts again, as it may list others now.
  const { trace } = task;
  if (trace instanceof CallerChain && trace.job.closed) scheduleJob(state, trace.job, nowMs);
}

function link(state: State, task: Task, callerId: string, nowMs: number): void {
  task.parentTaskId = callerId;
  if (task.trace !== undefined) return;
  const { session } = task;
  const below = session.chains.get(task.id);
  state.ordinary.callerKnown(task, below !== undefined);
  const trace = isDriverTask(callerId) ? state.job(session, jobIdOf(callerId), nowMs).traces.known : session.findTask(callerId)?.trace;
  if (trace instanceof FinalTrace) {
    fixTrace(state, task, trace, nowMs);
    if (below !== undefined) fixChain(state, below, trace, nowMs);
    return;
  }
  const chain = trace ?? session.chains.get(callerId);
  if (chain === LOOP || callerId === task.id || chain?.firstTaskId === task.id) return closeLoop(state, task, below);
  const fromJobId = task.jobId;
  unlist(task);
  joinChains(state, task, below, chain ?? newChain(state, task, callerId, nowMs));
  reportMove(state, task, fromJobId);
}

/** Makes a trace final before the first span of it is sent: for the task, and for all that share its first known caller. */
export function fixTraceOf(state: State, task: Task, nowMs: number): void {
  const { session, trace } = task;
  if (trace instanceof FinalTrace || trace === LOOP) return;
  const chain = trace ?? session.chains.get(task.id);
  if (chain === undefined) {
    task.trace = state.job(session, task.ownJobId, nowMs).traces.guessed;
    task.depth = 1;
    return;
  }
  const first = session.tasks.get(chain.firstTaskId);
  const { guessed } = chain.job.traces;
  if (first !== undefined) first.depth = 1;
  fixChain(state, chain, guessed, nowMs);
  if (first !== undefined) first.trace = guessed;
}

/** Removes an attempt from the list of its job, once its trace is final. */
export function unlistAttempt(attempt: Attempt): void {
  jobThatLists(attempt.task)?.open.delete(attempt);
}

/** Lists the open attempts of a task from a checkpoint. Its callers may follow it there. */
export function listRestored(state: State, task: Task): void {
  const { parentTaskId } = task;
  for (const attempt of task.openAttempts()) state.list(attempt);
  if (parentTaskId === undefined || task.trace !== undefined) return;
  link(state, task, parentTaskId, 0);
}

function newChain(state: State, { session }: Task, firstTaskId: string, nowMs: number): Chain {
  const chain: Chain = new CallerChain(firstTaskId, state.job(session, jobIdOf(firstTaskId), nowMs));
  chain.job.chains.add(chain);
  session.chains.set(firstTaskId, chain);
  return chain;
}

/** Puts a task, and the chain that begins with it, below another chain. The smaller one moves. */
function joinChains(state: State, task: Task, below: Chain | undefined, above: Chain): void {
  const { session } = task;
  const { firstTaskId, job } = above;
  const [larger, smaller] = below !== undefined && below.tasks.size > above.tasks.size ? [below, above] : [above, below];
  const moved = membersToReport(state, below, job);
  if (smaller !== undefined) {
    for (const member of smaller.tasks) addToChain(larger, member);
    removeChain(smaller);
    removeChain(larger);
    larger.firstTaskId = firstTaskId;
    larger.job = job;
    session.chains.set(firstTaskId, larger);
    job.chains.add(larger);
  }
  addToChain(larger, task);
  for (const [member, fromJobId] of moved) reportMove(state, member, fromJobId);
}

/** What joins another job's chain, for a watcher. */
function membersToReport({ watcher }: State, below: Chain | undefined, job: Job): readonly (readonly [Task, string])[] {
  if (watcher === undefined || below === undefined || below.job === job || below.moves < below.tasks.size) return [];
  below.moves -= below.tasks.size;
  const { id } = below.job;
  return [...below.tasks].map((member) => [member, id] as const);
}

function addToChain(chain: Chain, task: Task): void {
  chain.tasks.add(task);
  chain.moves += MAX_MOVES_PER_MEMBER;
  task.trace = chain;
}

function removeChain(chain: Chain): void {
  chain.job.chains.delete(chain);
  chain.job.session.chains.delete(chain.firstTaskId);
}

function fixChain(state: State, chain: Chain, trace: FinalTrace, nowMs: number): void {
  removeChain(chain);
  for (const task of chain.tasks) fixTrace(state, task, trace, nowMs);
}

function fixTrace(state: State, task: Task, trace: FinalTrace, nowMs: number): void {
  const from = jobThatLists(task);
  const fromJobId = task.jobId;
  const job = state.job(task.session, trace.jobId, nowMs);
  task.trace = trace;
  findDepth(task, state.depthLimit);
  if (from === job) return;
  for (const attempt of task.openAttempts()) {
    from?.open.delete(attempt);
    job.open.add(attempt);
    if (job.endMs !== undefined) scheduleAttempt(state, attempt, nowMs);
  }
  // Also of a chain whose watcher did not learn of each guess.
  if (task.hasOpen) state.watcher?.moved(task, fromJobId);
}

function reportMove({ watcher }: State, task: Task, fromJobId: string): void {
  if (watcher !== undefined && task.jobId !== fromJobId && task.hasOpen) watcher.moved(task, fromJobId);
}

/** Tasks that name each other as callers, as only damaged streams have them: each hangs under the job of its own id. */
function closeLoop(state: State, task: Task, below: Chain | undefined): void {
  const members = [task, ...(below?.tasks ?? [])];
  if (below !== undefined) removeChain(below);
  for (const member of members) {
    const fromJobId = member.jobId;
    member.trace = LOOP;
    member.depth = 1;
    for (const attempt of member.openAttempts()) state.list(attempt);
    reportMove(state, member, fromJobId);
  }
}

function unlist(task: Task): void {
  const { open } = jobThatLists(task) ?? {};
  for (const attempt of task.openAttempts()) open?.delete(attempt);
}

/** Undefined while a chain lists the task's attempts. */
function jobThatLists(task: Task): Job | undefined {
  if (task.trace instanceof CallerChain) return undefined;
  return task.session.jobs.get(task.trace instanceof FinalTrace ? task.trace.jobId : task.ownJobId);
}
