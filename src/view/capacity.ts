import type { Needs } from './needs.ts';
import type { NodeView } from './node-view.ts';
import type { SessionView } from './records.ts';

/** Maximum open attempts that are examined. In a session with more, usage counts as unknown. */
const MAX_OPEN_ATTEMPTS = 10_000;

/**
 * How well the nodes of a session meet a need. `free`: a node has enough, as far as the bridge
 * knows.
 */
export type Fit = 'free' | 'in_use' | 'too_much' | 'no_labels' | 'unknown';

/** A resource and how much of it. */
export type Amount = readonly [resource: string, amount: number];

export interface Fitting {
  readonly fit: Fit;
  /** Nodes whose totals meet the need, whether in use or not. */
  readonly nodes: number;
  /**
   * With `too_much`, the resources that no node has enough of, and the largest amount that one node
   * has. Empty if each is there, but not all on one node.
   */
  readonly shortages: readonly Amount[];
}

/** Maximum different needs that one answer compares with all nodes. */
const MAX_FITTINGS = 200;
const NOTHING: ReadonlyMap<string, number> = new Map();
const UNKNOWN: Fitting = { fit: 'unknown', nodes: 0, shortages: [] };

/** Total and used resources of a session's nodes, at the time of one answer. */
export class Capacity {
  readonly #session: SessionView;
  readonly #fittings = new Map<string, Fitting>();
  #used: ReadonlyMap<string, ReadonlyMap<string, number>> | 'unknown' | undefined;

  constructor(session: SessionView) {
    this.#session = session;
  }

  /**
   * `unknown` unless Ray reported the resources of all nodes. `resources` omits the resources that
   * Ray makes for placement groups.
   */
  fitting(resources: readonly Amount[], { labelSelector = {} }: Needs): Fitting {
    const key = JSON.stringify([resources, labelSelector]);
    const known = this.#fittings.get(key);
    if (known !== undefined || this.#fittings.size >= MAX_FITTINGS) return known ?? UNKNOWN;
    const fitting = this.#compare(resources, labelSelector);
    this.#fittings.set(key, fitting);
    return fitting;
  }

  #compare(resources: readonly Amount[], labelSelector: Readonly<Record<string, string>>): Fitting {
    const { nodes, nodesNotShown } = this.#session;
    const alive = [...nodes.values()].filter(({ state }) => state !== 'DEAD');
    if (alive.length === 0 || nodesNotShown > 0 || alive.some((node) => node.resources === undefined)) return UNKNOWN;
    const large = alive.filter((node) => hasRoom(node, resources));
    if (large.length === 0) return { fit: 'too_much', nodes: 0, shortages: shortagesOf(alive, resources) };
    const labelled = large.filter((node) => hasLabels(node, labelSelector));
    if (labelled.length === 0) return { fit: 'no_labels', nodes: 0, shortages: [] };
    return { fit: this.#areInUse(labelled, resources) ? 'in_use' : 'free', nodes: labelled.length, shortages: [] };
  }

  /** What running attempts and living actors use of a node; undefined where it is unknown. */
  usedOn(nodeId: string): ReadonlyMap<string, number> | undefined {
    this.#used ??= usedOn(this.#session);
    return this.#used === 'unknown' ? undefined : (this.#used.get(nodeId) ?? NOTHING);
  }

  #areInUse(nodes: readonly NodeView[], resources: readonly Amount[]): boolean {
    this.#used ??= usedOn(this.#session);
    const used = this.#used;
    return used !== 'unknown' && nodes.every((node) => !hasRoom(node, resources, used.get(node.id)));
  }
}

function shortagesOf(nodes: readonly NodeView[], resources: readonly Amount[]): readonly Amount[] {
  return resources.flatMap(([name, amount]) => {
    const largest = nodes.reduce((most, node) => Math.max(most, node.resources?.[name] ?? 0), 0);
    return largest < amount ? [[name, largest] as const] : [];
  });
}

function hasRoom({ resources: totals = {} }: NodeView, resources: readonly Amount[], used?: ReadonlyMap<string, number>): boolean {
  return resources.every(([name, amount]) => (totals[name] ?? 0) - (used?.get(name) ?? 0) >= amount);
}

/**
 * Matches Ray's label selectors, whose values contain the operator: `a`, `!a`, `in(a,b)`,
 * `!in(a,b)`.
 */
function hasLabels({ labels }: NodeView, selector: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([name, wanted]) => {
    const isNot = wanted.startsWith('!');
    const values = /^in\((.*)\)$/.exec(isNot ? wanted.slice(1) : wanted)?.[1]?.split(',') ?? [isNot ? wanted.slice(1) : wanted];
    return values.some((value) => value.trim() === labels[name]) !== isNot;
  });
}

/** Resources that running attempts and living actors use, by node and resource. */
function usedOn(session: SessionView): ReadonlyMap<string, ReadonlyMap<string, number>> | 'unknown' {
  const used = new Map<string, Map<string, number>>();
  const take = (nodeId: string | undefined, needs: Needs | undefined, withoutCpu: boolean): void => {
    // A placement group reserves its bundles whether or not anything runs in them.
    if (nodeId === undefined || needs === undefined || needs.placementGroupId !== undefined) return;
    const ofNode = used.get(nodeId) ?? new Map<string, number>();
    used.set(nodeId, ofNode);
    for (const [name, amount] of Object.entries(needs.requiredResources))
      if (!withoutCpu || name !== 'CPU') ofNode.set(name, (ofNode.get(name) ?? 0) + amount);
  };
  let lookedAt = 0;
  for (const { open, actors, untracked } of session.jobs.values()) {
    lookedAt += open.size;
    if (untracked > 0 || lookedAt > MAX_OPEN_ATTEMPTS) return 'unknown';
    // Ray releases the CPU of a task while the task waits in `ray.get`.
    for (const { stage, state, nodeId, needs } of open) if (stage === 'running') take(nodeId, needs, state !== 'RUNNING');
    for (const { nodeId, needs } of actors.values()) take(nodeId, needs, false);
  }
  return used;
}
