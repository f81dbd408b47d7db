import type { FoldNode } from './fold.ts';
import type { Actor, Attempt, ClosedAttempt, Job, NodeRecord, PlacementGroup, Point, Session, SubmissionJob, Task } from './records.ts';
import type { State } from './state.ts';

/**
 * Everything that a correlator knows, as plain records (arrays, objects, strings, numbers, booleans, bigints) that come in an order in which
 * `restore.ts` can take them: a thing before what refers to it. One record is small, so that the caller can pause between any two.
 */
export type CheckpointRecord = readonly [kind: CheckpointKind, ...content: unknown[]];
export type CheckpointKind = keyof CheckpointContent;

/** A record's own values by name; what is unset is left out. */
export type Fields = Readonly<Record<string, unknown>>;
/** Kind of an entity that attempts run on, and its id. */
export type Place = readonly ['node' | 'worker', string];

/** `session` is the number that the session's own record gives it. */
export interface CheckpointContent {
  readonly session: [session: number, name: string, fields: Fields, account: unknown];
  readonly fold: [node: number, name: string, sums: Fields, children: readonly number[]];
  readonly folds: [session: number, jobId: string | null, containers: unknown];
  readonly job: [session: number, id: string, firstSeenMs: number, fields: Fields, account: unknown];
  readonly actor: [session: number, id: string, fields: Fields];
  readonly node: [session: number, id: string, fields: Fields];
  readonly worker: [session: number, id: string, fields: Fields];
  readonly placement_group: [session: number, id: string, fields: Fields];
  readonly submission_job: [session: number, id: string, fields: Fields];
  readonly point: [session: number, key: string, point: unknown, fields: Fields];
  readonly task: [session: number, id: string, fields: Fields, attempts: readonly (OpenRecord | ClosedRecord)[]];
  readonly guests: [session: number, jobId: string, attempts: readonly (readonly [taskId: string, number: number])[]];
}

export type OpenRecord = readonly [
  'open',
  number: number,
  firstSeenMs: number,
  fields: Fields,
  places: readonly Place[],
  folds: readonly number[] | null,
];
/** `fold`: 0 where its fold was sent already, null where it has a span of its own. */
export type ClosedRecord = readonly ['closed', number: number, runningNs: bigint, outcome: ClosedAttempt['outcome'], fold: number | null];

type Kind<Name extends CheckpointKind> = readonly [Name, ...CheckpointContent[Name]];

/** The present state. What the caller does not take before the state changes is wrong afterwards. */
export function* checkpointRecords(state: State): Generator<CheckpointRecord> {
  const folds = new FoldNumbers();
  const sessions = [...state.sessions.values()];
  for (const [number, session] of sessions.entries())
    yield ['session', number, session.name, fieldsOf(session, 'session'), session.account.save()] satisfies Kind<'session'>;
  for (const [number, session] of sessions.entries()) yield* sessionRecords(session, number, folds);
  const numbers = new Map(sessions.map((session, number) => [session, number]));
  for (const task of state.tombstones) yield* taskRecords(task, numbers.get(task.session) ?? 0, folds);
  for (const [number, session] of sessions.entries()) {
    for (const task of session.tasks.values()) if (!state.tombstones.has(task)) yield* taskRecords(task, number, folds);
    for (const job of session.jobs.values()) {
      const guests = [...job.guests].map(({ task, number: attempt }) => [task.id, attempt] as const);
      if (guests.length > 0) yield ['guests', number, job.id, guests] satisfies Kind<'guests'>;
    }
  }
}

function* sessionRecords(session: Session, number: number, folds: FoldNumbers): Generator<CheckpointRecord> {
  yield* containerRecords(session, number, null, folds);
  for (const job of session.jobs.values()) {
    yield ['job', number, job.id, job.firstSeenMs, fieldsOf(job, 'job'), job.account.save()] satisfies Kind<'job'>;
    yield* containerRecords(job, number, job.id, folds);
  }
  for (const actor of session.actors.values()) yield ['actor', number, actor.id, fieldsOf(actor, 'entity')] satisfies Kind<'actor'>;
  for (const node of session.nodes.values()) yield ['node', number, node.id, fieldsOf(node, 'machine')] satisfies Kind<'node'>;
  for (const worker of session.workers.values()) yield ['worker', number, worker.id, fieldsOf(worker, 'machine')] satisfies Kind<'worker'>;
  for (const group of session.placementGroups.values())
    yield ['placement_group', number, group.id, fieldsOf(group, 'entity')] satisfies Kind<'placement_group'>;
  for (const job of session.submissionJobs.values())
    yield ['submission_job', number, job.id, fieldsOf(job, 'entity')] satisfies Kind<'submission_job'>;
  for (const [key, point] of session.points) yield ['point', number, key, point.point, fieldsOf(point, 'point')] satisfies Kind<'point'>;
}

function* containerRecords(
  { account }: Session | Job,
  session: number,
  jobId: string | null,
  folds: FoldNumbers,
): Generator<CheckpointRecord> {
  const containers: unknown[] = [];
  for (const { parent, folds: nodes } of account.folds.containers()) {
    yield* folds.newRecords(nodes.values());
    containers.push([parent, folds.numbersOf(nodes.values())]);
  }
  if (containers.length > 0) yield ['folds', session, jobId, containers] satisfies Kind<'folds'>;
}

function* taskRecords(task: Task, session: number, folds: FoldNumbers): Generator<CheckpointRecord> {
  for (const attempt of task.attempts) {
    if (!attempt.closed && attempt.folds !== undefined) yield* folds.newRecords(attempt.folds.values());
    if (attempt.closed && attempt.fold !== undefined) yield* folds.newRecords([attempt.fold]);
  }
  const attempts = task.attempts.map((attempt) => (attempt.closed ? closedRecord(attempt, folds) : openRecord(attempt, folds)));
  yield ['task', session, task.id, fieldsOf(task, 'task'), attempts] satisfies Kind<'task'>;
}

function openRecord(attempt: Attempt, folds: FoldNumbers): OpenRecord {
  const places = attempt.places.map((place): Place => [place.kind, place.id]);
  const nodes = attempt.folds === undefined ? null : folds.numbersOf(attempt.folds.values());
  return ['open', attempt.number, attempt.firstSeenMs, fieldsOf(attempt, 'attempt'), places, nodes];
}

function closedRecord({ number, runningNs, outcome, fold }: ClosedAttempt, folds: FoldNumbers): ClosedRecord {
  return ['closed', number, runningNs, outcome, fold === undefined ? null : folds.numberOf(fold)];
}

/** What identifies a record or refers to other records: it has a place of its own in a checkpoint. Everything else is a field. */
const OMITTED = {
  session: ['name', 'jobs', 'tasks', 'actors', 'nodes', 'workers', 'placementGroups', 'submissionJobs', 'points', 'account'],
  job: ['id', 'session', 'own', 'guests', 'actors', 'firstSeenMs', 'account'],
  task: ['id', 'session', 'actorId', 'attempts'],
  attempt: ['closed', 'task', 'number', 'firstSeenMs', 'places', 'folds'],
  entity: ['id', 'session'],
  machine: ['kind', 'id', 'session', 'attempts'],
  point: ['session', 'point'],
} as const satisfies {
  readonly session: readonly (keyof Session)[];
  readonly job: readonly (keyof Job)[];
  readonly task: readonly (keyof Task)[];
  readonly attempt: readonly (keyof Attempt)[];
  readonly entity: readonly (keyof Actor & keyof PlacementGroup & keyof SubmissionJob)[];
  readonly machine: readonly (keyof NodeRecord)[];
  readonly point: readonly (keyof Point)[];
};

function fieldsOf(record: object, kind: keyof typeof OMITTED): Fields {
  const omitted: readonly string[] = OMITTED[kind];
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record)) if (!isDefault(value) && !omitted.includes(name)) fields[name] = value;
  return fields;
}

/** As every record begins. */
function isDefault(value: unknown): boolean {
  return value === undefined || value === false || value === Number.POSITIVE_INFINITY || (Array.isArray(value) && value.length === 0);
}

/** Numbers of the folds that were not sent, from 1; each is written before it is referred to. */
class FoldNumbers {
  readonly #numbers = new Map<FoldNode, number>();

  *newRecords(nodes: Iterable<FoldNode>): Generator<CheckpointRecord> {
    for (const named of nodes) {
      const node = named.current;
      if (node.sent || this.#numbers.has(node)) continue;
      yield* this.newRecords(node.children.values());
      this.#numbers.set(node, this.#numbers.size + 1);
      yield ['fold', this.numberOf(node), node.name, node.sums, this.numbersOf(node.children.values())] satisfies Kind<'fold'>;
    }
  }

  numbersOf(nodes: Iterable<FoldNode>): number[] {
    return Array.from(nodes, (node) => this.numberOf(node));
  }

  numberOf(node: FoldNode): number {
    return this.#numbers.get(node.current) ?? 0;
  }
}
