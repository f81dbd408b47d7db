export { type ChildSignal, type Clock, childSignal, type Sleep, systemClock, withTimeLimit } from './clock.ts';
export { parseJson } from './json.ts';
export { packageVersion } from './package-version.ts';
export { escapeUnsafe, printable, printableExcerpt } from './printable.ts';
export { failure, type Result, success } from './result.ts';
export { createScheduler, type Scheduler, type TimeSlice } from './scheduler.ts';
export { readSmallFile } from './small-file.ts';
export {
  type ConnectionFailure,
  connectionFailureOf,
  connectionFailureText,
  describeConnectionError,
  describeFileError,
  errorCode,
  errorMessage,
} from './system-error.ts';
export { createWaiters, type Waiters } from './waiters.ts';
export { type Reloadable, type Reloaded, watchFiles } from './watch-files.ts';
