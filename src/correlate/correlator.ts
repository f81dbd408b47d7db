import type { Mapping, Output } from './mapping.ts';
import type { RayEvent } from '../event/index.ts';
import { applyEvent } from './apply.ts';
import { checkpointRecords, type CheckpointRecord } from './snapshot/checkpoint.ts';
import { closeDue, closeSession } from './finish/close-due.ts';
import type { EndInferred } from './finished.ts';
import { Restorer } from './snapshot/restore.ts';
import { CORRELATE_DEFAULTS, type CorrelateOptions } from './correlate-options.ts';
import type { ReadModel, Watcher } from './read-model.ts';
import { State, type Applied } from './state.ts';
import { ReceiveTime } from './finish/trusted-time.ts';

export interface CorrelatorStats {
  readonly sessions: number;
  /** Because there were too many. */
  readonly sessionsForgotten: number;
  /** Jobs, actors, nodes, workers and placement groups that are open. */
  readonly openRecords: number;
  /** Bytes of texts, maps and lists of what is open, about. */
  readonly openBytes: number;
  /** Jobs, actors, nodes, workers... that nothing needs and that are remembered for late events. */
  readonly agingRecords: number;
  /** Of those, because there were too many. */
  readonly recordsForgotten: number;
  readonly openJobs: number;
  readonly openAttempts: number;
  readonly tombstones: number;
  readonly threads: number;
  readonly late: number;
  readonly rolledUpAttempts: number;
  /** Of the slowest, those that wait for the end of their job. */
  readonly heldBackAttempts: number;
  readonly leftOutStates: number;
  readonly inferredEnds: Readonly<Record<EndInferred, number>>;
}

/**
 * Joins the events of attempts, jobs, actors, nodes and workers, in any order, and returns each of these once, when it is
 * finished. Pure but for its own state: no clock, no input, no output.
 */
export interface Correlator<Span = unknown> {
  /**
   * Adds an event. `nowMs` never runs backwards: milliseconds on the clock that `advance` gets too. `receivedMs` is when the event was
   * received, in milliseconds since the epoch; without it all times are trusted, see `trusted-time.ts`.
   */
  apply(event: RayEvent, nowMs: number, receivedMs?: number): Applied;
  /**
   * Returns everything that is finished by `nowMs`; a child may come before its parent. Each thing is finished as of the moment at which it was
   * due, so the result does not depend on how often this is called. Takes at most `limit` short steps, so that the caller can give way to
   * others. Call again while `hasDue(nowMs)`.
   */
  advance(nowMs: number, limit?: number): readonly Output<Span>[];
  hasDue(nowMs: number): boolean;
  /** End of the input: everything that is open, as after `orphanTimeoutMs`. In an order that depends on the content alone. */
  closeAll(nowMs: number): readonly Output<Span>[];
  /** The present state as records, to be taken whole before the state changes again. */
  checkpoint(): Iterable<CheckpointRecord>;
  /** Takes the records of a checkpoint, one by one and in their order, before anything else. Throws for an invalid record. */
  restore(record: CheckpointRecord): void;
  /** The present state, for readers. */
  readonly entities: ReadModel;
  /** From now on the watcher learns what becomes of the entities. */
  watch(watcher: Watcher): void;
  /** From now on these options count; traces that are open keep their budget. */
  configure(options: Partial<CorrelateOptions>): void;
  openAttempts(): number;
  /** Jobs, actors, nodes, workers and placement groups that are open. */
  openRecords(): number;
  /** Bytes of texts, maps and lists of what is open, about. */
  openBytes(): number;
  stats(): CorrelatorStats;
}

function countThreads({ sessions }: State): number {
  let count = 0;
  for (const { threads } of sessions.values()) count += threads?.size ?? 0;
  return count;
}

export function createCorrelator<Span>(options: Partial<CorrelateOptions> & { readonly mapping: Mapping<Span> }): Correlator<Span> {
  const state = new State({ ...CORRELATE_DEFAULTS, ...options });
  let restorer: Restorer | undefined;

  /** To be called before the state changes: all records of a checkpoint were taken. */
  function endRestore(): void {
    restorer?.finish();
    restorer = undefined;
  }

  /** Every span comes from `options.mapping`. */
  const asMapped = (out: readonly Output[]): readonly Output<Span>[] =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the state does not look at spans, and need not know their type
    out as readonly Output<Span>[];

  return {
    apply(event, nowMs, receivedMs) {
      endRestore();
      // Time does not pass before what is due is done.
      if (nowMs > state.nowMs) state.sweeps.finish();
      if (state.received.ms !== receivedMs) state.received = new ReceiveTime(receivedMs);
      state.nowMs = Math.max(state.nowMs, nowMs);
      const applied = applyEvent(state, event, nowMs);
      if (applied === 'late') state.late += 1;
      return applied;
    },
    advance(nowMs, limit = Number.POSITIVE_INFINITY) {
      endRestore();
      const out: Output[] = [];
      for (let looked = 0; looked < limit; looked += 1) {
        if (!state.sweeps.isEmpty) {
          state.sweeps.step();
          continue;
        }
        const next = state.due.popDue(nowMs);
        if (next === undefined) break;
        // A record that was put to another time meanwhile is found there.
        if (next.item.dueMs !== next.dueMs) continue;
        state.nowMs = Math.max(state.nowMs, next.dueMs);
        next.item.dueMs = Number.POSITIVE_INFINITY;
        closeDue(state, next.item, state.nowMs, out);
      }
      return asMapped(out);
    },
    hasDue: (nowMs) => !state.sweeps.isEmpty || state.due.isDue(nowMs),
    closeAll(nowMs) {
      endRestore();
      state.sweeps.finish();
      const out: Output[] = [];
      for (const session of [...state.sessions.values()].sort((a, b) => (a.name < b.name ? -1 : 1)))
        closeSession(state, session, nowMs, out);
      return asMapped(out);
    },
    checkpoint() {
      endRestore();
      state.sweeps.finish();
      return checkpointRecords(state);
    },
    restore(record) {
      restorer ??= new Restorer(state);
      restorer.take(record);
    },
    watch(watcher) {
      state.watcher = watcher;
    },
    entities: {
      sessions: () => state.sessions.values(),
      session: (name) => state.sessions.get(name),
    },
    configure(changed) {
      state.options = { ...state.options, ...changed };
    },
    openAttempts: () => state.openAttempts,
    openRecords: () => state.openRecords,
    openBytes: () => state.held.open,
    stats() {
      return {
        sessions: state.sessions.size,
        sessionsForgotten: state.forgottenSessions,
        openRecords: state.openRecords,
        openBytes: state.held.open,
        agingRecords: state.aging.size + state.agingPoints.size,
        recordsForgotten: state.forgottenRecords,
        openJobs: state.openJobs,
        openAttempts: state.openAttempts,
        tombstones: state.tombstones.size + state.tombstones.besides,
        threads: countThreads(state),
        late: state.late,
        rolledUpAttempts: state.rolledUpAttempts,
        heldBackAttempts: state.heldBack,
        leftOutStates: state.leftOutStates,
        inferredEnds: { ...state.inferredEnds },
      };
    },
  };
}
