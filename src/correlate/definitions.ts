import type { TaskDefinition } from '../event/index.ts';
import { ownText } from './own-text.ts';

/**
 * What a task's definition tells of its function and its call, without what tells the calls of one parent apart. `actorId` is the end of the
 * task's id, and the event's own id and node are of no use once it is applied.
 */
export type TaskFacts = Readonly<Omit<TaskDefinition, 'eventId' | 'session' | 'emitterNodeId' | 'type' | 'taskId' | 'attempt' | 'actorId'>>;

/** Definitions that are shared at a time; beyond it sharing begins anew. */
export const SHARED_MAX = 8_192;
/** Different ones with one parent and name. */
const VARIANTS_MAX = 8;

/**
 * Definitions that attempts share: a million calls of one function by one parent hold one. Forgetting one costs memory only, as equal ones are
 * as good as the same one.
 */
export class SharedDefinitions {
  readonly #byParent = new Map<string | undefined, Map<string, TaskFacts[]>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `parentTaskId` is the event's own, as a text that others hold already. */
  of(event: TaskDefinition, parentTaskId: string | undefined): TaskFacts {
    const variants = this.#variants(parentTaskId, event.name);
    for (const variant of variants) if (isOf(variant, event)) return variant;
    const facts = factsOf(event, parentTaskId);
    if (variants.length >= VARIANTS_MAX) {
      variants.shift();
      this.#size -= 1;
    }
    variants.push(facts);
    this.#size += 1;
    return facts;
  }

  #variants(parentTaskId: string | undefined, name: string): TaskFacts[] {
    const known = this.#byParent.get(parentTaskId)?.get(name);
    if (known !== undefined) return known;
    if (this.#size >= SHARED_MAX) {
      this.#byParent.clear();
      this.#size = 0;
    }
    const variants: TaskFacts[] = [];
    const byName = this.#byParent.get(parentTaskId);
    if (byName === undefined) this.#byParent.set(parentTaskId, new Map([[ownText(name), variants]]));
    else byName.set(ownText(name), variants);
    return variants;
  }
}

function factsOf(event: TaskDefinition, parentTaskId: string | undefined): TaskFacts {
  const { taskType, language, moduleName, className, functionName, placementGroupId, requiredResources } = event;
  const { isDetachedActor, labelSelector, callSite, runtimeEnv } = event;
  return {
    taskType,
    name: ownText(event.name),
    language,
    requiredResources,
    parentTaskId,
    moduleName: own(moduleName),
    className: own(className),
    functionName: own(functionName),
    placementGroupId: own(placementGroupId),
    isDetachedActor,
    labelSelector,
    callSite: own(callSite),
    runtimeEnv,
  } satisfies { readonly [Key in keyof Required<TaskFacts>]: TaskFacts[Key] };
}

function own(text: string | undefined): string | undefined {
  return text === undefined ? undefined : ownText(text);
}

/** Parent and name are known to be the same. */
function isOf(facts: TaskFacts, event: TaskDefinition): boolean {
  return (
    facts.functionName === event.functionName &&
    facts.className === event.className &&
    facts.moduleName === event.moduleName &&
    facts.placementGroupId === event.placementGroupId &&
    facts.taskType === event.taskType &&
    facts.language === event.language &&
    facts.isDetachedActor === event.isDetachedActor &&
    facts.callSite === event.callSite &&
    isSame(facts.requiredResources, event.requiredResources) &&
    isSame(facts.labelSelector, event.labelSelector) &&
    isSame(facts.runtimeEnv, event.runtimeEnv)
  );
}

/** Of plain objects: the same keys in the same order, with the same values. */
function isSame(a: object | undefined, b: object | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** Of two definitions of one attempt always the same one counts: Ray sends one, and only damaged streams have two that differ. */
export function oneOfFacts(a: TaskFacts | undefined, b: TaskFacts): TaskFacts {
  if (a === undefined || a === b) return b;
  // Their keys stand in the order of `factsOf`.
  return JSON.stringify(a) <= JSON.stringify(b) ? a : b;
}
