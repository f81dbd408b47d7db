/** Items in one piece. A full piece is halved, so that adding an item moves no more than a piece. */
const MAX_PIECE = 512;

/** Items in the order of `compare`; no two are equal. Adding, removing and finding one take about log n steps. */
export class SortedList<Item extends Key, Key = Item> {
  readonly #pieces: Item[][] = [];
  readonly #compare: (a: Key, b: Key) => number;

  /** @param compare by what of an item its place is known; `Key` is that part of it */
  constructor(compare: (a: Key, b: Key) => number) {
    this.#compare = compare;
  }

  get first(): Item | undefined {
    return this.#pieces[0]?.[0];
  }

  add(item: Item): void {
    const index = Math.max(0, this.#pieceOf(item));
    const piece = this.#pieces[index];
    if (piece === undefined) {
      this.#pieces.push([item]);
      return;
    }
    piece.splice(this.#countUpTo(piece, item), 0, item);
    if (piece.length === MAX_PIECE) this.#pieces.splice(index + 1, 0, piece.splice(MAX_PIECE / 2));
  }

  /** Removes the item that is equal to this one. */
  remove(item: Key): void {
    const index = this.#pieceOf(item);
    const piece = this.#pieces[index];
    if (piece === undefined) return;
    const at = this.#countUpTo(piece, item) - 1;
    const found = piece[at];
    if (found === undefined || this.#compare(found, item) !== 0) return;
    piece.splice(at, 1);
    if (piece.length === 0) this.#pieces.splice(index, 1);
  }

  /** The last item that does not come after this one. */
  lastUpTo(item: Key): Item | undefined {
    const piece = this.#pieces[this.#pieceOf(item)];
    return piece?.[this.#countUpTo(piece, item) - 1];
  }

  /** Index of the last piece whose first item is not after this one; -1 without such a piece. */
  #pieceOf(item: Key): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const first = this.#pieces[middle]?.[0];
      if (first !== undefined && this.#compare(first, item) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #countUpTo(piece: readonly Item[], item: Key): number {
    let low = 0;
    let high = piece.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = piece[middle];
      if (other !== undefined && this.#compare(other, item) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
