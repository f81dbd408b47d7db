/**
 * Maximum age of a result that is reused although the model has changed: a reader who pages on gets
 * the same list.
 */
const MAX_AGE_MS = 500;

/** Caches the last result until the memory is needed elsewhere. */
export class Recent<Value extends object> {
  #key = '';
  #version = -1;
  #atMs = 0;
  #found: WeakRef<Value> | undefined;

  /** `version` changes whenever the value could change. */
  async find(key: string, version: number, nowMs: number, make: () => Promise<Value>): Promise<Value> {
    const isFresh = this.#version === version || nowMs - this.#atMs < MAX_AGE_MS;
    const known = this.#key === key && isFresh ? this.#found?.deref() : undefined;
    if (known !== undefined) return known;
    const found = await make();
    this.#key = key;
    this.#version = version;
    this.#atMs = nowMs;
    this.#found = new WeakRef(found);
    return found;
  }
}
