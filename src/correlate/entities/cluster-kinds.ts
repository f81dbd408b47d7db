import type { LazyMap } from '../compact/lazy-collections.ts';
import { NodeRecord, PlacementGroup, type Session, SubmissionJob, WorkerRecord } from './entities.ts';
import { MACHINE_ORDER, PLACEMENT_GROUP_ORDER, type StateOrder, SUBMISSION_JOB_ORDER } from '../states/state-order.ts';
import { DEATH, REMOVAL, SUBMISSION_END } from '../states/untimed.ts';

/** What the rules need to know of a kind of entity that has a span in its session's own trace. */
export interface ClusterKind<Entity> {
  /** Those of a session, by id. */
  readonly of: (session: Session) => LazyMap<string, Entity>;
  readonly create: (session: Session, id: string) => Entity;
  readonly endStates: readonly string[];
  readonly order: StateOrder;
  /** Attempts run on it. */
  readonly isMachine: boolean;
}

function kind<Entity>(row: ClusterKind<Entity>): ClusterKind<Entity> {
  return row;
}

/**
 * In the order in which they are closed when they are due at the same moment. A new kind is a row here, a class in `entities.ts`, its case in
 * `apply.ts`, its finished form in `finish/close-cluster.ts`, and a span.
 */
export const CLUSTER_KINDS = {
  node: kind({
    of: ({ nodes }) => nodes,
    create: (session, id) => new NodeRecord(session, id),
    endStates: DEATH,
    order: MACHINE_ORDER,
    isMachine: true,
  }),
  placement_group: kind({
    of: ({ placementGroups }) => placementGroups,
    create: (session, id) => new PlacementGroup(session, id),
    endStates: REMOVAL,
    order: PLACEMENT_GROUP_ORDER,
    isMachine: false,
  }),
  submission_job: kind({
    of: ({ submissionJobs }) => submissionJobs,
    create: (session, id) => new SubmissionJob(session, id),
    endStates: SUBMISSION_END,
    order: SUBMISSION_JOB_ORDER,
    isMachine: false,
  }),
  worker: kind({
    of: ({ workers }) => workers,
    create: (session, id) => new WorkerRecord(session, id),
    endStates: DEATH,
    order: MACHINE_ORDER,
    isMachine: true,
  }),
} as const;

export type ClusterKindName = keyof typeof CLUSTER_KINDS;

/** Every entity of a session that has a span in its trace, with the name of its kind. */
export function* clusterEntitiesOf(
  session: Session,
): Generator<readonly [ClusterKindName, NodeRecord | WorkerRecord | PlacementGroup | SubmissionJob]> {
  for (const name of CLUSTER_KIND_NAMES) for (const entity of CLUSTER_KINDS[name].of(session).values()) yield [name, entity];
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.keys has no type of its own for the keys of a constant
export const CLUSTER_KIND_NAMES = Object.keys(CLUSTER_KINDS) as readonly ClusterKindName[];
