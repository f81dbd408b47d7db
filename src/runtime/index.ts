export { type ChildSignal, type Clock, childSignal, type Sleep, systemClock, withTimeLimit } from './clock.ts';
export { printable } from './printable.ts';
export { failure, type Result, success } from './result.ts';
export { createScheduler, type Scheduler, type TimeSlice } from './scheduler.ts';
export { readSmallFile } from './small-file.ts';
export { createWaiters, type Waiters } from './waiters.ts';
export { type Reloadable, type Reloaded, watchFiles } from './watch-files.ts';
