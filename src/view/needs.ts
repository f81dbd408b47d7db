import type { TaskDefinition } from '../event/index.ts';

/** What an attempt or an actor needs in order to run. */
export type Needs = Pick<TaskDefinition, 'requiredResources' | 'placementGroupId' | 'labelSelector'>;
