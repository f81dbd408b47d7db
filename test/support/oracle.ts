import { spanId, traceId } from './identity.ts';
import type { FlatSpan } from './otlp-spans.ts';
import {
  type AttemptFacts,
  isDriver,
  isMadeUp,
  type JobFacts,
  jobOf,
  NO_TASK,
  type RayFacts,
  readFacts,
  type SessionFacts,
} from './ray-facts.ts';

export interface OracleOptions {
  /** Texts that must not be anywhere in the output, besides those that the events themselves give away. */
  readonly plantedSecrets?: readonly string[];
  readonly nesting?: 'tree' | 'flat';
  /** Largest number of spans in a trace; attempts may then be folded. Absent: nothing may be folded. */
  readonly maxSpansPerTrace?: number;
  readonly valueLengthLimit?: number;
  /** Spans of tasks below each other; a deeper one hangs under its job. Default 1,000. */
  readonly maxDepth?: number;
}

/** Attributes in which a rollup span says how many attempts it represents. */
const FOLDED_COUNT = 'ray.fold.attempts';

/**
 * Compares traces with the posts that they were made from, by the rules of the README alone, and says every breach in
 * a sentence. Uses none of the bridge's own code, so that a fault there can't hide itself here.
 */
export function checkTraces(events: Iterable<unknown>, spans: readonly FlatSpan[], options: OracleOptions = {}): string[] {
  const facts = readFacts(events);
  const world = new World(facts, spans, options);
  for (const session of facts.sessions.values()) {
    checkJobs(world, session);
    checkAttempts(world, session);
    checkActors(world, session);
    checkMachines(world, session);
    checkDetails(world, session);
  }
  checkFolds(world);
  checkMarks(world);
  checkNothingElse(world);
  checkTreeShape(world);
  checkText(world);
  return world.violations;
}

/** The spans by id, what is wrong with them so far, and which of them were accounted for. */
class World {
  readonly violations: string[] = [];
  readonly explained = new Set<FlatSpan>();
  /** Span ids of callers whose traces jobs joined, by trace id. */
  readonly callers = new Map<string, Set<string>>();
  /** Attempts without a span of their own, by trace id. */
  readonly folded = new Map<string, number>();
  readonly facts: RayFacts;
  readonly spans: readonly FlatSpan[];
  readonly options: OracleOptions;
  private readonly byId: Map<string, FlatSpan[]>;
  private readonly foldingTraces: Set<string>;

  constructor(facts: RayFacts, spans: readonly FlatSpan[], options: OracleOptions) {
    this.facts = facts;
    this.spans = spans;
    this.options = options;
    this.byId = groupBy(spans, (span) => span.spanId);
    this.foldingTraces = new Set(spans.filter((span) => FOLDED_COUNT in span.attributes).map((span) => span.traceId));
  }

  say(violation: string): void {
    this.violations.push(violation);
  }

  /** All spans with an id, in whatever trace. */
  withId(id: string): readonly FlatSpan[] {
    return this.byId.get(id) ?? [];
  }

  isFolding(trace: string): boolean {
    return this.options.maxSpansPerTrace !== undefined && this.foldingTraces.has(trace);
  }

  /** Exactly one span with this id, standing in this trace; counted as accounted for. */
  one(what: string, trace: string, id: string): FlatSpan | undefined {
    const found = this.withId(id);
    for (const span of found) this.explained.add(span);
    if (found.length !== 1) this.say(`${what}: ${found.length} spans instead of one (id ${id})`);
    const span = found[0];
    if (span && span.traceId !== trace) this.say(`${what}: is in trace ${span.traceId} instead of ${trace}`);
    return span;
  }
}

function parseTraceparent(job: JobFacts | undefined): { traceId: string; spanId: string } | undefined {
  const match = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(job?.traceparent ?? '');
  if (!match?.[1] || !match[2] || /^0+$/.test(match[1]) || /^0+$/.test(match[2])) return undefined;
  return { traceId: match[1], spanId: match[2] };
}

function jobTrace(session: SessionFacts, jobId: string): string {
  return parseTraceparent(session.jobs.get(jobId))?.traceId ?? traceId('trace.job', session.session, jobId);
}

/** Job whose trace a task belongs to: that of the driver at the top of its callers, as far as definitions show. */
function callingJob(session: SessionFacts, taskId: string): string {
  const seen = new Set<string>();
  let current = taskId;
  while (!isDriver(current)) {
    const parent = session.parents.get(current);
    if (parent === undefined || seen.has(parent)) return jobOf(current);
    seen.add(parent);
    current = parent;
  }
  return jobOf(current);
}

/** True when a task has so many ancestors that its span hangs under its job. */
function isTooDeep(session: SessionFacts, taskId: string, maxDepth: number): boolean {
  let depth = 1;
  for (let parent = session.parents.get(taskId); parent !== undefined && !isDriver(parent); parent = session.parents.get(parent)) {
    depth += 1;
    if (depth > maxDepth) return true;
  }
  return false;
}

function checkJobs(world: World, session: SessionFacts): void {
  const jobIds = new Set(session.jobs.keys());
  for (const { taskId } of session.attempts.values()) jobIds.add(isDriver(taskId) ? jobOf(taskId) : callingJob(session, taskId));
  for (const jobId of jobIds) {
    const what = `job ${jobId}`;
    const caller = parseTraceparent(session.jobs.get(jobId));
    if (caller) world.callers.set(caller.traceId, new Set([...(world.callers.get(caller.traceId) ?? []), caller.spanId]));
    const span = world.one(what, jobTrace(session, jobId), spanId('job', session.session, jobId));
    if (!span) continue;
    if (span.parentSpanId !== (caller?.spanId ?? ''))
      world.say(`${what}: parent is '${span.parentSpanId}' instead of '${caller?.spanId ?? ''}'`);
    const { created, finished } = session.jobs.get(jobId) ?? { created: [], finished: [] };
    const driver = session.attempts.get(`${'ff'.repeat(20)}${jobId}/0`);
    const start = earliest(created) ?? earliest((driver?.states ?? []).map((state) => state.ns));
    if (start !== undefined && span.startNs !== start) world.say(`${what}: starts at ${span.startNs} instead of ${start}`);
    const end = latest(finished);
    if (end !== undefined && span.endNs !== end) world.say(`${what}: ends at ${span.endNs} instead of ${end}`);
    checkJobOutcome(world, what, session, jobId, span);
  }
}

/** What Ray says for sure; what follows from deaths and lost ends is left open. */
function checkJobOutcome(world: World, what: string, session: SessionFacts, jobId: string, span: FlatSpan): void {
  const outcome = String(span.attributes['ray.job.outcome']);
  if (!['succeeded', 'failed', 'stopped', 'unknown'].includes(outcome)) world.say(`${what}: its outcome is ${outcome}`);
  if ((outcome === 'failed') !== (span.statusCode === 2)) world.say(`${what}: is ${outcome}, but its status is ${span.statusCode}`);
  const isIn = (attempt: AttemptFacts, state: string): boolean => attempt.states.some((other) => other.state === state);
  const last = new Map<string, AttemptFacts>();
  for (const attempt of session.attempts.values()) {
    if (isDriver(attempt.taskId) || callingJob(session, attempt.taskId) !== jobId) continue;
    if ((last.get(attempt.taskId)?.attempt ?? -1) < attempt.attempt) last.set(attempt.taskId, attempt);
  }
  const raised = [...last.values()].filter(
    (attempt) => attempt.errorTypes.has('TASK_EXECUTION_EXCEPTION') && isIn(attempt, 'FAILED') && !isCancelled(attempt),
  );
  const driver = session.attempts.get(`${'ff'.repeat(20)}${jobId}/0`);
  const hasVanished =
    driver !== undefined && driver.states.length > 0 && !isIn(driver, 'FINISHED') && (session.jobs.get(jobId)?.finished.length ?? 0) > 0;
  const hasFailed = raised.length > 0 || (driver !== undefined && isIn(driver, 'FAILED')) || hasVanished;
  const isFine =
    driver !== undefined &&
    isIn(driver, 'FINISHED') &&
    [...last.values()].every((attempt) => isIn(attempt, 'FINISHED') && !isIn(attempt, 'FAILED'));
  if (hasFailed && outcome !== 'failed') world.say(`${what}: failed, but its outcome is ${outcome}`);
  if (!hasFailed && isFine && outcome === 'failed') world.say(`${what}: its driver and all its tasks finished, but its outcome is failed`);
}

function checkAttempts(world: World, session: SessionFacts): void {
  for (const attempt of session.attempts.values()) {
    if (isDriver(attempt.taskId)) continue;
    const what = `attempt ${attempt.taskId}/${attempt.attempt}`;
    const trace = jobTrace(session, callingJob(session, attempt.taskId));
    const id = spanId('task', session.session, attempt.taskId, attempt.attempt);
    const isFailed = attempt.untimed.has('FAILED') || attempt.states.some(({ state }) => state === 'FAILED');
    const hasFailed = isFailed && !isCancelled(attempt) && !endedWithDriver(attempt);
    if (world.isFolding(trace) && !hasFailed && world.withId(id).length === 0) {
      world.folded.set(trace, (world.folded.get(trace) ?? 0) + 1);
      continue;
    }
    const span = world.one(what, trace, id);
    if (!span) continue;
    checkTimes(world, what, attempt, span);
    checkActorDeath(world, what, session, attempt, span);
    checkClocks(world, what, session, attempt, span);
    checkAttemptOutcome(world, what, session, attempt, span);
    checkParent(world, what, session, attempt, span);
    if (session.attempts.has(`${attempt.taskId}/${attempt.attempt - 1}`)) {
      checkLink(world, `${what}: link to the previous attempt`, span, trace, [
        spanId('task', session.session, attempt.taskId, attempt.attempt - 1),
      ]);
    }
  }
}

function checkTimes(world: World, what: string, attempt: AttemptFacts, span: FlatSpan): void {
  const times = attempt.states.map((state) => state.ns);
  const first = earliest(times);
  const last = latest(times);
  if (first !== undefined && span.startNs !== first) world.say(`${what}: starts at ${span.startNs} instead of ${first}`);
  if (last === undefined) return;
  const terminal = attempt.states.filter(({ state }) => state === 'FINISHED' || state === 'FAILED').map((state) => state.ns);
  const isCreation = attempt.taskId.startsWith('ff'.repeat(8));
  // A restarted actor can report its next creation under the same attempt: what follows the end is not this creation's.
  const end = isCreation ? earliest(terminal) : terminal.length > 0 ? last : undefined;
  if (end !== undefined && span.endNs !== end) world.say(`${what}: ends at ${span.endNs} instead of ${end}`);
  if (end === undefined && !isCreation && span.endNs < last) world.say(`${what}: ends at ${span.endNs}, before its last state at ${last}`);
  const endsWithoutTime = attempt.untimed.has('FINISHED') || attempt.untimed.has('FAILED');
  if (terminal.length === 0 && endsWithoutTime && span.attributes['ray.end_inferred'] === undefined) {
    world.say(`${what}: Ray sent no time of its end, but its end is not marked as inferred`);
  }
}

/** What an actor did not end itself, ends with it at the latest. */
function checkActorDeath(world: World, what: string, session: SessionFacts, attempt: AttemptFacts, span: FlatSpan): void {
  const actor = session.actors.get(attempt.taskId.slice(16));
  const dead = earliest((actor?.states ?? []).filter(({ state }) => state === 'DEAD').map((state) => state.ns));
  if (dead === undefined || attempt.states.some(({ state }) => state === 'FINISHED' || state === 'FAILED')) return;
  const ran = session.profiles.filter(
    (entry) => entry.taskId === attempt.taskId && entry.attempt === attempt.attempt && entry.name.startsWith('task::'),
  );
  const latestEnd = latest([dead, ...attempt.states.map((state) => state.ns), ...ran.map((entry) => entry.endNs)]);
  if (latestEnd !== undefined && span.endNs > latestEnd) world.say(`${what}: ends at ${span.endNs}, after its actor's DEAD at ${dead}`);
}

/** A cancellation that was asked for, an exit that was meant and what ended with its driver are no errors. */
function checkAttemptOutcome(world: World, what: string, session: SessionFacts, attempt: AttemptFacts, span: FlatSpan): void {
  const outcome = span.attributes['ray.task.outcome'];
  const isError = span.statusCode === 2;
  if (isCancelled(attempt)) {
    if (isError || outcome !== 'cancelled')
      world.say(`${what}: was cancelled, but its status is ${span.statusCode} and its outcome ${String(outcome)}`);
  } else if (endedWithDriver(attempt)) {
    if (isError || span.attributes['ray.task.end_reason'] !== 'driver_ended')
      world.say(`${what}: ended with its driver, but does not say so`);
  } else {
    if (outcome === 'cancelled') world.say(`${what}: was not cancelled`);
    const exitCode = attempt.raised.get("<class 'SystemExit'>");
    if (attempt.errorTypes.size === 0 && exitCode === '0' && isError) world.say(`${what}: was to exit, but its status is ERROR`);
    checkOutcome(world, what, attempt, span);
    checkReason(world, what, session, attempt, span);
  }
}

function isCancelled({ errorTypes, errorMessages, raised }: AttemptFacts): boolean {
  if (errorTypes.size === 0) return raised.has("<class 'KeyboardInterrupt'>");
  if (errorTypes.has('TASK_CANCELLED')) return true;
  return (
    errorTypes.has('TASK_EXECUTION_EXCEPTION') &&
    [...errorMessages].some((message) => /(^|\n)ray\.exceptions\.TaskCancelledError(:[^\n]*)?\s*$/.test(message))
  );
}

function endedWithDriver({ errorTypes, errorMessages }: AttemptFacts): boolean {
  const isDeath = ['WORKER_DIED', 'ACTOR_DIED', 'ACTOR_UNAVAILABLE'].some((type) => errorTypes.has(type));
  return isDeath && [...errorMessages].some((message) => /its job has finished|Owner Id: [0-9a-f]{8}f{48}\b/.test(message));
}

/** Why its worker died says more than that it did. */
function checkReason(world: World, what: string, { exits }: SessionFacts, attempt: AttemptFacts, span: FlatSpan): void {
  if (!attempt.errorTypes.has('WORKER_DIED') || [...attempt.errorMessages].some((message) => !/^$|RPC error/i.test(message))) return;
  const reasons = [...attempt.workers].map((workerId) => exits.get(workerId)).filter((reason) => reason !== undefined);
  if (reasons.length === 0 || reasons.some((reason) => reason.startsWith(span.statusMessage))) return;
  world.say(`${what}: its status says '${span.statusMessage}' instead of why its worker died`);
}

const STATE_ORDER = [
  ['PENDING_ARGS_AVAIL'],
  ['PENDING_NODE_ASSIGNMENT', 'PENDING_OBJ_STORE_MEM_AVAIL', 'PENDING_ARGS_FETCH'],
  ['SUBMITTED_TO_WORKER'],
  ['PENDING_ACTOR_TASK_ARGS_FETCH', 'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY', 'GETTING_AND_PINNING_ARGS'],
  ['RUNNING'],
  ['RUNNING_IN_RAY_GET', 'RUNNING_IN_RAY_WAIT'],
];

/** Times that cannot be in their order are marked, and no others. A creation that is repeated under its attempt is not looked at. */
function checkClocks(world: World, what: string, session: SessionFacts, attempt: AttemptFacts, span: FlatSpan): void {
  if (attempt.taskId.startsWith('ff'.repeat(8))) return;
  const terminal = earliest(attempt.states.filter(({ state }) => state === 'FINISHED' || state === 'FAILED').map((state) => state.ns));
  const firsts = STATE_ORDER.map((names) => earliest(attempt.states.filter(({ state }) => names.includes(state)).map((state) => state.ns)));
  const known = firsts.flatMap((ns) => ns ?? []);
  const isMixed = known.some((ns, index) => index > 0 && ns < (known[index - 1] ?? ns));
  const isAfterEnd = known.some((ns) => terminal !== undefined && ns > terminal);
  const owners = latest(firsts.slice(0, 3).flatMap((ns) => ns ?? []));
  const contradicts = session.profiles.some(
    ({ taskId, attempt: number, name, startNs, endNs }) =>
      taskId === attempt.taskId &&
      number === attempt.attempt &&
      name.startsWith('task::') &&
      ((owners !== undefined && startNs < owners) || (terminal !== undefined && endNs > terminal)),
  );
  const isMarked = Number(span.attributes['ray.clock_skew_seconds'] ?? 0) > 0;
  if (isMarked && ranBeforeItsProcess(session, attempt, span)) return;
  if (isMarked !== (isMixed || isAfterEnd || contradicts)) world.say(`${what}: is ${isMarked ? '' : 'not '}marked for its clocks`);
}

/** It ends by the clock of the head, and by that clock its actor was created after it ran. */
function ranBeforeItsProcess(session: SessionFacts, { taskId, states }: AttemptFacts, span: FlatSpan): boolean {
  const inferred = span.attributes['ray.end_inferred'];
  if (inferred === undefined || inferred === 'profile' || inferred === 'last_state') return false;
  const ranNs = earliest(states.filter(({ state }) => state === 'RUNNING').map(({ ns }) => ns));
  const lives = session.actors.get(taskId.slice(16))?.states ?? [];
  return ranNs !== undefined && lives.some(({ state, ns }) => state === 'ALIVE' && ns > ranNs);
}

function checkOutcome(world: World, what: string, attempt: AttemptFacts, span: FlatSpan): void {
  const states = new Set([...attempt.states.map(({ state }) => state), ...attempt.untimed]);
  if (states.has('FAILED')) {
    if (span.statusCode !== 2) world.say(`${what}: FAILED but its status is not ERROR`);
    const errorType = span.attributes['error.type'];
    if (attempt.errorTypes.size > 0 && !attempt.errorTypes.has(String(errorType))) {
      world.say(`${what}: error.type is ${String(errorType)} instead of ${[...attempt.errorTypes].join(' or ')}`);
    }
  } else if (states.has('FINISHED') && span.statusCode === 2) {
    world.say(`${what}: FINISHED but its status is ERROR`);
  }
}

function checkParent(world: World, what: string, session: SessionFacts, attempt: AttemptFacts, span: FlatSpan): void {
  const trace = span.traceId;
  const jobSpan = spanId('job', session.session, callingJob(session, attempt.taskId));
  const parentTaskId = attempt.parentTaskId ?? session.parents.get(attempt.taskId);
  const isThread = parentTaskId !== undefined && isThreadOf(session, parentTaskId);
  const host = isThread ? hostOf(session, parentTaskId, attempt) : undefined;
  const hangsUnderJob = parentTaskId === undefined || isDriver(parentTaskId) || (isThread && host === undefined);
  const tooDeep = world.options.nesting !== 'flat' && isTooDeep(session, attempt.taskId, world.options.maxDepth ?? 1_000);
  const parents = hangsUnderJob || tooDeep ? [jobSpan] : host === undefined ? parentAttempts(session, parentTaskId, attempt) : [host];
  if ((span.attributes['ray.parent_too_deep'] === true) !== tooDeep) world.say(`${what}: its depth is marked wrongly`);
  if (!hangsUnderJob) {
    const all = host === undefined ? parentAttempts(session, parentTaskId) : [host];
    const shown = all.filter((id) => world.withId(id).length > 0);
    for (const placeholder of shown)
      if (!isThread && !session.attemptsOf.has(parentTaskId)) world.one(`placeholder for task ${parentTaskId}`, trace, placeholder);
    // Flat nesting sends no placeholder, so there is no span to link to.
    const hasNoSpan =
      shown.length === 0 && (world.isFolding(trace) || (world.options.nesting === 'flat' && !session.attemptsOf.has(parentTaskId)));
    if (!hasNoSpan) checkLink(world, `${what}: link to its parent task`, span, trace, all);
  }
  if (world.options.nesting === 'flat') {
    if (span.parentSpanId !== jobSpan) world.say(`${what}: parent is ${span.parentSpanId} instead of its job`);
  } else if (!parents.includes(span.parentSpanId)) {
    if (world.isFolding(trace) && parents.every((id) => world.withId(id).length === 0)) return;
    const wanted = hangsUnderJob || tooDeep ? 'its job' : `an attempt of task ${parentTaskId} that ran when it was submitted`;
    world.say(`${what}: parent is '${span.parentSpanId}' instead of ${wanted}`);
  }
}

/** Of a thread no more is known than calls, or not even these where the session names its actors and not the one in the id. */
function isThreadOf(session: SessionFacts, taskId: string): boolean {
  if (isDriver(taskId) || session.attemptsOf.has(taskId) || !isMadeUp(session, taskId)) return false;
  return session.threads.has(taskId) || session.actors.size > 0;
}

/** Span id of the one attempt that ran in a thread's worker when it submitted a call; undefined where the job is the best guess. */
function hostOf(session: SessionFacts, threadId: string, call: AttemptFacts): string | undefined {
  const thread = session.threads.get(threadId);
  const submitted = earliest(call.states.map((state) => state.ns));
  if (thread === undefined || thread.isOfDriver || submitted === undefined) return undefined;
  const hosts = [...session.attempts.values()].filter((attempt) => {
    const key = `${attempt.taskId}/${attempt.attempt}`;
    const workers = new Set([...attempt.workers, ...(session.profiled.get(key)?.workers ?? [])]);
    const start = earliest(attempt.states.filter(({ state }) => state === 'RUNNING').map((state) => state.ns));
    const whole = session.profiles.filter((entry) => `${entry.taskId}/${entry.attempt}` === key && entry.name.startsWith('task::'));
    const terminal = latest(attempt.states.filter(({ state }) => state === 'FINISHED' || state === 'FAILED').map((state) => state.ns));
    const end = latest(whole.map((entry) => entry.endNs)) ?? terminal;
    const isThere = attempt.taskId !== call.taskId && [...thread.workers].some((worker) => workers.has(worker));
    return isThere && start !== undefined && start <= submitted && (end === undefined || submitted <= end);
  });
  const [host] = hosts;
  if (host === undefined || hosts.length > 1 || callingJob(session, host.taskId) !== callingJob(session, call.taskId)) return undefined;
  return spanId('task', session.session, host.taskId, host.attempt);
}

/**
 * Span ids of a parent task's attempts; with `child`, of the one that ran when the child was submitted. Between two attempts that is the one that
 * ran last: the next one has not begun, so it cannot have submitted anything.
 */
function parentAttempts(session: SessionFacts, parentTaskId: string, child?: AttemptFacts): string[] {
  const attempts = (session.attemptsOf.get(parentTaskId) ?? []).toSorted((a, b) => a.attempt - b.attempt);
  const submitted = child && earliest(child.states.map((state) => state.ns));
  let chosen = attempts;
  if (submitted !== undefined) {
    const started = attempts.map((attempt) => ({ attempt, ns: runStart(attempt) })).filter(({ ns }) => ns !== undefined && ns <= submitted);
    const last = latest(started.flatMap(({ ns }) => ns ?? []));
    chosen = started.filter(({ ns }) => ns === last).map(({ attempt }) => attempt);
    chosen = chosen.length > 0 ? chosen.slice(-1) : attempts.slice(0, 1);
  }
  const numbers = chosen.length > 0 ? chosen.map(({ attempt }) => attempt) : [0];
  return numbers.map((number) => spanId('task', session.session, parentTaskId, number));
}

/** When an attempt began to run: RUNNING, where that was lost SUBMITTED_TO_WORKER, else its first state. */
function runStart({ states }: AttemptFacts): bigint | undefined {
  const first = (name: string): bigint | undefined => earliest(states.filter(({ state }) => state === name).map((state) => state.ns));
  return first('RUNNING') ?? first('SUBMITTED_TO_WORKER') ?? earliest(states.map((state) => state.ns));
}

function checkLink(world: World, what: string, span: FlatSpan, trace: string, targets: readonly string[]): void {
  const found = span.links.some((link) => link.traceId === trace && targets.includes(link.spanId));
  if (!found) world.say(`${what} is missing`);
}

function checkActors(world: World, session: SessionFacts): void {
  // Actors without an event of their own may be shown too: their task ids name them.
  for (const { taskId } of session.attempts.values()) {
    for (const span of world.withId(spanId('actor', session.session, taskId.slice(16)))) world.explained.add(span);
  }
  for (const [actorId, actor] of session.actors) {
    const what = `actor ${actorId}`;
    const trace = actor.isDetached ? traceId('trace.actor', session.session, actorId) : jobTrace(session, jobOf(actorId));
    const id = spanId('actor', session.session, actorId);
    if (world.isFolding(trace) && world.withId(id).length === 0) continue;
    const span = world.one(what, trace, id);
    if (!span) continue;
    const parent = actor.isDetached ? '' : spanId('job', session.session, jobOf(actorId));
    if (span.parentSpanId !== parent) world.say(`${what}: parent is '${span.parentSpanId}' instead of '${parent}'`);
    const start = earliest(actor.states.map((state) => state.ns));
    if (start !== undefined && span.startNs !== start) world.say(`${what}: starts at ${span.startNs} instead of ${start}`);
    const dead = actor.states.filter(({ state }) => state === 'DEAD').map((state) => state.ns);
    if (dead.length > 0 && !dead.includes(span.endNs)) world.say(`${what}: ends at ${span.endNs} instead of ${dead.join(' or ')}`);
    if (dead.length === 0 && actor.untimed.has('DEAD') && span.attributes['ray.end_inferred'] !== 'last_state')
      world.say(`${what}: died at a time that Ray did not send, but its end is not marked as inferred`);
    const alive = [...new Set(actor.states.filter(({ state }) => state === 'ALIVE').map((state) => state.ns))].toSorted(compare);
    for (const [number, aliveNs] of alive.entries()) {
      const incarnationId = spanId('actor.incarnation', session.session, actorId, number);
      if (world.isFolding(trace) && world.withId(incarnationId).length === 0) continue;
      const incarnation = world.one(`${what}, incarnation ${number}`, trace, incarnationId);
      if (!incarnation) continue;
      if (incarnation.parentSpanId !== id) world.say(`${what}, incarnation ${number}: parent is not the actor`);
      if (incarnation.startNs !== aliveNs)
        world.say(`${what}, incarnation ${number}: starts at ${incarnation.startNs} instead of ${aliveNs}`);
    }
  }
}

/** Nodes and workers, and the session that they hang under. */
function checkMachines(world: World, session: SessionFacts): void {
  const trace = traceId('trace.session', session.session);
  for (const [kind, ids] of [
    ['node', session.nodes],
    ['worker', session.workers],
  ] as const) {
    for (const [machineId, states] of ids) {
      const id = spanId(kind, session.session, machineId);
      if (world.isFolding(trace) && world.withId(id).length === 0) continue;
      const span = world.one(`${kind} ${machineId}`, trace, id);
      const dead = states.filter(({ state }) => state === 'DEAD').map((state) => state.ns);
      if (span && dead.length > 0 && !dead.includes(span.endNs))
        world.say(`${kind} ${machineId}: ends at ${span.endNs} instead of ${dead.join(' or ')}`);
      const alive = states.filter(({ state }) => state === 'ALIVE').map((state) => state.ns);
      if (span && alive.length > 0 && !alive.includes(span.startNs)) {
        world.say(`${kind} ${machineId}: starts at ${span.startNs} instead of ${alive.join(' or ')}`);
      }
      for (const coldStart of world.withId(spanId(`${kind}.start`, session.session, machineId))) {
        world.explained.add(coldStart);
        if (coldStart.parentSpanId !== span?.parentSpanId) world.say(`${kind} ${machineId}: its start stands elsewhere`);
        if (!alive.includes(coldStart.endNs)) world.say(`${kind} ${machineId}: its start does not end with ALIVE`);
      }
    }
  }
  if (world.spans.some((span) => span.traceId === trace)) {
    const root = world.one(`session ${session.session}`, trace, spanId('session', session.session));
    if (root && root.parentSpanId !== '') world.say(`session ${session.session}: has a parent`);
  }
}

/** Children that stand for a phase: they may be there or not, and what is there must be what Ray reported. */
function checkDetails(world: World, session: SessionFacts): void {
  const isUnder = (what: string, span: FlatSpan, parent: string): void => {
    world.explained.add(span);
    if (span.parentSpanId !== parent) world.say(`${what}: parent is ${span.parentSpanId} instead of ${parent}`);
  };
  for (const entry of session.profiles) {
    const isOfThread = session.threads.has(entry.taskId) && !session.attempts.has(`${entry.taskId}/${entry.attempt}`);
    const belongsToJob = entry.taskId === '' || entry.taskId === NO_TASK || isDriver(entry.taskId) || isOfThread;
    const jobId = entry.taskId === '' || entry.taskId === NO_TASK ? entry.jobId : jobOf(entry.taskId);
    const parent = belongsToJob ? spanId('job', session.session, jobId) : spanId('task', session.session, entry.taskId, entry.attempt);
    const what = `profile phase ${entry.name} of ${entry.taskId}/${entry.attempt}`;
    for (const span of world.withId(
      spanId('profile', session.session, entry.taskId, entry.attempt, entry.name, entry.startNs, entry.endNs),
    )) {
      isUnder(what, span, parent);
      if (span.startNs !== entry.startNs || span.endNs !== entry.endNs) world.say(`${what}: not at the times that Ray recorded`);
    }
  }
  for (const { taskId, attempt, states } of session.attempts.values()) {
    for (const { state, ns } of states) {
      for (const span of world.withId(spanId('phase', session.session, taskId, attempt, state, ns))) {
        isUnder(`phase ${state} of ${taskId}/${attempt}`, span, spanId('task', session.session, taskId, attempt));
        if (span.startNs !== ns) world.say(`phase ${state} of ${taskId}/${attempt}: does not start at its state`);
      }
    }
  }
  for (const otherId of session.otherIds) {
    for (const kind of ['placement_group', 'submission_job']) {
      for (const span of world.withId(spanId(kind, session.session, otherId))) world.explained.add(span);
    }
  }
}

function checkFolds(world: World): void {
  const counted = new Map<string, number>();
  const sizes = new Map<string, number>();
  for (const span of world.spans) {
    sizes.set(span.traceId, (sizes.get(span.traceId) ?? 0) + 1);
    if (!(FOLDED_COUNT in span.attributes)) continue;
    world.explained.add(span);
    counted.set(span.traceId, (counted.get(span.traceId) ?? 0) + Number(span.attributes[FOLDED_COUNT]));
  }
  const limit = world.options.maxSpansPerTrace;
  for (const [trace, size] of sizes)
    if (limit !== undefined && size > limit) world.say(`trace ${trace}: ${size} spans, over the budget of ${limit}`);
  for (const trace of new Set([...counted.keys(), ...world.folded.keys()])) {
    const [said, missing] = [counted.get(trace) ?? 0, world.folded.get(trace) ?? 0];
    if (said !== missing) world.say(`trace ${trace}: summary spans count ${said} attempts, but ${missing} are not there`);
  }
}

/** A mark stands for what was open when it was sent: its own span must be there too, above it, and hold its moment. */
function checkMarks(world: World): void {
  for (const span of world.spans) {
    if (span.attributes['ray.in_flight'] !== true) continue;
    world.explained.add(span);
    const what = `mark ${span.spanId} '${span.name}'`;
    const id = spanId('mark', String(span.resource['ray.session_name']), span.parentSpanId);
    if (span.spanId !== id) world.say(`${what}: its id should be ${id}`);
    const reportedInFlight = world.withId(span.parentSpanId)[0];
    if (reportedInFlight === undefined) world.say(`${what}: what it marks never came`);
    else if (span.startNs < reportedInFlight.startNs || span.endNs > reportedInFlight.endNs)
      world.say(`${what}: lies outside of what it marks`);
    else if (!span.name.startsWith(reportedInFlight.name)) world.say(`${what}: is named otherwise than '${reportedInFlight.name}'`);
  }
}

function checkNothingElse(world: World): void {
  for (const span of world.spans) {
    if (!world.explained.has(span)) world.say(`span ${span.spanId} '${span.name}': represents nothing that Ray reported`);
  }
}

function checkTreeShape(world: World): void {
  for (const span of world.spans) if (span.endNs < span.startNs) world.say(`span ${span.spanId} '${span.name}': ends before it starts`);
  for (const [trace, spans] of groupBy(world.spans, (span) => span.traceId)) {
    const parents = new Map(spans.map((span) => [span.spanId, span.parentSpanId]));
    if (parents.size !== spans.length) world.say(`trace ${trace}: a span id is there more than once`);
    const callers = world.callers.get(trace) ?? new Set();
    const roots = spans.filter((span) => span.parentSpanId === '');
    if (roots.length !== (callers.size > 0 ? 0 : 1))
      world.say(`trace ${trace}: ${roots.length} roots (${roots.map((root) => root.name).join(', ')})`);
    const grounded = new Set(['', ...callers]);
    for (const span of spans) {
      const path = new Set<string>();
      let current = span.spanId;
      while (!grounded.has(current) && !path.has(current)) {
        path.add(current);
        const parent = parents.get(current);
        if (parent === undefined) {
          world.say(`span ${span.spanId} '${span.name}': parent ${current} is not in its trace`);
          break;
        }
        current = parent;
      }
      if (path.has(current) && parents.has(current)) world.say(`span ${span.spanId} '${span.name}': is its own ancestor`);
      for (const step of path) grounded.add(step);
    }
  }
}

function checkText(world: World): void {
  const secrets = new Set([...world.facts.secrets, ...(world.options.plantedSecrets ?? [])]);
  const limit = world.options.valueLengthLimit ?? 8192;
  for (const span of world.spans) {
    const what = `span ${span.spanId} '${span.name}'`;
    const tables = [
      span.attributes,
      span.resource,
      ...span.links.map((link) => link.attributes),
      ...span.events.map((event) => event.attributes),
    ];
    for (const table of tables) {
      for (const [key, value] of Object.entries(table)) {
        if (typeof value === 'string' && value.length > limit) world.say(`${what}: ${key} has ${value.length} characters`);
        if (key.endsWith('.truncated') && !(key.slice(0, -'.truncated'.length) in table)) world.say(`${what}: ${key} is about nothing`);
      }
    }
    if (typeof span.resource['service.name'] !== 'string') world.say(`${what}: no service.name`);
    const text = [span.name, span.statusMessage, ...span.events.map((event) => event.name), ...tables.flatMap(strings)].join('\n');
    if (text.includes('\u001b') || text.includes('\u009b')) world.say(`${what}: holds a terminal escape`);
    for (const secret of secrets) if (text.includes(secret)) world.say(`${what}: holds a secret (${secret.length} characters)`);
  }
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, inner]) => [key, strings(inner)].flat()) : [];
}

function groupBy<Item>(items: Iterable<Item>, key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const earliest = (times: readonly bigint[]): bigint | undefined => times.toSorted(compare)[0];
const latest = (times: readonly bigint[]): bigint | undefined => times.toSorted(compare).at(-1);
