export { systemClock, type Clock, childSignal, createChangeBoard, type ChangeBoard, type ChildSignal, type Sleep } from './clock.ts';
export { withTimeLimit } from './time-limit.ts';
export { createEntryWaits } from './waiters.ts';
export { type Reloaded, type Reloadable, watch } from './watch-files.ts';
export { readSmallFile } from './small-file.ts';
export { printable } from './printable.ts';
export { type Turns, createTurns, type Turn } from './scheduler.ts';
