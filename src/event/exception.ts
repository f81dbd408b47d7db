import type { ProfileEntry, TaskError } from './ray-event.ts';
import { raisedInError, tracebackOf, unwrapped } from './traceback.ts';

/** As the OpenTelemetry semantic conventions name them. */
export interface ExceptionFacts {
  readonly type?: string;
  readonly message: string;
  readonly stacktrace?: string;
}

/** Python leaves these away where it prints an exception, and prints them where it prints a class. */
const UNPRINTED_MODULES = /^(?:__main__|builtins)\./;

/**
 * What an attempt failed with. Ray's profiler reports type, message and traceback in full; else they stand in the error's message,
 * of which Ray keeps the last 500 characters.
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
/** `ray.cancel` without force raises it in the task. Ray reports the task as finished, and its caller gets a TaskCancelledError. */
const INTERRUPTED = 'KeyboardInterrupt';

/** The attempt was cancelled: Ray says so, or it ended in the exception that stands for it. */
export function isCancellation(error: TaskError | undefined, profile: readonly ProfileEntry[]): boolean {
  if (error?.errorType === 'TASK_CANCELLED') return true;
  const type = exceptionOf(error, profile)?.type;
  return type === CANCELLED || (type === INTERRUPTED && error === undefined);
}

/** The entry of the execution has the original exception, that of the whole task what Ray made of it. */
function recordedException(profile: readonly ProfileEntry[]): ExceptionFacts | undefined {
  const entry =
    profile.findLast(({ name, exceptionType }) => exceptionType !== undefined && name.startsWith('task:execute')) ??
    profile.find(({ exceptionType }) => exceptionType !== undefined);
  if (entry?.exceptionType === undefined) return undefined;
  const printed = entry.exceptionType.replace(UNPRINTED_MODULES, '');
  const { type, message } = unwrapped({ type: printed, message: entry.exceptionMessage ?? '' }) ?? { type: printed, message: '' };
  return { type, message, ...(entry.exceptionStacktrace === undefined ? {} : { stacktrace: entry.exceptionStacktrace }) };
}
