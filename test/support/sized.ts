/** Whether this is `npm run test:slow`, which runs the files `*.sized.test.ts` a second time, at full size. */
const IS_FULL = process.env['TEST_SIZE'] === 'full';

/** How many inputs a test has, how large one is, or which ones: few and small in `npm test`, all of them in `npm run test:slow`. */
export function sized<Size>(small: Size, full: Size): Size {
  return IS_FULL ? full : small;
}

/** How many cases a property tries; `PROPERTY_RUNS` overrides both sizes. */
export function propertyRuns(small: number, full: number): number {
  return Number(process.env['PROPERTY_RUNS'] ?? sized(small, full));
}
