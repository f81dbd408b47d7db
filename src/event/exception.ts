import type { ProfileEntry, TaskError } from './ray-event.ts';
import { raisedInError, tracebackOf, unwrapped } from './traceback.ts';

/** An exception, with the fields of the OpenTelemetry semantic conventions. */
export interface ExceptionFacts {
  readonly type?: string;
  readonly message: string;
  readonly stacktrace?: string;
}

/** Modules that Python omits when it prints an exception, but not when it prints a class. */
const UNPRINTED_MODULES = /^(?:__main__|builtins)\./;

/**
 * Returns the exception that an attempt failed with. Ray's profiler reports type, message and
 * traceback in full. Without a profile entry they are parsed from the error message, which Ray cuts
 * to its last 500 characters.
 */
export function exceptionOf(error: TaskError | undefined, profile: readonly ProfileEntry[]): ExceptionFacts | undefined {
  const recorded = recordedException(profile);
  if (recorded !== undefined && (error === undefined || error.errorType === 'TASK_EXECUTION_EXCEPTION')) return recorded;
  if (error === undefined) return undefined;
  const traceback = tracebackOf(error);
  const raised = raisedInError(error);
  return raised === undefined ? { message: traceback } : { ...raised, stacktrace: traceback };
}

const CANCELLED = 'ray.exceptions.TaskCancelledError';
/**
 * `ray.cancel` without force raises it in the task. Ray then reports the task as finished, and the
 * caller gets a TaskCancelledError.
 */
const INTERRUPTED = 'KeyboardInterrupt';

/** Whether the attempt was cancelled: Ray says so, or it raised the exception of a cancellation. */
export function isCancellation(error: TaskError | undefined, profile: readonly ProfileEntry[]): boolean {
  if (error?.errorType === 'TASK_CANCELLED') return true;
  const type = exceptionOf(error, profile)?.type;
  return type === CANCELLED || (type === INTERRUPTED && error === undefined);
}

/**
 * Prefers the entry `task:execute`, which has the original exception; the whole-task entry has
 * Ray's wrapper.
 */
function recordedException(profile: readonly ProfileEntry[]): ExceptionFacts | undefined {
  const entry =
    profile.findLast(({ name, exceptionType }) => exceptionType !== undefined && name.startsWith('task:execute')) ??
    profile.find(({ exceptionType }) => exceptionType !== undefined);
  if (entry?.exceptionType === undefined) return undefined;
  const printed = entry.exceptionType.replace(UNPRINTED_MODULES, '');
  const { type, message } = unwrapped({ type: printed, message: entry.exceptionMessage ?? '' }) ?? { type: printed, message: '' };
  return { type, message, ...(entry.exceptionStacktrace === undefined ? {} : { stacktrace: entry.exceptionStacktrace }) };
}
