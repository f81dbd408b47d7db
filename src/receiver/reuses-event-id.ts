import type { RayEvent } from '../event/index.ts';

/** Kubernetes gives an event and its updates one uid, so a platform event that is told again is not a duplicate. */
export function reusesEventId(event: RayEvent): boolean {
  return event.type === 'cluster_point' && event.source === 'platform';
}
