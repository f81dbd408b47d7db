import type { TimeNs } from '../../event/index.ts';
import type { AttemptOutcome, FinishedRollup, SpanRef, TraceRef } from '../finished.ts';

import { type SavedSpread, Spread } from './spread.ts';
import { LazyMap } from '../compact/lazy-collections.ts';

const MAX_NAME_LENGTH = 128;
const OTHER = '(other)';

/** What is summed up of one thing that is rolled up. */
export interface RollupUnit {
  /** Attempts are counted apart: the counts of a trace must add up. */
  readonly isAttempt: boolean;
  readonly name: string;
  readonly outcome: AttemptOutcome;
  readonly startNs: TimeNs;
  readonly endNs: TimeNs;
  /** Time before RUNNING; undefined where it did not run, or the clocks contradict each other. */
  readonly waitNs?: TimeNs | undefined;
  /** How long it ran, as far as that is known. */
  readonly ranNs?: TimeNs | undefined;
}

export type RollupSums = Pick<
  RollupNode,
  | 'attempts'
  | 'finished'
  | 'failed'
  | 'cancelled'
  | 'unfinished'
  | 'durationSumNs'
  | 'durationMinNs'
  | 'durationMaxNs'
  | 'startNs'
  | 'endNs'
> & { readonly running: SavedSpread; readonly pending: SavedSpread };

/** Sums over everything of one name under one parent that a trace's budget left no room for. */
export class RollupNode {
  readonly name: string;
  attempts = 0;
  finished = 0;
  failed = 0;
  cancelled = 0;
  unfinished = 0;
  durationSumNs = 0n;
  durationMinNs = 0n;
  durationMaxNs = 0n;
  startNs = 0n;
  endNs = 0n;
  running = new Spread();
  pending = new Spread();
  readonly children = new Map<string, RollupNode>();
  /** Set when its parent was rolled up too and its sums went to another node. */
  mergedInto: RollupNode | undefined;
  /** Its span was sent: nothing can be added to it any more. */
  sent = false;

  constructor(name: string) {
    this.name = name;
  }

  get count(): number {
    return this.finished + this.failed + this.cancelled + this.unfinished;
  }

  /** The node that holds this one's sums now. */
  get current(): RollupNode {
    return this.mergedInto === undefined ? this : currentOf(this);
  }

  get sums(): RollupSums {
    const { attempts, finished, failed, cancelled, unfinished, durationSumNs, durationMinNs, durationMaxNs, startNs, endNs } = this;
    const spreads = { running: this.running.save(), pending: this.pending.save() };
    return { attempts, finished, failed, cancelled, unfinished, durationSumNs, durationMinNs, durationMaxNs, startNs, endNs, ...spreads };
  }

  static restored(name: string, { running, pending, ...sums }: RollupSums): RollupNode {
    const node = Object.assign(new RollupNode(name), sums);
    node.running = Spread.restored(running);
    node.pending = Spread.restored(pending);
    return node;
  }

  add(unit: RollupUnit): void {
    const durationNs = unit.endNs - unit.startNs;
    this.#widen(unit.startNs, unit.endNs, durationNs, durationNs);
    this[unit.outcome] += 1;
    if (unit.isAttempt) this.attempts += 1;
    this.durationSumNs += durationNs;
    if (unit.waitNs !== undefined) this.pending.add(unit.waitNs);
    if (unit.ranNs !== undefined) this.running.add(unit.ranNs);
  }

  absorb(other: RollupNode): void {
    if (other.count > 0) this.#widen(other.startNs, other.endNs, other.durationMinNs, other.durationMaxNs);
    this.attempts += other.attempts;
    this.finished += other.finished;
    this.failed += other.failed;
    this.cancelled += other.cancelled;
    this.unfinished += other.unfinished;
    this.durationSumNs += other.durationSumNs;
    this.running.absorb(other.running);
    this.pending.absorb(other.pending);
    other.mergedInto = this;
  }

  #widen(startNs: TimeNs, endNs: TimeNs, shortestNs: TimeNs, longestNs: TimeNs): void {
    const first = this.count === 0;
    if (first || startNs < this.startNs) this.startNs = startNs;
    if (first || endNs > this.endNs) this.endNs = endNs;
    if (first || shortestNs < this.durationMinNs) this.durationMinNs = shortestNs;
    if (first || longestNs > this.durationMaxNs) this.durationMaxNs = longestNs;
  }
}

/** Shortens the way that it went, so that no walk is made twice. */
function currentOf(node: RollupNode): RollupNode {
  let current = node;
  while (current.mergedInto !== undefined) current = current.mergedInto;
  let passed = node;
  while (passed.mergedInto !== undefined && passed.mergedInto !== current) {
    const next = passed.mergedInto;
    passed.mergedInto = current;
    passed = next;
  }
  return current;
}

/** Rollups that hang under one span. */
export interface RollupContainer {
  readonly parent: SpanRef;
  readonly rollups: Map<string, RollupNode>;
}

/** All rollups of one trace, by the span that they hang under. The number of nodes is bounded; what is beyond goes to `(other)`. */
export class Rollups {
  readonly #limit: number;
  #nodes = 0;
  #round = 0;
  readonly #containers = new LazyMap<string, RollupContainer>();
  readonly #root: SpanRef;

  constructor(root: SpanRef, limit: number) {
    this.#root = root;
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#containers.size === 0;
  }

  /** Nodes, those under attempts that are still open too. */
  get count(): number {
    return this.#nodes;
  }

  containers(): Iterable<RollupContainer> {
    return this.#containers.values();
  }

  /** For a checkpoint; the nodes themselves are saved by their containers. */
  save(): readonly [nodes: number, round: number] {
    return [this.#nodes, this.#round];
  }

  restore([nodes, round]: readonly [number, number]): void {
    this.#nodes = nodes;
    this.#round = round;
  }

  /** Rollups under a span of the trace; without an argument, under its root. */
  under(parent: SpanRef = this.#root): Map<string, RollupNode> {
    const key = parent.kind === 'task' ? `${parent.taskId}/${parent.attempt}` : '';
    let container = this.#containers.get(key);
    if (container === undefined) {
      container = { parent, rollups: new Map() };
      this.#containers.set(key, container);
    }
    return container.rollups;
  }

  add(container: Map<string, RollupNode>, unit: RollupUnit): RollupNode {
    const node = this.#node(container, unit.name.slice(0, MAX_NAME_LENGTH));
    node.add(unit);
    return node;
  }

  /** Hangs `rollups` under `target`, where they meet others of the same name. */
  merge(target: Map<string, RollupNode>, rollups: ReadonlyMap<string, RollupNode>): void {
    for (const [name, node] of rollups) {
      const existing = target.get(name);
      if (existing === undefined) {
        target.set(name, node);
        continue;
      }
      existing.absorb(node);
      this.#nodes -= 1;
      this.merge(existing.children, node.children);
    }
  }

  /** Returns everything that was rolled up so far and starts from zero. */
  flush(trace: TraceRef, session: string, serviceName: string | undefined): FinishedRollup[] {
    const lifecycles: FinishedRollup[] = [];
    const emit = (node: RollupNode, parent: SpanRef): void => {
      node.sent = true;
      const self: SpanRef = { kind: 'rollup', parent, name: node.name, round: this.#round };
      lifecycles.push({
        kind: 'rollup',
        session,
        trace,
        parent,
        self,
        links: [],
        name: node.name,
        startNs: node.startNs,
        endNs: node.endNs,
        attempts: node.attempts,
        counts: { finished: node.finished, failed: node.failed, cancelled: node.cancelled, unfinished: node.unfinished },
        durationSumNs: node.durationSumNs,
        durationMinNs: node.durationMinNs,
        durationMaxNs: node.durationMaxNs,
        running: node.running.facts,
        pending: node.pending.facts,
        ...(serviceName === undefined ? {} : { serviceName }),
      });
      for (const child of byName(node.children)) emit(child, self);
    };
    for (const [, { parent, rollups }] of [...this.#containers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const node of byName(rollups)) emit(node, parent);
    }
    this.#containers.clear();
    this.#nodes = 0;
    this.#round += 1;
    return lifecycles;
  }

  #node(container: Map<string, RollupNode>, name: string): RollupNode {
    const existing = container.get(name);
    if (existing !== undefined) return existing;
    if (this.#nodes >= this.#limit && name !== OTHER) return this.#node(this.under(), OTHER);
    const node = new RollupNode(name);
    container.set(name, node);
    this.#nodes += 1;
    return node;
  }
}

function byName(rollups: ReadonlyMap<string, RollupNode>): RollupNode[] {
  return [...rollups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
