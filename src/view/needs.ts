import type { TaskDefinition } from '../event/index.ts';

/** Resources and placement that an attempt or an actor needs in order to run. */
export type Needs = Pick<TaskDefinition, 'requiredResources' | 'placementGroupId' | 'labelSelector'>;
