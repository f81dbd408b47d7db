import type { ClusterPoint } from '../../event/index.ts';
import { limitsOf, type SavedBudget, TraceBudget } from '../budget/budget.ts';
import { type ClusterKind, CLUSTER_KINDS } from '../entities/cluster-kinds.ts';
import { FinalTrace, LOOP } from '../callers/caller-chain.ts';
import {
  type CheckpointContent,
  type CheckpointKind,
  type CheckpointRecord,
  type ClosedRecord,
  type Fields,
  type OpenRecord,
  SAVED_LOOP,
  type SavedId,
  type SavedRank,
  type SavedTrace,
} from './checkpoint.ts';
import { restoreWatch } from '../due/due.ts';
import { RollupNode } from '../budget/rollup.ts';
import type { LazyMap } from '../compact/lazy-collections.ts';
import { LeftOut, type SavedLeftOut } from '../compact/left-out.ts';
import { sizeOf } from '../../event/index.ts';
import { noteHeld } from '../finish/settle-held.ts';
import type { FinishedAttempt, SpanRef } from '../finished.ts';
import type { HeldAttempt } from '../budget/held-back.ts';
import type { Ranked } from '../budget/slowest.ts';
import { listRestored } from '../callers/link-callers.ts';
import { compactString } from '../compact/compact-string.ts';
import { driverTaskOf } from '../naming/ray-ids.ts';
import { SharedFacts, type TaskFacts } from '../compact/definitions.ts';
import {
  Actor,
  type AgingRecord,
  Attempt,
  Job,
  NO_PLACEMENT,
  Point,
  type Session,
  Task,
  type Timed,
  type Placement,
} from '../entities/entities.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';
import type { State } from '../state.ts';
import type { SavedRun, Thread } from '../callers/threads.ts';
import { moveTo, placementOf } from '../compact/placement.ts';

/** Takes the records of a checkpoint, in their order, into a state that is empty at first. */
export class Restorer {
  readonly #state: State;
  readonly #sessions = new Map<number, Session>();
  readonly #rollups = new Map<number, RollupNode>();
  readonly #sentRollup: RollupNode;
  readonly #held = new Map<number, HeldAttempt>();
  readonly #definitions = new Map<number, SharedFacts>();
  readonly #placements = new Map<number, Placement>();
  /** Records that nothing needs, with their places among each other. */
  readonly #aging: { readonly age: number; readonly record: AgingRecord }[] = [];
  /** Rows of tombstones whose tasks follow. */
  readonly #rows = new Map<Session, Map<string, number>>();

  constructor(state: State) {
    this.#state = state;
    this.#sentRollup = new RollupNode('');
    this.#sentRollup.sent = true;
  }

  /** Throws when the record is not one of `checkpointRecords`. */
  take(record: CheckpointRecord): void {
    const [kind, ...content] = record;
    const take = this.#takers[kind];
    if (take === undefined) throw new Error(`a checkpoint has no records of the kind ${kind}`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind says what follows it
    (take as (...content: unknown[]) => void)(...content);
  }

  readonly #takers: { readonly [Kind in CheckpointKind]: (...content: CheckpointContent[Kind]) => void } = {
    session: (number, name, fields, budget) => {
      const session = this.#state.addSession(name, restoredBudget({ kind: 'session' }, savedBudget(budget)), 0);
      this.#sessions.set(number, session);
      this.#restore(session, fields);
      if (session.givesWay) this.#state.recent.remove(session);
    },
    rollup: (number, name, sums, children) => {
      const node = RollupNode.restored(name, sums);
      for (const child of children.map((id) => this.#rollup(id))) node.children.set(child.name, child);
      this.#rollups.set(number, node);
    },
    rollups: (number, jobId, containers) => {
      const session = this.#session(number);
      const { budget } = jobId === null ? session : found(session.jobs.get(jobId));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as `containerRecords` writes it
      for (const [parent, nodes] of containers as readonly (readonly [SpanRef, readonly number[]])[]) {
        const container = budget.rollups.under(parent);
        for (const node of nodes.map((id) => this.#rollup(id))) container.set(node.name, node);
      }
    },
    job: (number, id, firstSeenMs, fields, budget) => {
      const session = this.#session(number);
      const job = new Job(session, id, limitsOf(savedBudget(budget)), firstSeenMs);
      job.budget.restore(savedBudget(budget));
      this.#add(session.jobs, job, fields);
    },
    held_back: (number, sessionNumber, jobId, lifecycle, share, rollups) => {
      const job = found(this.#session(sessionNumber).jobs.get(jobId));
      const held: HeldAttempt = {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was saved
        lifecycle: lifecycle as unknown as FinishedAttempt,
        share,
        ranks: 0,
        rollups: rollups === null ? undefined : this.#rollupsByName(rollups),
        bytes: sizeOf(lifecycle),
      };
      noteHeld(this.#state, job, held);
      this.#held.set(number, held);
    },
    function: (number, jobId, name, counts, ran, took) => {
      const { budget } = found(this.#session(number).jobs.get(jobId));
      const share = budget.restoreShare(name, counts);
      share.ran.restore(ran.map((rank) => this.#ranked(rank)));
      share.took.restore(took.map((rank) => this.#ranked(rank)));
    },
    actor: (number, id, fields) => {
      const session = this.#session(number);
      const actor = new Actor(session, id);
      this.#add(session.actors, actor, fields);
      const job = session.jobs.get(actor.jobId);
      if (!actor.closed || (actor.isDetached && job?.closed === false)) job?.actors.add(actor);
    },
    node: (...saved) => this.#addEntity(CLUSTER_KINDS.node, ...saved),
    worker: (...saved) => this.#addEntity(CLUSTER_KINDS.worker, ...saved),
    placement_group: (...saved) => this.#addEntity(CLUSTER_KINDS.placement_group, ...saved),
    submission_job: (...saved) => this.#addEntity(CLUSTER_KINDS.submission_job, ...saved),
    point: (number, key, content, fields) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an event, as it was decoded
      const point = new Point(this.#session(number), key, content === null ? undefined : (content as ClusterPoint));
      this.#add(point.session.points, point, fields);
    },
    thread: (number, thread) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as `Threads.save` made it
      (this.#session(number).threads ??= this.#state.newThreads()).restoreThread(thread as Thread);
    },
    run: (number, run) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as `Threads.save` made it
      this.#session(number).threads?.restoreRun(run as SavedRun);
    },
    tombstones: (rows) => {
      this.#state.tombstones.restore(rows, (number) => this.#session(number), this.#noteRow);
    },
    definition: (number, content) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was saved
      const facts = content as TaskFacts;
      this.#definitions.set(number, new SharedFacts(facts, facts.parentTaskId));
    },
    placement: (number, sessionNumber, facts, saved) => {
      const session = this.#session(sessionNumber);
      const places = saved.flatMap(([kind, id]) => (kind === 'node' ? session.nodes.get(id) : session.workers.get(id)) ?? []);
      this.#placements.set(number, placementOf(session, facts, places));
    },
    task: (number, id, parent, trace, depth, outlivesDriver, keptDefinition, attempts) => {
      const task = new Task(this.#session(number), compactString(id));
      task.parentTaskId = restoredParent(task, parent);
      task.trace = restoredTrace(task, trace);
      task.depth = depth;
      task.outlivesDriver = outlivesDriver;
      if (keptDefinition !== 0) task.keptDefinition = found(this.#definitions.get(keptDefinition));
      const kept = task.keptDefinition;
      task.session.tasks.set(task.id, task);
      for (const record of attempts) {
        if (record[0] === 'closed') task.add(this.#closed(record));
        else this.#open(task, record);
      }
      listRestored(this.#state, task);
      if (!task.hasOpen) task.tombstone = this.#rows.get(task.session)?.get(id);
      if (task.hasOpen) this.#state.held.replaceFacts(undefined, kept);
      else this.#state.tombstones.noteKept(task.session, kept?.bytes ?? 0);
      this.#state.tombstones.noteBesides(task.session, Math.max(0, task.closedCount - (task.hasOpen ? 0 : 1)));
    },
  };

  readonly #noteRow = (session: Session, id: string, row: number): void => {
    const rows = this.#rows.get(session) ?? new Map<string, number>();
    this.#rows.set(session, rows.set(id, row));
  };

  #open(task: Task, [, number, sinceMs, states, definition, placement, rareFields, rollups, isWatched]: OpenRecord): void {
    const { session } = task;
    const attempt = new Attempt(task, number, session.firstSeenMs + sinceMs);
    attempt.states = compactString(states);
    attempt.definition = definition === 0 ? undefined : found(this.#definitions.get(definition));
    // One text for all children of a parent.
    if (attempt.definition?.parentTaskId === task.parentTaskId) task.parentTaskId = attempt.definition?.parentTaskId ?? task.parentTaskId;
    moveTo(attempt, placement === 0 ? NO_PLACEMENT : found(this.#placements.get(placement)));
    if (rareFields !== null) Object.assign(attempt.writableRareFields, restoredFields(rareFields));
    if (rollups !== null) attempt.writableRareFields.rollups = this.#rollupsByName(rollups);
    if (Number.isFinite(attempt.dueMs)) this.#state.due.push(attempt.dueMs, attempt);
    if (isWatched) restoreWatch(attempt);
    session.threads?.noteRun(attempt.placement.workerId, attempt);
    task.add(attempt);
    this.#state.openAttempts += 1;
    this.#state.held.addAttempt(attempt);
  }

  #closed([, number, runningNs, outcome, rollup, above, isAfterJob, isPlaceholder, isHeldBack]: ClosedRecord): ClosedAttempt {
    return {
      closed: true,
      number,
      runningNs,
      outcome,
      rollup: rollup === null ? undefined : this.#rollup(rollup),
      above: above === null ? undefined : { taskId: above[0], number: above[1] },
      isAfterJob,
      isPlaceholder,
      isHeldBack,
    };
  }

  #addEntity<Kind extends AgingRecord>(kind: ClusterKind<Kind>, sessionNumber: number, id: string, fields: Fields): void {
    const session = this.#session(sessionNumber);
    this.#add(kind.of(session), kind.create(session, id), fields);
  }

  #add<Kind extends AgingRecord>(records: LazyMap<string, Kind>, record: Kind, { age, ...fields }: Fields): void {
    this.#restore(record, fields);
    this.#state.addRecord(records, record);
    this.#state.held.add(record);
    if (typeof age === 'number') this.#aging.push({ age, record });
  }

  /** To be called when all records were taken. */
  finish(): void {
    this.#aging.sort((a, b) => a.age - b.age);
    for (const { record } of this.#aging) this.#state.listAging(record);
  }

  #restore(record: Timed, fields: Fields): void {
    Object.assign(record, restoredFields(fields));
    if (Number.isFinite(record.dueMs)) this.#state.due.push(record.dueMs, record);
  }

  #session(number: number): Session {
    return found(this.#sessions.get(number));
  }

  #rollupsByName(numbers: readonly number[]): Map<string, RollupNode> {
    return new Map(numbers.map((number) => [this.#rollup(number).name, this.#rollup(number)]));
  }

  #ranked([ns, number]: SavedRank): Ranked<HeldAttempt> {
    const item = number === 0 ? undefined : found(this.#held.get(number));
    if (item !== undefined) item.ranks += 1;
    return { ns, item };
  }

  #rollup(number: number): RollupNode {
    return number === 0 ? this.#sentRollup : found(this.#rollups.get(number));
  }
}

/** What `fieldsOf` writes otherwise than it is. */
const LEFT_OUT = ['leftOut', 'driverLeftOut'];

function restoredFields(fields: Fields): Fields {
  if (!LEFT_OUT.some((name) => name in fields)) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was saved
      [name, LEFT_OUT.includes(name) ? LeftOut.restored(value as SavedLeftOut) : value],
    ),
  );
}

function restoredParent(task: Task, saved: SavedId): string | undefined {
  if (saved === null) return undefined;
  const { session } = task;
  // One text for all of them.
  return saved === 0
    ? (session.jobs.get(task.ownJobId)?.driverTaskId ?? driverTaskOf(task.ownJobId))
    : (session.tasks.get(saved)?.id ?? saved);
}

function restoredTrace({ session, ownJobId }: Task, saved: SavedTrace): Task['trace'] {
  if (saved === null) return undefined;
  if (saved === SAVED_LOOP) return LOOP;
  const isGuess = typeof saved === 'object';
  const jobId = isGuess ? saved[0] : saved === 0 ? ownJobId : saved;
  const job = session.jobs.get(jobId);
  return (isGuess ? job?.traces.guessed : job?.traces.known) ?? new FinalTrace(jobId, isGuess);
}

function savedBudget(saved: unknown): SavedBudget {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as `TraceBudget.save` made it
  return saved as SavedBudget;
}

function restoredBudget(root: SpanRef, saved: SavedBudget): TraceBudget {
  const budget = new TraceBudget(root, limitsOf(saved));
  budget.restore(saved);
  return budget;
}

function found<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a record of a checkpoint refers to one that is not in it');
  return value;
}
