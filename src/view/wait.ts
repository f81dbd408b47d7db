import type { Amount, Fit } from './capacity.ts';

/** What a pending attempt waits for, followed to the root. */
export interface Wait {
  /** The links in words, in one phrase. */
  readonly text: string;
  /** What the attempt waits for, what that waits for, and so on. The last link is the root. */
  readonly links: readonly WaitLink[];
}

export type WaitKind =
  | 'arguments'
  | 'actor'
  | 'dead_actor'
  /** The actor is alive and runs another call. */
  | 'turn'
  | 'node'
  | 'worker'
  | 'object_store'
  | 'transfer';

export interface WaitLink {
  readonly kind: WaitKind;
  readonly text: string;
  /** The actor in words, where the link is one. */
  readonly actor?: string;
  /** What the node must have, where it is known. */
  readonly node?: NodeNeed;
}

/** What an attempt needs of a node, and how the nodes of the session meet it. */
export interface NodeNeed {
  /** In words: `CPU 4, GPU 1`. Empty if it needs no resource. */
  readonly amounts: string;
  /** Label selectors in words. Empty if there are none. */
  readonly labels: string;
  readonly fit: Fit;
  /** Nodes whose totals meet the need, whether in use or not. */
  readonly nodes: number;
  /** Resources that no node has enough of, with the largest amount that one node has. */
  readonly shortages: readonly Amount[];
  readonly group?: { readonly name: string; readonly state: string };
}
