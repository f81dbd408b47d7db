/** What was looked for a moment ago is given again to who reads on, even when something has changed since. */
const AGE_MAX_MS = 500;

/** The last thing that was looked for, for as long as nobody else needs the memory. */
export class Recent<Value extends object> {
  #key = '';
  #version = -1;
  #atMs = 0;
  #found: WeakRef<Value> | undefined;

  /** `version` changes with whatever could change the value. */
  async find(key: string, version: number, nowMs: number, make: () => Promise<Value>): Promise<Value> {
    const isFresh = this.#version === version || nowMs - this.#atMs < AGE_MAX_MS;
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
