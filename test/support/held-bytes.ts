import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that a result of `make` holds on to. */
export function heldBytes<Result>(make: () => Result): { readonly bytes: number; readonly result: Result } {
  collectGarbage();
  const before = process.memoryUsage();
  const result = make();
  collectGarbage();
  const after = process.memoryUsage();
  return { bytes: after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers, result };
}
