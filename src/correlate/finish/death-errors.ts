import type { TaskError } from '../../event/index.ts';

/** Errors of a process or node, not of what the task did. */
const DEATH_ERRORS: readonly string[] = [
  'WORKER_DIED',
  'ACTOR_DIED',
  'ACTOR_UNAVAILABLE',
  'NODE_DIED',
  'LOCAL_RAYLET_DIED',
  'OUT_OF_MEMORY',
];

/** An error of the process or node: what Ray says of its end may still be on its way. */
export function isDeathError({ errorType }: TaskError): boolean {
  return DEATH_ERRORS.includes(errorType);
}
