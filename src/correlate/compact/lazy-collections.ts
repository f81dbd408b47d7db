const NO_ENTRIES: readonly [] = [];

/** A map that takes no memory of its own before its first entry. */
export class LazyMap<Key, Value> {
  #map: Map<Key, Value> | undefined;

  get size(): number {
    return this.#map?.size ?? 0;
  }

  get(key: Key): Value | undefined {
    return this.#map?.get(key);
  }

  has(key: Key): boolean {
    return this.#map?.has(key) === true;
  }

  set(key: Key, value: Value): void {
    (this.#map ??= new Map()).set(key, value);
  }

  delete(key: Key): boolean {
    return this.#map?.delete(key) === true;
  }

  clear(): void {
    this.#map = undefined;
  }

  values(): Iterable<Value> {
    return this.#map?.values() ?? NO_ENTRIES;
  }

  [Symbol.iterator](): Iterator<[Key, Value]> {
    return (this.#map ?? NO_ENTRIES)[Symbol.iterator]();
  }
}

/** A set that takes no memory of its own before its first item. */
export class LazySet<Item> {
  #set: Set<Item> | undefined;

  get size(): number {
    return this.#set?.size ?? 0;
  }

  has(item: Item): boolean {
    return this.#set?.has(item) === true;
  }

  add(item: Item): void {
    (this.#set ??= new Set()).add(item);
  }

  delete(item: Item): boolean {
    return this.#set?.delete(item) === true;
  }

  [Symbol.iterator](): Iterator<Item> {
    return (this.#set ?? NO_ENTRIES).values();
  }
}
