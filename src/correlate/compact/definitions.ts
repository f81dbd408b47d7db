import { sizeOf, type TaskDefinition } from '../../event/index.ts';
import { compactString } from './compact-string.ts';

/**
 * What a task's definition says of its function and its call, without what differs between the calls of one parent. Left out are `actorId`,
 * which is the end of the task's id, and the event's own id and node, which nothing needs after the event is applied.
 */
export type TaskFacts = Readonly<Omit<TaskDefinition, 'eventId' | 'session' | 'emitterNodeId' | 'type' | 'taskId' | 'attempt' | 'actorId'>>;

/** Definitions that are shared at a time, and their bytes; beyond it sharing begins again. */
export const MAX_SHARED = 8_192;
const MAX_SHARED_BYTES = 32 * 1024 * 1024;
/** A larger definition is not shared: so large ones that differ do not push out all others. */
export const MAX_SHARED_FACTS_BYTES = 64 * 1024;
/** Different ones with one parent and name. */
const MAX_VARIANTS = 8;

/** One definition of tasks, with how many hold it. */
export class SharedFacts implements TaskFacts {
  readonly taskType: TaskFacts['taskType'];
  readonly name: TaskFacts['name'];
  readonly language: TaskFacts['language'];
  readonly requiredResources: TaskFacts['requiredResources'];
  readonly parentTaskId: TaskFacts['parentTaskId'];
  readonly moduleName: TaskFacts['moduleName'];
  readonly className: TaskFacts['className'];
  readonly functionName: TaskFacts['functionName'];
  readonly placementGroupId: TaskFacts['placementGroupId'];
  readonly isDetachedActor: TaskFacts['isDetachedActor'];
  readonly labelSelector: TaskFacts['labelSelector'];
  readonly callSite: TaskFacts['callSite'];
  readonly runtimeEnv: TaskFacts['runtimeEnv'];
  readonly #bytes: number;
  #holders = 0;

  /** Its keys are always all there, in this order. */
  constructor(facts: TaskFacts, parentTaskId: string | undefined) {
    this.taskType = facts.taskType;
    this.name = compactString(facts.name);
    this.language = facts.language;
    this.requiredResources = facts.requiredResources;
    this.parentTaskId = parentTaskId;
    this.moduleName = own(facts.moduleName);
    this.className = own(facts.className);
    this.functionName = own(facts.functionName);
    this.placementGroupId = own(facts.placementGroupId);
    this.isDetachedActor = facts.isDetachedActor;
    this.labelSelector = facts.labelSelector;
    this.callSite = own(facts.callSite);
    this.runtimeEnv = facts.runtimeEnv;
    this.#bytes = sizeOf(this);
  }

  /** Of memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True for the first holder. */
  hold(): boolean {
    this.#holders += 1;
    return this.#holders === 1;
  }

  /** True for the last holder. */
  release(): boolean {
    this.#holders -= 1;
    return this.#holders === 0;
  }
}

/**
 * Definitions that attempts share: a million calls of one function by one parent hold one. Forgetting one costs memory only, as equal ones are
 * as good as the same one.
 */
export class SharedDefinitions {
  readonly #byParent = new Map<string | undefined, Map<string, SharedFacts[]>>();
  #size = 0;
  #bytes = 0;

  get size(): number {
    return this.#size;
  }

  /** `parentTaskId` is the event's own, as a text that others hold already. */
  of(event: TaskDefinition, parentTaskId: string | undefined): SharedFacts {
    const known = this.#byParent.get(parentTaskId)?.get(event.name);
    if (known !== undefined) for (const variant of known) if (isOf(variant, event)) return variant;
    const facts = new SharedFacts(event, parentTaskId);
    if (facts.bytes <= MAX_SHARED_FACTS_BYTES) this.#share(facts);
    return facts;
  }

  #share(facts: SharedFacts): void {
    if (this.#size >= MAX_SHARED || this.#bytes + facts.bytes > MAX_SHARED_BYTES) this.#clear();
    const variants = this.#variants(facts);
    if (variants.length >= MAX_VARIANTS) {
      this.#bytes -= variants.shift()?.bytes ?? 0;
      this.#size -= 1;
    }
    variants.push(facts);
    this.#bytes += facts.bytes;
    this.#size += 1;
  }

  #clear(): void {
    this.#byParent.clear();
    this.#size = 0;
    this.#bytes = 0;
  }

  #variants({ parentTaskId, name }: SharedFacts): SharedFacts[] {
    const byName = this.#byParent.get(parentTaskId);
    const known = byName?.get(name);
    if (known !== undefined) return known;
    const variants: SharedFacts[] = [];
    if (byName === undefined) this.#byParent.set(parentTaskId, new Map([[name, variants]]));
    else byName.set(name, variants);
    return variants;
  }
}

function own(text: string | undefined): string | undefined {
  return text === undefined ? undefined : compactString(text);
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

/** Of plain data: the same keys in the same order, with the same values. Ends at the first difference. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [entriesA, entriesB] = [Object.entries(a), Object.entries(b)];
  if (entriesA.length !== entriesB.length) return false;
  for (const [index, [key, value]] of entriesA.entries()) {
    const other = entriesB[index];
    if (other?.[0] !== key || !isSame(value, other[1])) return false;
  }
  return true;
}

/** Of two definitions of one attempt always the same one counts: Ray sends one, and only damaged streams have two that differ. */
export function oneOfFacts(a: SharedFacts | undefined, b: SharedFacts): SharedFacts {
  if (a === undefined || a === b) return b;
  return JSON.stringify(a) <= JSON.stringify(b) ? a : b;
}
