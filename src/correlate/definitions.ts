import type { TaskDefinition } from '../event/index.ts';

/**
 * What a task's definition tells of its function and its call, without what tells the tasks of one function apart. `actorId` is the end of
 * the task's id, and the event's own id and node are of no use once it is applied.
 */
export type SharedDefinition = Readonly<
  Omit<TaskDefinition, 'eventId' | 'session' | 'emitterNodeId' | 'type' | 'taskId' | 'attempt' | 'parentTaskId' | 'actorId'>
>;

/** What is known of an attempt from its definition. */
export type TaskFacts = SharedDefinition & Pick<TaskDefinition, 'parentTaskId'>;

/** Names of tasks whose definitions are shared; beyond it sharing begins anew. */
const NAMES_MAX = 4_096;
/** Different definitions with one name that are shared. */
const VARIANTS_MAX = 8;

/**
 * Definitions that attempts share: a million attempts of one function hold one. Forgetting one costs memory only, as equal ones are as good as
 * the same one.
 */
export class SharedDefinitions {
  readonly #byName = new Map<string, SharedDefinition[]>();

  of(event: TaskDefinition): SharedDefinition {
    let variants = this.#byName.get(event.name);
    if (variants === undefined) {
      if (this.#byName.size >= NAMES_MAX) this.#byName.clear();
      variants = [];
      this.#byName.set(event.name, variants);
    }
    for (const variant of variants) if (isOf(variant, event)) return variant;
    const definition = sharedPart(event);
    if (variants.length >= VARIANTS_MAX) variants.shift();
    variants.push(definition);
    return definition;
  }

  get size(): number {
    return this.#byName.size;
  }
}

function sharedPart(event: TaskDefinition): SharedDefinition {
  const { taskType, name, language, moduleName, className, functionName, placementGroupId, requiredResources } = event;
  const { isDetachedActor, labelSelector, callSite, runtimeEnv } = event;
  return {
    taskType,
    name,
    language,
    requiredResources,
    ...(moduleName === undefined ? {} : { moduleName }),
    ...(className === undefined ? {} : { className }),
    ...(functionName === undefined ? {} : { functionName }),
    ...(placementGroupId === undefined ? {} : { placementGroupId }),
    ...(isDetachedActor === undefined ? {} : { isDetachedActor }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(callSite === undefined ? {} : { callSite }),
    ...(runtimeEnv === undefined ? {} : { runtimeEnv }),
  };
}

function isOf(shared: SharedDefinition, event: TaskDefinition): boolean {
  return (
    shared.functionName === event.functionName &&
    shared.className === event.className &&
    shared.moduleName === event.moduleName &&
    shared.placementGroupId === event.placementGroupId &&
    shared.taskType === event.taskType &&
    shared.language === event.language &&
    shared.isDetachedActor === event.isDetachedActor &&
    shared.callSite === event.callSite &&
    isSame(shared.requiredResources, event.requiredResources) &&
    isSame(shared.labelSelector, event.labelSelector) &&
    isSame(shared.runtimeEnv, event.runtimeEnv)
  );
}

/** Of plain objects: the same keys in the same order, with the same values. */
function isSame(a: object | undefined, b: object | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const entries = Object.entries(a);
  const others = Object.entries(b);
  if (entries.length !== others.length) return false;
  for (const [index, [key, value]] of entries.entries()) {
    const [otherKey, otherValue] = others[index] ?? [];
    if (key !== otherKey || !isSameValue(value, otherValue)) return false;
  }
  return true;
}

function isSameValue(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
}

type Told = readonly [definition: SharedDefinition, parentTaskId: string | undefined];

/** Of two definitions of one attempt always the same one counts: Ray sends one, and only damaged streams have two that differ. */
export function isFirstOfTwo(a: Told, b: Told): boolean {
  return (a[0] === b[0] && a[1] === b[1]) || textOf(a) <= textOf(b);
}

function textOf([definition, parentTaskId]: Told): string {
  return JSON.stringify([parentTaskId ?? null, definition]);
}
