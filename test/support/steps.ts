import { Session } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';

/**
 * Counts how much work a piece of the bridge does, without a clock: how often V8 entered each block of our own code, and
 * how many items the built-in walks over arrays, maps and sets looked at. The same work counts the same on every machine.
 *
 * V8 counts blocks only in functions that it compiled while coverage was on, so coverage stays on from the import of this
 * file. V8 does not count calls of functions that it optimized or inlined, so it optimizes nothing while work is counted.
 */
export function countSteps(work: () => void): number {
  const count = startCounting();
  try {
    work();
    return count.steps();
  } finally {
    count.stop();
  }
}

/** As `countSteps`, of work that pauses; nothing else may run meanwhile. */
export async function countStepsOfAsync(work: () => Promise<unknown>): Promise<number> {
  const count = startCounting();
  try {
    await work();
    return count.steps();
  } finally {
    count.stop();
  }
}

function startCounting(): { readonly steps: () => number; readonly stop: () => void } {
  const builtIns = countBuiltIns();
  setFlagsFromString('--no-opt');
  startCoverage();
  blocksEntered();
  return {
    steps: () => blocksEntered() + builtIns.items(),
    stop: () => {
      setFlagsFromString('--opt');
      builtIns.restore();
    },
  };
}

/** Steps at four times the size, for one step at the size: about 4 for linear work, 16 for quadratic work. */
export function growth(size: number, workOf: (size: number) => () => void): number {
  const small = countSteps(workOf(size));
  return countSteps(workOf(4 * size)) / small;
}

/** As `growth`, of work that pauses. */
export async function growthOfAsync(size: number, workOf: (size: number) => () => Promise<unknown>): Promise<number> {
  const small = await countStepsOfAsync(workOf(size));
  return (await countStepsOfAsync(workOf(4 * size))) / small;
}

/** Linear work with a share of sorting stays below it; quadratic work does not. */
export const MAX_GROWTH = 5;

const OWN_CODE = /\/src\/(?:correlate|view|span|receiver)\/|\/src\/pump\.ts$/;

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

const session = new Session();
session.connect();
post('Profiler.enable');
setFlagsFromString('--no-flush-bytecode');
startCoverage();

/** Also takes the optimized code of all functions away. */
function startCoverage(): void {
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
}

function blocksEntered(): number {
  const coverage = post('Profiler.takePreciseCoverage') as Coverage;
  let count = 0;
  for (const { url, functions } of coverage.result) {
    if (!OWN_CODE.test(url)) continue;
    for (const { ranges } of functions) for (const range of ranges) count += range.count;
  }
  return count;
}

/** The inspector answers within the call when it looks at its own thread. */
function post(method: string, parameters: object = {}): unknown {
  let answer: unknown;
  session.post(method, parameters, (error, result: unknown) => {
    if (error !== null) throw error;
    answer = result;
  });
  return answer;
}

/** Methods that walk over the whole array inside the engine, where no block of ours is entered. */
const ARRAY_WALKS = ['includes', 'indexOf', 'slice', 'concat', 'toReversed', 'shift', 'unshift', 'sort', 'toSorted', 'join'] as const;

/** A move of memory: so many items take about as long as one step of a walk. */
const ITEMS_MOVED_AT_ONCE = 64;

function countBuiltIns(): { readonly items: () => number; readonly restore: () => void } {
  let items = 0;
  const restores: (() => void)[] = [];
  const replace = (owner: object, name: PropertyKey, wrap: (original: (...values: unknown[]) => unknown) => unknown): void => {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    if (descriptor === undefined) return;
    Object.defineProperty(owner, name, { ...descriptor, value: wrap(descriptor.value as (...values: unknown[]) => unknown) });
    restores.push(() => Object.defineProperty(owner, name, descriptor));
  };
  for (const name of ARRAY_WALKS) {
    const perItem = name === 'shift' || name === 'unshift' || name === 'slice' || name === 'concat' ? 1 / ITEMS_MOVED_AT_ONCE : 1;
    replace(
      Array.prototype,
      name,
      (original) =>
        function counted(this: unknown[], ...values: unknown[]) {
          items += this.length * perItem;
          return Reflect.apply(original, this, values);
        },
    );
  }
  // V8 leaves a hole where something was deleted, and a walk passes over it.
  const holes = new WeakMap<object, number>();
  for (const owner of [Map.prototype, Set.prototype]) {
    replace(
      owner,
      'delete',
      (original) =>
        function counted(this: object, ...values: unknown[]) {
          const isDeleted = Reflect.apply(original, this, values);
          if (isDeleted === true) holes.set(this, (holes.get(this) ?? 0) + 1);
          return isDeleted;
        },
    );
  }
  // Spreading and destructuring walk by these.
  for (const owner of [Array.prototype, Map.prototype, Set.prototype]) {
    for (const name of [Symbol.iterator, 'values', 'keys', 'entries']) {
      replace(
        owner,
        name,
        (original) =>
          function counted(this: object, ...values: unknown[]) {
            const iterator = Reflect.apply(original, this, values) as IterableIterator<unknown>;
            // It makes a smaller copy without holes where they are more than what is left.
            if ('size' in this) items += Math.min(holes.get(this) ?? 0, Number(this.size));
            const next = iterator.next.bind(iterator);
            iterator.next = () => {
              items += 1;
              return next();
            };
            return iterator;
          },
      );
    }
  }
  return {
    items: () => items,
    restore: () => {
      for (const restore of restores) restore();
    },
  };
}
