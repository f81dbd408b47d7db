/** `item`: what is held back; undefined for an attempt whose span was sent. */
export interface Ranked<Item> {
  readonly ns: number;
  readonly item: Item | undefined;
}

/** The slowest attempts of a function, fastest of them first. Of equally slow ones those that ended first. */
export class Slowest<Item> {
  #ranks: Ranked<Item>[] = [];

  get ranks(): readonly Ranked<Item>[] {
    return this.#ranks;
  }

  /** Whether an attempt that took so long is one of the `count` slowest so far. */
  hasPlaceFor(ns: number, count: number): boolean {
    const fastest = this.#ranks[0];
    return this.#ranks.length < count || (fastest !== undefined && fastest.ns < ns);
  }

  /** Returns what is displaced. */
  add(ns: number, item: Item | undefined, count: number): Ranked<Item> | undefined {
    let at = this.#ranks.findIndex((ranked) => ranked.ns >= ns);
    if (at === -1) at = this.#ranks.length;
    this.#ranks.splice(at, 0, { ns, item });
    return this.#ranks.length > count ? this.#ranks.shift() : undefined;
  }

  /** The span of what is held back was sent. It keeps its rank. */
  replace(item: Item): void {
    this.#ranks = this.#ranks.map((ranked) => (ranked.item === item ? { ns: ranked.ns, item: undefined } : ranked));
  }

  restore(ranks: readonly Ranked<Item>[]): void {
    this.#ranks = [...ranks];
  }
}
