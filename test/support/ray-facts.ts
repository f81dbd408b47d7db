/**
 * What Ray's posts say, read without any of the bridge's own code: the oracle's half of the comparison.
 * Deliberately plain and slow. Field names may be camelCase or snake_case.
 */

export interface StateFact {
  readonly state: string;
  readonly ns: bigint;
}

export interface ProfileFact {
  readonly taskId: string;
  readonly attempt: number;
  readonly jobId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

export interface AttemptFacts {
  readonly taskId: string;
  readonly attempt: number;
  readonly states: StateFact[];
  /** States without a time, or with an impossible one. */
  readonly untimed: Set<string>;
  readonly errorTypes: Set<string>;
  readonly errorMessages: Set<string>;
  /** Types of the exceptions in its profile, and the value of each. */
  readonly raised: Map<string, string>;
  readonly workers: Set<string>;
  /** Of this attempt's own definition. */
  parentTaskId?: string;
}

export interface JobFacts {
  traceparent?: string;
  readonly created: bigint[];
  readonly finished: bigint[];
}

export interface ActorFacts {
  isDetached: boolean;
  readonly states: StateFact[];
  readonly untimed: Set<string>;
}

export interface SessionFacts {
  readonly session: string;
  /** By `taskId/attempt`; drivers too. */
  readonly attempts: Map<string, AttemptFacts>;
  readonly attemptsOf: Map<string, AttemptFacts[]>;
  /** Parent task by task id, from any attempt's definition. */
  readonly parents: Map<string, string>;
  readonly jobs: Map<string, JobFacts>;
  readonly actors: Map<string, ActorFacts>;
  /** Actors that definitions and states of tasks name, and profiles of creations. */
  readonly namedActors: Set<string>;
  readonly nodes: Map<string, StateFact[]>;
  readonly workers: Map<string, StateFact[]>;
  /** What Ray said of the end of a worker. */
  readonly exits: Map<string, string>;
  readonly otherIds: Set<string>;
  readonly profiles: ProfileFact[];
  /** What the profile says of each `taskId/attempt`. */
  readonly profiled: Map<string, ProfiledFacts>;
  /** Ids of threads, which Ray makes up: nothing but calls and spans of user code is known of them. */
  readonly threads: Map<string, ProfiledFacts>;
}

export interface ProfiledFacts {
  readonly taskId: string;
  readonly attempt: number;
  readonly workers: Set<string>;
  isOfDriver: boolean;
  hasTaskEntry: boolean;
  hasUserEntry: boolean;
  readonly raised: Map<string, string>;
}

export interface RayFacts {
  readonly sessions: Map<string, SessionFacts>;
  /** Values of environment variables and arguments of entry points that the events hold. */
  readonly secrets: Set<string>;
}

type Json = Readonly<Record<string, unknown>>;

const TASK_STATES = [
  'NIL',
  'PENDING_ARGS_AVAIL',
  'PENDING_NODE_ASSIGNMENT',
  'PENDING_OBJ_STORE_MEM_AVAIL',
  'PENDING_ARGS_FETCH',
  'SUBMITTED_TO_WORKER',
  'PENDING_ACTOR_TASK_ARGS_FETCH',
  'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY',
  'RUNNING',
  'RUNNING_IN_RAY_GET',
  'RUNNING_IN_RAY_WAIT',
  'FINISHED',
  'FAILED',
  'GETTING_AND_PINNING_ARGS',
];

/** Shorter values (flags, counts) are in every text. */
const SHORTEST_SECRET = 6;

export const NO_TASK = 'ff'.repeat(24);
export const isDriver = (taskId: string): boolean => taskId.startsWith('ff'.repeat(20));
export const jobOf = (taskOrActorId: string): string => taskOrActorId.slice(-8);

/** The facts of all events in any order; `events` are elements of posted arrays. */
export function readFacts(events: Iterable<unknown>): RayFacts {
  const facts: RayFacts = { sessions: new Map(), secrets: new Set() };
  for (const element of events) {
    const event = object(element);
    const name = text(event, 'sessionName');
    let session = facts.sessions.get(name);
    if (!session) {
      session = {
        session: name,
        attempts: new Map(),
        attemptsOf: new Map(),
        parents: new Map(),
        jobs: new Map(),
        actors: new Map(),
        namedActors: new Set(),
        nodes: new Map(),
        workers: new Map(),
        exits: new Map(),
        otherIds: new Set(),
        profiles: [],
        profiled: new Map(),
        threads: new Map(),
      };
      facts.sessions.set(name, session);
    }
    readEvent(event, session, facts.secrets);
  }
  for (const session of facts.sessions.values()) readProfiled(session);
  return facts;
}

/** Once everything is known: which of the ids that were profiled are tasks', and which are made up for threads. */
function readProfiled(session: SessionFacts): void {
  for (const profiled of session.profiled.values()) {
    const { taskId, attempt, raised } = profiled;
    const key = `${taskId}/${attempt}`;
    const isAttempt = profiled.hasTaskEntry || (profiled.hasUserEntry && !isMadeUp(session, taskId));
    if (!isAttempt && !session.attempts.has(key)) {
      session.threads.set(taskId, profiled);
      continue;
    }
    const facts = attemptFacts(session, taskId, attempt);
    for (const [type, value] of raised) facts.raised.set(type, value);
  }
}

/** Its last 16 bytes are no filler, and name no actor that any event names. */
export function isMadeUp(session: SessionFacts, taskId: string): boolean {
  const actorId = taskId.slice(16);
  const canBeTask = actorId.startsWith('ff'.repeat(12)) || taskId.startsWith('ff'.repeat(8));
  return !canBeTask && !session.actors.has(actorId) && !session.namedActors.has(actorId);
}

function readEvent(event: Json, session: SessionFacts, secrets: Set<string>): void {
  collectSecrets(event, secrets);
  const payload = (name: string): Json | undefined => (field(event, name) === undefined ? undefined : object(field(event, name)));

  const definition = payload('taskDefinitionEvent') ?? payload('actorTaskDefinitionEvent');
  if (definition) readTaskDefinition(definition, session);
  const lifecycle = payload('taskLifecycleEvent') ?? payload('taskExecutionEvent');
  if (lifecycle) readTaskLifecycle(lifecycle, session);
  const profile = payload('taskProfileEvents');
  if (profile) readTaskProfile(profile, session);

  const jobDefinition = payload('driverJobDefinitionEvent');
  if (jobDefinition) {
    const job = jobFacts(session, id(jobDefinition, 'jobId'));
    const metadata = object(field(object(field(jobDefinition, 'config')), 'metadata'));
    const traceparent = metadata['traceparent'];
    if (typeof traceparent === 'string') job.traceparent = traceparent;
  }
  const jobLifecycle = payload('driverJobLifecycleEvent');
  if (jobLifecycle) {
    const job = jobFacts(session, id(jobLifecycle, 'jobId'));
    for (const { state, ns } of transitions(jobLifecycle)) {
      if (state === 'CREATED') job.created.push(ns);
      if (state === 'FINISHED') job.finished.push(ns);
    }
  }

  const actorDefinition = payload('actorDefinitionEvent');
  if (actorDefinition) {
    const actor = actorFacts(session, id(actorDefinition, 'actorId'));
    actor.isDetached ||= field(actorDefinition, 'isDetached') === true;
  }
  const actorLifecycle = payload('actorLifecycleEvent');
  if (actorLifecycle) {
    const actor = actorFacts(session, id(actorLifecycle, 'actorId'));
    actor.states.push(...transitions(actorLifecycle, actor.untimed));
  }

  for (const [slot, idField, into] of [
    ['nodeDefinitionEvent', 'nodeId', session.nodes],
    ['nodeLifecycleEvent', 'nodeId', session.nodes],
    ['workerDefinitionEvent', 'workerId', session.workers],
    ['workerLifecycleEvent', 'workerId', session.workers],
  ] as const) {
    const entity = payload(slot);
    if (!entity) continue;
    const known = into.get(id(entity, idField)) ?? [];
    known.push(...transitions(entity));
    into.set(id(entity, idField), known);
  }
  const workerLifecycle = payload('workerLifecycleEvent');
  for (const transition of list(field(workerLifecycle ?? {}, 'stateTransitions'))) {
    const death = field(object(transition), 'deathInfo');
    if (workerLifecycle && death !== undefined) session.exits.set(id(workerLifecycle, 'workerId'), text(object(death), 'exitDetail'));
  }
  for (const slot of ['placementGroupDefinitionEvent', 'placementGroupLifecycleEvent']) {
    const group = payload(slot);
    if (group) session.otherIds.add(id(group, 'placementGroupId'));
  }
  for (const slot of ['submissionJobDefinitionEvent', 'submissionJobLifecycleEvent']) {
    const submission = payload(slot);
    if (submission) session.otherIds.add(text(submission, 'submissionId'));
  }
}

function readTaskDefinition(definition: Json, session: SessionFacts): void {
  const attempt = attemptFacts(session, id(definition, 'taskId'), Number(field(definition, 'taskAttempt') ?? 0));
  session.namedActors.add(attempt.taskId.slice(16));
  const parentTaskId = id(definition, 'parentTaskId');
  if (parentTaskId !== '' && parentTaskId !== NO_TASK && parentTaskId !== attempt.taskId) {
    attempt.parentTaskId = parentTaskId;
    session.parents.set(attempt.taskId, parentTaskId);
  }
}

function readTaskLifecycle(lifecycle: Json, session: SessionFacts): void {
  const attempt = attemptFacts(session, id(lifecycle, 'taskId'), Number(field(lifecycle, 'taskAttempt') ?? 0));
  session.namedActors.add(attempt.taskId.slice(16));
  attempt.states.push(...transitions(lifecycle, attempt.untimed));
  for (const [number, time] of Object.entries(object(field(lifecycle, 'taskState')))) {
    const state = TASK_STATES[Number(number)] ?? number;
    const ns = possibleTime(time);
    if (ns === undefined) attempt.untimed.add(state);
    else attempt.states.push({ state, ns });
  }
  const error = field(lifecycle, 'rayErrorInfo');
  if (error !== undefined) {
    attempt.errorTypes.add(text(object(error), 'errorType'));
    attempt.errorMessages.add(text(object(error), 'errorMessage'));
  }
  const workerId = id(lifecycle, 'workerId');
  if (workerId !== '') attempt.workers.add(workerId);
}

function readTaskProfile(profile: Json, session: SessionFacts): void {
  const taskId = id(profile, 'taskId');
  const number = Number(field(profile, 'attemptNumber') ?? 0);
  const profiled = taskId !== '' && taskId !== NO_TASK ? profiledFacts(session, taskId, number) : undefined;
  if (profiled === undefined) jobFacts(session, id(profile, 'jobId'));
  if (profiled !== undefined && isDriver(taskId)) attemptFacts(session, taskId, number);
  if (taskId.startsWith('ff'.repeat(8))) session.namedActors.add(taskId.slice(16));
  const source = object(field(profile, 'profileEvents'));
  if (profiled !== undefined && text(source, 'componentType') === 'worker') profiled.workers.add(id(source, 'componentId'));
  if (profiled !== undefined && text(source, 'componentType') === 'driver') profiled.isOfDriver = true;
  for (const element of list(field(object(field(profile, 'profileEvents')), 'events'))) {
    const entry = object(element);
    const [startNs, endNs] = [possibleEpoch(field(entry, 'startTime'), 1n), possibleEpoch(field(entry, 'endTime'), 1n)];
    const isWhole = text(entry, 'eventName').startsWith('task::');
    if (endNs === undefined || (startNs === undefined && !isWhole)) continue;
    const extra = text(entry, 'extraData');
    const exception = extra.includes('"traceback"') ? object(JSON.parse(extra)) : {};
    if (text(exception, 'type') !== '') profiled?.raised.set(text(exception, 'type'), text(exception, 'value'));
    if (profiled !== undefined && text(entry, 'eventName') !== 'submit_task') {
      if (text(entry, 'eventName').startsWith('task:')) profiled.hasTaskEntry = true;
      else profiled.hasUserEntry = true;
    }
    if (startNs === undefined) continue;
    session.profiles.push({ taskId, attempt: number, jobId: id(profile, 'jobId'), name: text(entry, 'eventName'), startNs, endNs });
  }
}

function profiledFacts(session: SessionFacts, taskId: string, attempt: number): ProfiledFacts {
  const key = `${taskId}/${attempt}`;
  let facts = session.profiled.get(key);
  if (!facts) {
    facts = { taskId, attempt, workers: new Set(), isOfDriver: false, hasTaskEntry: false, hasUserEntry: false, raised: new Map() };
    session.profiled.set(key, facts);
  }
  return facts;
}

function collectSecrets(value: unknown, secrets: Set<string>): void {
  if (Array.isArray(value)) {
    for (const element of value) collectSecrets(element, secrets);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if ((key === 'serializedRuntimeEnv' || key === 'serialized_runtime_env') && typeof inner === 'string' && inner !== '') {
      const variables = object(object(JSON.parse(inner))['env_vars']);
      for (const secret of Object.values(variables)) addSecret(String(secret), secrets);
    } else if (key === 'entrypoint' && typeof inner === 'string') {
      // The program and its script may be shown, what follows may not.
      for (const word of inner.split(/\s+/).slice(2)) if (!word.startsWith('-')) addSecret(word, secrets);
    } else {
      collectSecrets(inner, secrets);
    }
  }
}

function addSecret(secret: string, secrets: Set<string>): void {
  if (secret.length >= SHORTEST_SECRET) secrets.add(secret);
}

function attemptFacts(session: SessionFacts, taskId: string, attempt: number): AttemptFacts {
  const key = `${taskId}/${attempt}`;
  let facts = session.attempts.get(key);
  if (!facts) {
    facts = {
      taskId,
      attempt,
      states: [],
      untimed: new Set(),
      errorTypes: new Set(),
      errorMessages: new Set(),
      raised: new Map(),
      workers: new Set(),
    };
    session.attempts.set(key, facts);
    const siblings = session.attemptsOf.get(taskId);
    if (siblings) siblings.push(facts);
    else session.attemptsOf.set(taskId, [facts]);
  }
  return facts;
}

function jobFacts(session: SessionFacts, jobId: string): JobFacts {
  let facts = session.jobs.get(jobId);
  if (!facts) {
    facts = { created: [], finished: [] };
    session.jobs.set(jobId, facts);
  }
  return facts;
}

function actorFacts(session: SessionFacts, actorId: string): ActorFacts {
  let facts = session.actors.get(actorId);
  if (!facts) {
    facts = { isDetached: false, states: [], untimed: new Set() };
    session.actors.set(actorId, facts);
  }
  return facts;
}

function transitions(payload: Json, untimed = new Set<string>()): StateFact[] {
  return list(field(payload, 'stateTransitions')).flatMap((element) => {
    const entry = object(element);
    const state = text(entry, 'state');
    // A process keeps its own time of its birth and death.
    const ownMs = field(entry, state === 'DEAD' ? 'endTimeMs' : 'startTimeMs');
    const ns = possibleTime(field(entry, 'timestamp')) ?? possibleEpoch(ownMs, 1_000_000n);
    if (ns === undefined) untimed.add(state);
    return ns === undefined ? [] : { state, ns };
  });
}

/** A time of the years 2000 to 2199; anything else is no time. */
function possibleTime(value: unknown): bigint | undefined {
  if (typeof value !== 'string') return undefined;
  const year = Number(value.slice(0, 4));
  if (!(year >= 2000 && year < 2200)) return undefined;
  const ns = nanoseconds(value);
  // A day that the calendar does not have is another one to Date.
  return new Date(Number(ns / 1_000_000n)).toISOString().startsWith(value.slice(0, 10)) ? ns : undefined;
}

function possibleEpoch(value: unknown, unitNs: bigint): bigint | undefined {
  const ns = typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) * unitNs : 0n;
  return ns >= nanoseconds('2000-01-01T00:00:00Z') && ns < nanoseconds('2200-01-01T00:00:00Z') ? ns : undefined;
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function field(from: Json, camelCase: string): unknown {
  return from[camelCase] ?? from[camelCase.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}

function text(from: Json, camelCase: string): string {
  const value = field(from, camelCase);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Lower-case hex of a base64 field, '' when it is absent. */
function id(from: Json, camelCase: string): string {
  return Buffer.from(text(from, camelCase), 'base64').toString('hex');
}

/** RFC 3339 in UTC with up to nine digits of a second, exactly. */
export function nanoseconds(timestamp: string): bigint {
  const match = /^(.*?)(?:\.(\d{1,9}))?Z$/.exec(timestamp);
  if (!match) throw new Error(`not a timestamp: ${timestamp}`);
  return BigInt(Date.parse(`${match[1]}Z`)) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
