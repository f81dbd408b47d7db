import { CLUSTER_KINDS, clusterEntitiesOf } from '../entities/cluster-kinds.ts';
import { SharedFacts } from '../compact/definitions.ts';
import { FinalTrace, LOOP } from '../callers/caller-chain.ts';
import type { FinishedAttempt } from '../finished.ts';
import type { ShareCounts } from '../budget/function-share.ts';
import type { HeldAttempt } from '../budget/held-back.ts';
import type { RollupNode, RollupSums } from '../budget/rollup.ts';
import type { Slowest } from '../budget/slowest.ts';
import {
  type Actor,
  type AgingRecord,
  type Attempt,
  type Job,
  type NodeRecord,
  NO_PLACEMENT,
  type PlacementGroup,
  type Point,
  type Session,
  type SubmissionJob,
  type Task,
  type Placement,
} from '../entities/entities.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';
import { isWatched } from '../due/due.ts';
import { LeftOut } from '../compact/left-out.ts';
import type { State } from '../state.ts';

/**
 * Everything that a correlator knows, as plain records (arrays, objects, strings, numbers, booleans, bigints, bytes) that come in an order in which
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
  readonly session: [session: number, name: string, fields: Fields, budget: unknown];
  readonly rollup: [node: number, name: string, sums: RollupSums, children: readonly number[]];
  readonly rollups: [session: number, jobId: string | null, containers: unknown];
  readonly held_back: [held: number, session: number, jobId: string, lifecycle: Fields, share: string, rollups: readonly number[] | null];
  readonly function: [
    session: number,
    jobId: string,
    name: string,
    counts: ShareCounts,
    ran: readonly SavedRank[],
    took: readonly SavedRank[],
  ];
  readonly job: [session: number, id: string, firstSeenMs: number, fields: Fields, budget: unknown];
  readonly actor: [session: number, id: string, fields: Fields];
  readonly node: [session: number, id: string, fields: Fields];
  readonly worker: [session: number, id: string, fields: Fields];
  readonly placement_group: [session: number, id: string, fields: Fields];
  readonly submission_job: [session: number, id: string, fields: Fields];
  readonly point: [session: number, key: string, point: unknown, fields: Fields];
  readonly thread: [session: number, thread: unknown];
  readonly run: [session: number, run: unknown];
  /** Rows of `Tombstones`, oldest first. */
  readonly tombstones: [rows: Uint8Array];
  readonly definition: [definition: number, content: unknown];
  readonly placement: [placement: number, session: number, facts: Fields, places: readonly Place[]];
  readonly task: [
    session: number,
    id: string,
    parent: SavedId,
    trace: SavedTrace,
    depth: number,
    outlivesDriver: boolean,
    keptDefinition: number,
    attempts: readonly (OpenRecord | ClosedRecord)[],
  ];
}

/** `held`: 0 for an attempt whose span was sent. */
export type SavedRank = readonly [ns: number, held: number];

/** An id; 0 for what it nearly always is, of the task's own job: the job, or its driver's task; null for none. */
export type SavedId = string | 0 | null;
/** As `SavedId`, and in an array where it is a guess. */
export type SavedTrace = SavedId | readonly [jobId: string];
/** The trace of tasks that name each other as callers. */
export const SAVED_LOOP = 'loop';

/** `definition`, `keptDefinition` and `placement`: 0 for none. `sinceMs` counts from the session's `firstSeenMs`. */
export type OpenRecord = readonly [
  'open',
  number: number,
  sinceMs: number,
  states: string,
  definition: number,
  placement: number,
  rareFields: Fields | null,
  rollups: readonly number[] | null,
  /** The death of its actor ends it. A parent that was only named is not watched. */
  isWatched: boolean,
];
/** `rollup`: 0 where its rollup was sent already, null where it has a span of its own. */
export type ClosedRecord = readonly [
  'closed',
  number: number,
  runningNs: bigint,
  outcome: ClosedAttempt['outcome'],
  rollup: number | null,
  above: readonly [taskId: string, number: number] | null,
  isAfterJob: boolean,
  isPlaceholder: boolean,
  isHeldBack: boolean,
];

type Kind<Name extends CheckpointKind> = readonly [Name, ...CheckpointContent[Name]];

/** The present state. What the caller does not take before the state changes is wrong afterwards. */
export function* checkpointRecords(state: State): Generator<CheckpointRecord> {
  const rollups = new RollupNumbers();
  const shared: SharedNumbers = { definitions: new Map(), placements: new Map() };
  const ages = agesOf(state);
  // In the order in which they give way.
  const sessions = [...[...state.sessions.values()].filter(({ givesWay }) => givesWay), ...state.recent];
  for (const [number, session] of sessions.entries())
    yield ['session', number, session.name, fieldsOf(session, 'session'), session.budget.save()] satisfies Kind<'session'>;
  for (const [number, session] of sessions.entries()) yield* sessionRecords(session, number, rollups, ages);
  const numbers = new Map(sessions.map((session, number) => [session, number]));
  for (const rows of state.tombstones.save(numbers)) yield ['tombstones', rows] satisfies Kind<'tombstones'>;
  for (const [number, session] of sessions.entries())
    for (const task of session.tasks.values()) yield* taskRecords(task, number, rollups, shared);
}

function* sessionRecords(session: Session, number: number, rollups: RollupNumbers, ages: Ages): Generator<CheckpointRecord> {
  yield* containerRecords(session, number, null, rollups);
  for (const job of session.jobs.values()) {
    yield ['job', number, job.id, job.firstSeenMs, agedFieldsOf(job, 'job', ages), job.budget.save()] satisfies Kind<'job'>;
    yield* containerRecords(job, number, job.id, rollups);
    yield* functionRecords(job, number, rollups);
  }
  for (const actor of session.actors.values())
    yield ['actor', number, actor.id, agedFieldsOf(actor, 'actor', ages)] satisfies Kind<'actor'>;
  for (const [name, entity] of clusterEntitiesOf(session))
    yield [name, number, entity.id, agedFieldsOf(entity, CLUSTER_KINDS[name].isMachine ? 'machine' : 'entity', ages)] satisfies Kind<
      typeof name
    >;
  const { threads = [], runs = [] } = session.threads?.save() ?? {};
  for (const thread of threads) yield ['thread', number, thread] satisfies Kind<'thread'>;
  for (const run of runs) yield ['run', number, run] satisfies Kind<'run'>;
  for (const point of session.points.values())
    yield ['point', number, point.id, point.point ?? null, agedFieldsOf(point, 'point', ages)] satisfies Kind<'point'>;
}

/** Places of the records that nothing needs, by which the oldest ones are forgotten. */
type Ages = ReadonlyMap<AgingRecord, number>;

function agesOf({ aging, agingPoints }: State): Ages {
  const ages = new Map<AgingRecord, number>();
  for (const records of [aging, agingPoints]) for (const record of records) ages.set(record, ages.size);
  return ages;
}

function agedFieldsOf(record: AgingRecord, kind: keyof typeof OMITTED, ages: Ages): Fields {
  const age = ages.get(record);
  return age === undefined ? fieldsOf(record, kind) : { ...fieldsOf(record, kind), age };
}

function* containerRecords(
  { budget }: Session | Job,
  session: number,
  jobId: string | null,
  rollups: RollupNumbers,
): Generator<CheckpointRecord> {
  const containers: unknown[] = [];
  for (const { parent, rollups: nodes } of budget.rollups.containers()) {
    yield* rollups.newRecords(nodes.values());
    containers.push([parent, rollups.numbersOf(nodes.values())]);
  }
  if (containers.length > 0) yield ['rollups', session, jobId, containers] satisfies Kind<'rollups'>;
}

/** The shares of a job's functions, and their slowest attempts. */
function* functionRecords({ id, budget }: Job, session: number, rollups: RollupNumbers): Generator<CheckpointRecord> {
  const numbers = new Map<HeldAttempt, number>();
  for (const held of budget.heldBack) {
    if (held.rollups !== undefined) yield* rollups.newRecords(held.rollups.values());
    rollups.heldBack += 1;
    numbers.set(held, rollups.heldBack);
    yield [
      'held_back',
      rollups.heldBack,
      session,
      id,
      withoutUnset(held.lifecycle),
      held.share,
      held.rollups === undefined ? null : rollups.numbersOf(held.rollups.values()),
    ] satisfies Kind<'held_back'>;
  }
  const saved = ({ ranks }: Slowest<HeldAttempt>): SavedRank[] =>
    ranks.map(({ ns, item }) => [ns, item === undefined ? 0 : (numbers.get(item) ?? 0)]);
  for (const { name, counts, ran, took } of budget.functions)
    yield ['function', session, id, name, counts, saved(ran), saved(took)] satisfies Kind<'function'>;
}

/** Numbers of what attempts share, from 1; each is written before it is referred to. */
interface SharedNumbers {
  readonly definitions: Map<SharedFacts, number>;
  readonly placements: Map<Placement, number>;
}

function* taskRecords(task: Task, session: number, rollups: RollupNumbers, shared: SharedNumbers): Generator<CheckpointRecord> {
  const { attempts, keptDefinition } = task;
  if (keptDefinition !== undefined) yield* definitionRecords(keptDefinition, shared);
  for (const attempt of attempts) {
    if (attempt.closed) {
      if (attempt.rollup !== undefined) yield* rollups.newRecords([attempt.rollup]);
      continue;
    }
    const { definition, placement, rareFields } = attempt;
    if (rareFields.rollups !== undefined) yield* rollups.newRecords(rareFields.rollups.values());
    if (definition !== undefined) yield* definitionRecords(definition, shared);
    if (placement !== NO_PLACEMENT && !shared.placements.has(placement)) {
      shared.placements.set(placement, shared.placements.size + 1);
      const places = placement.places.map((place): Place => [place.kind, place.id]);
      yield ['placement', shared.placements.size, session, fieldsOf(placement, 'placement'), places] satisfies Kind<'placement'>;
    }
  }
  const { id } = task;
  const records = Array.from(attempts, (attempt) =>
    attempt.closed ? closedRecord(attempt, rollups) : openRecord(attempt, rollups, shared),
  );
  yield [
    'task',
    session,
    id,
    savedParent(task),
    savedTrace(task),
    task.depth,
    task.outlivesDriver,
    keptDefinition === undefined ? 0 : (shared.definitions.get(keptDefinition) ?? 0),
    records,
  ] satisfies Kind<'task'>;
}

function* definitionRecords(definition: SharedFacts, { definitions }: SharedNumbers): Generator<CheckpointRecord> {
  if (definitions.has(definition)) return;
  definitions.set(definition, definitions.size + 1);
  yield ['definition', definitions.size, withoutUnset(definition)] satisfies Kind<'definition'>;
}

function savedParent({ session, ownJobId, parentTaskId }: Task): SavedId {
  if (parentTaskId === undefined) return null;
  return parentTaskId === session.jobs.get(ownJobId)?.driverTaskId ? 0 : parentTaskId;
}

/** A chain of callers is put together again from its tasks. */
function savedTrace({ trace, ownJobId }: Task): SavedTrace {
  if (trace === LOOP) return SAVED_LOOP;
  if (!(trace instanceof FinalTrace)) return null;
  if (trace.isGuess) return [trace.jobId];
  return trace.jobId === ownJobId ? 0 : trace.jobId;
}

function openRecord(attempt: Attempt, rollups: RollupNumbers, { definitions, placements }: SharedNumbers): OpenRecord {
  const { task, number, firstSeenMs, states, definition, placement, rareFields } = attempt;
  return [
    'open',
    number,
    firstSeenMs - task.session.firstSeenMs,
    states,
    definition === undefined ? 0 : (definitions.get(definition) ?? 0),
    placements.get(placement) ?? 0,
    attempt.hasRareFields ? fieldsOf(rareFields, 'rareFields') : null,
    rareFields.rollups === undefined ? null : rollups.numbersOf(rareFields.rollups.values()),
    isWatched(attempt),
  ];
}

function closedRecord(
  { number, runningNs, outcome, rollup, above, isAfterJob, isPlaceholder, isHeldBack }: ClosedAttempt,
  rollups: RollupNumbers,
): ClosedRecord {
  const savedAbove = above === undefined ? null : ([above.taskId, above.number] as const);
  return [
    'closed',
    number,
    runningNs,
    outcome,
    rollup === undefined ? null : rollups.numberOf(rollup),
    savedAbove,
    isAfterJob,
    isPlaceholder,
    isHeldBack,
  ];
}

/** What identifies a record or refers to other records: it has a place of its own in a checkpoint. Everything else is a field. */
const OMITTED = {
  session: [
    'name',
    'number',
    'chains',
    'placements',
    'sweepPlacementsAt',
    'threads',
    'jobs',
    'tasks',
    'actors',
    'nodes',
    'workers',
    'placementGroups',
    'submissionJobs',
    'points',
    'budget',
    'older',
    'newer',
  ],
  job: ['id', 'session', 'open', 'chains', 'traces', 'actors', 'firstSeenMs', 'budget', 'older', 'newer'],
  rareFields: ['rollups'],
  placement: ['places', 'attempts'],
  actor: ['id', 'session', 'open', 'creations', 'older', 'newer'],
  entity: ['id', 'session', 'older', 'newer'],
  machine: ['id', 'session', 'placements', 'running', 'older', 'newer'],
  point: ['session', 'id', 'point', 'older', 'newer'],
} as const satisfies {
  readonly session: readonly (keyof Session)[];
  readonly job: readonly (keyof Job)[];
  readonly rareFields: readonly (keyof Attempt['rareFields'])[];
  readonly placement: readonly (keyof Placement)[];
  readonly actor: readonly (keyof Actor)[];
  readonly entity: readonly (keyof PlacementGroup & keyof SubmissionJob)[];
  readonly machine: readonly (keyof NodeRecord)[];
  readonly point: readonly (keyof Point)[];
};

function fieldsOf(record: object, kind: keyof typeof OMITTED): Fields {
  const omitted: readonly string[] = OMITTED[kind];
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record)) {
    if (isDefault(value) || omitted.includes(name) || (value === 0 && SIZES.includes(name))) continue;
    fields[name] = value instanceof LeftOut ? value.save() : value;
  }
  return fields;
}

function withoutUnset(facts: SharedFacts | FinishedAttempt): Fields {
  const set = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, value instanceof SharedFacts ? withoutUnset(value) : value]));
}

/** Sizes and counts begin at 0; of other numbers 0 may be a time. */
const SIZES: readonly string[] = ['bytes', 'profileBytes', 'rareBytes', 'searches'];

/** As every record begins. */
function isDefault(value: unknown): boolean {
  return value === undefined || value === false || value === Number.POSITIVE_INFINITY || (Array.isArray(value) && value.length === 0);
}

/** Numbers of the rollups that were not sent, from 1; each is written before it is referred to. */
class RollupNumbers {
  readonly #numbers = new Map<RollupNode, number>();
  /** Attempts that are held back, so far. */
  heldBack = 0;

  *newRecords(nodes: Iterable<RollupNode>): Generator<CheckpointRecord> {
    for (const named of nodes) {
      const node = named.current;
      if (node.sent || this.#numbers.has(node)) continue;
      yield* this.newRecords(node.children.values());
      this.#numbers.set(node, this.#numbers.size + 1);
      yield ['rollup', this.numberOf(node), node.name, node.sums, this.numbersOf(node.children.values())] satisfies Kind<'rollup'>;
    }
  }

  numbersOf(nodes: Iterable<RollupNode>): number[] {
    return Array.from(nodes, (node) => this.numberOf(node));
  }

  numberOf(node: RollupNode): number {
    return this.#numbers.get(node.current) ?? 0;
  }
}
