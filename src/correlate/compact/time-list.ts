import type { TimeNs } from '../../event/index.ts';

/** Times in one piece. A piece that is full is halved, so that adding one moves no more than a piece. */
const MAX_PIECE = 512;
const FIRST_PIECE = 8;

interface Piece {
  times: BigUint64Array;
  size: number;
}

/** A set of times in order, 8 to 16 B each. */
export class TimeList {
  readonly #pieces: Piece[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): TimeNs | undefined {
    return this.#pieces[0]?.times[0];
  }

  get last(): TimeNs | undefined {
    const piece = this.#pieces.at(-1);
    return piece?.times[piece.size - 1];
  }

  /** False when it was there before. */
  add(ns: TimeNs): boolean {
    const index = Math.max(0, this.#pieceFor(ns));
    let piece = this.#pieces[index];
    if (piece === undefined) this.#pieces.push((piece = { times: new BigUint64Array(FIRST_PIECE), size: 0 }));
    const at = placeIn(piece, ns);
    if (at < piece.size && piece.times[at] === ns) return false;
    insert(piece, at, ns);
    this.#size += 1;
    if (piece.size === MAX_PIECE) this.#halve(index, piece);
    return true;
  }

  has(ns: TimeNs): boolean {
    return this.next(ns) === ns;
  }

  /** The first time that is not before `fromNs`. */
  next(fromNs: TimeNs): TimeNs | undefined {
    const index = Math.max(0, this.#pieceFor(fromNs));
    const piece = this.#pieces[index];
    if (piece === undefined) return undefined;
    const at = placeIn(piece, fromNs);
    return at < piece.size ? piece.times[at] : this.#pieces[index + 1]?.times[0];
  }

  save(): Uint8Array {
    const times = new BigUint64Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      times.set(piece.times.subarray(0, piece.size), at);
      at += piece.size;
    }
    return Buffer.from(times.buffer);
  }

  static restored(bytes: Uint8Array): TimeList {
    const list = new TimeList();
    for (const ns of new BigUint64Array(Uint8Array.from(bytes).buffer)) list.add(ns);
    return list;
  }

  /** The last piece that does not begin after `ns`; -1 where all do. */
  #pieceFor(ns: TimeNs): number {
    let low = -1;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle]?.times[0] ?? 0n) <= ns) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #halve(index: number, piece: Piece): void {
    const half = MAX_PIECE / 2;
    const later: Piece = { times: new BigUint64Array(MAX_PIECE), size: half };
    later.times.set(piece.times.subarray(half, MAX_PIECE));
    piece.size = half;
    this.#pieces.splice(index + 1, 0, later);
  }
}

/** Where `ns` stands, or would stand. */
function placeIn({ times, size }: Piece, ns: TimeNs): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0n) < ns) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(piece: Piece, at: number, ns: TimeNs): void {
  if (piece.size === piece.times.length) {
    const larger = new BigUint64Array(Math.min(MAX_PIECE, piece.times.length * 2));
    larger.set(piece.times);
    piece.times = larger;
  }
  piece.times.copyWithin(at + 1, at, piece.size);
  piece.times[at] = ns;
  piece.size += 1;
}
