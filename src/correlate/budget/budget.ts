import { FunctionShare, type ShareCounts } from './function-share.ts';
import { type HeldAttempt, HeldBack } from './held-back.ts';
import { Rollups } from './rollup.ts';
import type { SpanRef } from '../finished.ts';

/** What a lifecycle takes of a trace: spans, and bytes of OTLP protobuf. */
export interface Cost {
  readonly spans: number;
  readonly bytes: number;
}

/** Limits of one trace; 0 means none. */
export interface TraceLimits {
  readonly maxSpans: number;
  readonly maxBytes: number;
  /** Slowest attempts of each function that have a span. Default 0. */
  readonly slowest?: number;
}

/** Kept free for a span that must be sent later because a child of it was sent. */
export const RESERVED_COST: Cost = { spans: 1, bytes: 2_000 };
/** In a trace without limits nothing needs to be measured. */
export const NO_COST: Cost = { spans: 0, bytes: 0 };
const ROOT_COST: Cost = { spans: 1, bytes: 4_000 };
/** Kept free for each open actor: its span and one incarnation. */
const ACTOR_COST: Cost = { spans: 2, bytes: 1_500 };
/** Of the trace, that is kept free for open actors at most. */
const ACTORS_SHARE = 0.1;
/** What one attempt that is held back takes. Its own size is known when it is sent. */
export const HELD_COST: Cost = { spans: 1, bytes: 1_000 };
/** Of the trace, that is kept free for the slowest attempts at most. */
const SLOWEST_SHARE = 0.25;
const MAX_ROLLUPS_WITHOUT_LIMIT = 1_000;
/** Of the bytes of a trace: what takes more is unusually large. */
const LARGE_SHARE = 0.02;
const NOT_FULL = Number.MAX_SAFE_INTEGER;

/**
 * What room is asked for, each with the part of the trace that it may fill:
 *
 * 1. `children`: phases and profile entries of ordinary attempts; `whole`: those of the first attempts of each function.
 * 2. `detail`: in-flight spans, and the children of failed attempts.
 * 3. `ordinary`: spans of attempts.
 * 4. `kept`: the first attempts of a function and its slowest ones.
 * 5. `structure`: actors, nodes that died and failed attempts. The rest is left to the rollups.
 */
const BYTES_SHARE = { children: 0.06, whole: 0.3, detail: 0.45, ordinary: 0.84, kept: 0.925, structure: 0.955 };
const USES = ['children', 'whole', 'detail', 'ordinary', 'kept', 'structure'] as const;
export type Priority = (typeof USES)[number];

/** A function may take so many times what it leaves to others: the more attempts it has, and the fewer large ones there are, the more. */
const SHARE_FACTOR = 2;
const FAILED_FACTOR = 16;
const HELD_FACTOR = 1;
const THINNED_FACTOR = 1 / 16;
/** Beyond its share a function gets a span whenever its number of attempts has grown by so much since the last one. */
const THINNED_GROWTH = 1.04;
/** A function with more attempts counts as large. */
const LARGE_FUNCTION = 100;
/** The first attempts of a function that have a span however large the others are. */
const FIRST_ATTEMPTS = 5;
/** Functions of a trace that have a share each; the others share what is left as if they were one. */
const MAX_FUNCTIONS = 1_000;
const OTHER_FUNCTIONS = '(other)';
const NO_ACTORS = { size: 0 };
/** Nothing is ever added to it. */
const NONE_HELD_BACK = new HeldBack();

export type SavedBudget = readonly [
  spans: number,
  bytes: number,
  rolledUpAttemptCount: number,
  compactAttemptCount: number,
  rollups: readonly [nodes: number, round: number],
  limits: TraceLimits,
  relaxed: boolean,
  fullFromBytes: readonly number[],
];

export function limitsOf(saved: SavedBudget): TraceLimits {
  return saved[5];
}

/**
 * The budget of one trace, so that a trace beyond it still represents its job:
 *
 * 1. Structure comes first: the job, its actors and their incarnations, and failed attempts have a part of the trace that nothing else uses.
 * 2. A function gets a span for each attempt while it has at most `factor` times the room that it leaves to others, so its first attempts all
 *    have one. The factor falls with the number of large functions, which gives them equal shares. Beyond its share a function gets a span
 *    whenever its attempts have grown by 4 %, so the later ones are thinned evenly.
 * 3. A part is kept for the first 5 attempts of each function, for those thinned ones, and for the 10 slowest ones: see `held-back.ts`.
 * 4. Children (phases, profile entries) are sent for the first attempts only. All later ones have one compact span each.
 * 5. What is left is rolled up by parent and name, which has a part of the trace of its own, so that the whole never passes the limit.
 */
export class TraceBudget {
  readonly rollups: Rollups;
  #heldBack = NONE_HELD_BACK;
  readonly #limits: TraceLimits;
  readonly #actors: { readonly size: number };
  #functions: Map<string, FunctionShare> | undefined;
  #largeFunctions = 0;
  /** Functions with more attempts than `limits.slowest`: some of theirs may be held back. */
  #functionsWithSlowest = 0;
  #spans = ROOT_COST.spans;
  #bytes = ROOT_COST.bytes;
  #relaxed = false;
  /**
   * By use, the bytes at which something did not fit: while the trace holds as many, nothing else of that use is sent. Else each of the thousands of
   * attempts that follow would be mapped to learn that it does not fit either.
   */
  #fullFromBytes: Partial<Record<Priority, number>> | undefined;
  rolledUpAttemptCount = 0;
  compactAttemptCount = 0;

  /** @param actors the open actors of the trace */
  constructor(root: SpanRef, limits: TraceLimits, actors: { readonly size: number } = NO_ACTORS) {
    this.#limits = limits;
    this.#actors = actors;
    this.rollups = new Rollups(root, limits.maxSpans === 0 ? MAX_ROLLUPS_WITHOUT_LIMIT : rollupShare(limits.maxSpans));
  }

  get heldBack(): HeldBack {
    return this.#heldBack;
  }

  /** Most traces never hold anything back: a list of their own would take memory for each session and job. */
  holdBack(held: HeldAttempt): void {
    if (this.#heldBack === NONE_HELD_BACK) this.#heldBack = new HeldBack();
    this.#heldBack.add(held);
  }

  /** Something waits for the end of the trace. */
  get hasRest(): boolean {
    return !this.rollups.isEmpty || this.heldBack.size > 0;
  }

  get isUnlimited(): boolean {
    return this.#limits.maxSpans === 0 && this.#limits.maxBytes === 0;
  }

  /** For a checkpoint: numbers only. Rollups, functions and what is held back have records of their own. */
  save(): SavedBudget {
    const fullFromBytes = this.#fullFromBytes === undefined ? [] : USES.map((use) => this.#fullFromBytes?.[use] ?? NOT_FULL);
    const { rolledUpAttemptCount, compactAttemptCount } = this;
    return [
      this.#spans,
      this.#bytes,
      rolledUpAttemptCount,
      compactAttemptCount,
      this.rollups.save(),
      this.#limits,
      this.#relaxed,
      fullFromBytes,
    ];
  }

  /** Into a new budget with the limits of the saved one. */
  restore([spans, bytes, rolledUpAttemptCount, compactAttemptCount, rollups, , relaxed, fullFromBytes]: SavedBudget): void {
    this.#spans = spans;
    this.#bytes = bytes;
    this.rolledUpAttemptCount = rolledUpAttemptCount;
    this.compactAttemptCount = compactAttemptCount;
    this.rollups.restore(rollups);
    this.#relaxed = relaxed;
    for (const [index, fromBytes] of fullFromBytes.entries()) this.#noteFullFrom(fromBytes, USES[index]);
  }

  get functions(): Iterable<FunctionShare> {
    return this.#functions?.values() ?? [];
  }

  /** What the function of this name has of the trace. */
  share(name: string): FunctionShare {
    const shares = (this.#functions ??= new Map<string, FunctionShare>());
    const known = shares.get(name);
    if (known !== undefined) return known;
    if (shares.size >= MAX_FUNCTIONS && name !== OTHER_FUNCTIONS) return this.share(OTHER_FUNCTIONS);
    const share = new FunctionShare(name);
    shares.set(name, share);
    return share;
  }

  /** As `share`, for what a checkpoint says of it. */
  restoreShare(name: string, counts: ShareCounts): FunctionShare {
    const share = this.share(name);
    const { attempts } = Object.assign(share, counts);
    if (attempts > LARGE_FUNCTION) this.#largeFunctions += 1;
    if (attempts > this.#slowest) this.#functionsWithSlowest += 1;
    return share;
  }

  /** To be called when the trace's root is sent. */
  forgetFunctions(): void {
    this.#functions = undefined;
    this.#largeFunctions = 0;
    this.#functionsWithSlowest = 0;
  }

  get #slowest(): number {
    return this.#limits.slowest ?? 0;
  }

  /** Counts an attempt of a function. Returns what it may have a span for, undefined where it gives way to others. */
  admit(share: FunctionShare, failed: boolean): Priority | undefined {
    share.attempts += 1;
    if (share.attempts === LARGE_FUNCTION + 1) this.#largeFunctions += 1;
    if (share.attempts === this.#slowest + 1) this.#functionsWithSlowest += 1;
    if (this.#relaxed) return 'structure';
    const ownBytes = share.spans === 0 ? 0 : share.bytes / share.spans;
    if (failed) return this.#isWithin(share, ownBytes, 'structure', FAILED_FACTOR) ? 'structure' : undefined;
    if (this.#isWithin(share, ownBytes, 'ordinary', this.#factorOf(share))) return 'ordinary';
    const isFirst = share.spans < FIRST_ATTEMPTS && this.fits({ spans: 1, bytes: ownBytes }, 'kept');
    return isFirst || this.#isNextThinned(share, ownBytes) ? 'kept' : undefined;
  }

  #isNextThinned(share: FunctionShare, ownBytes: number): boolean {
    if (share.attempts < share.attemptsAtLast * THINNED_GROWTH) return false;
    const used = { spans: share.thinned, bytes: share.thinned * ownBytes };
    if (!this.#isWithin(used, ownBytes, 'kept', THINNED_FACTOR)) return false;
    share.thinned += 1;
    return true;
  }

  /** Whether another attempt of the function may be held back. */
  mayHold(share: FunctionShare): boolean {
    const used = { spans: share.held, bytes: share.held * HELD_COST.bytes };
    return this.fits(HELD_COST, 'kept') && this.#isWithin(used, HELD_COST.bytes, 'kept', HELD_FACTOR);
  }

  #factorOf({ attempts }: FunctionShare): number {
    return (SHARE_FACTOR * Math.log2(attempts + 1)) / Math.max(1, this.#largeFunctions) ** 1.5;
  }

  /** Whether a function that has `used` so much may have one more span, of `ownBytes`, and leaves enough to others. */
  #isWithin(used: Cost, ownBytes: number, use: Priority, factor: number): boolean {
    const { maxSpans, maxBytes } = this.#limits;
    const kept = this.#keptFree(use);
    const spansLeft = spansFor(use, maxSpans) - kept.spans - this.#spans - 1;
    if (maxSpans !== 0 && used.spans > factor * spansLeft) return false;
    const bytesLeft = maxBytes * BYTES_SHARE[use] - kept.bytes - this.#bytes - ownBytes;
    return maxBytes === 0 || used.bytes <= factor * bytesLeft;
  }

  /** What a use leaves free: for open actors, and for the slowest attempts that are still to be held back. */
  #keptFree(use: Priority): Cost {
    const { size } = this.#actors;
    const held = this.#functionsWithSlowest === 0 || use === 'kept' ? 0 : this.#spansForSlowest();
    if (use === 'structure' || (size === 0 && held === 0)) return NO_COST;
    const { maxSpans, maxBytes } = this.#limits;
    return {
      spans: Math.min(size * ACTOR_COST.spans, Math.floor(maxSpans * ACTORS_SHARE)) + held,
      bytes: Math.min(size * ACTOR_COST.bytes, maxBytes * ACTORS_SHARE) + held * HELD_COST.bytes,
    };
  }

  /** A function has two lists of slowest attempts. */
  #spansForSlowest(): number {
    const { maxSpans, maxBytes } = this.#limits;
    const wanted = this.#functionsWithSlowest * this.#slowest * 2;
    const most = Math.min(maxSpans || Number.POSITIVE_INFINITY, maxBytes / HELD_COST.bytes || Number.POSITIVE_INFINITY) * SLOWEST_SHARE;
    return Math.max(0, Math.floor(Math.min(wanted, most)) - this.heldBack.size);
  }

  /** True where nothing was rolled up yet, and all of `rest` fits. */
  fitsWhole(rest: Cost): boolean {
    const { maxSpans, maxBytes } = this.#limits;
    const spansFit = maxSpans === 0 || this.#spans + rest.spans <= maxSpans;
    return this.rollups.count === 0 && this.heldBack.size === 0 && spansFit && (maxBytes === 0 || this.#bytes + rest.bytes <= maxBytes);
  }

  /** The whole rest of the trace is known: where it fits, nothing needs to be kept free. */
  relaxIfFits(rest: Cost): void {
    this.#relaxed = this.fitsWhole(rest);
  }

  /** More may come after all. */
  tighten(): void {
    this.#relaxed = false;
  }

  /** False where so many spans surely do not fit, whatever their size. */
  mayFit(spans: number, use: Priority): boolean {
    return this.#relaxed || (this.fits({ spans, bytes: 0 }, use) && this.#bytes < (this.#fullFromBytes?.[use] ?? NOT_FULL));
  }

  /** Charges `own` if it fits together with `alsoSure`, which is charged later. */
  chargeIfFits(own: Cost, alsoSure: Cost, use: Priority): boolean {
    const whole = { spans: own.spans + alsoSure.spans, bytes: own.bytes + alsoSure.bytes };
    if (!this.fits(whole, use)) {
      this.#noteFull(whole, use);
      return false;
    }
    this.charge(own);
    return true;
  }

  /** Something that is unusually large for this trace says nothing about others. */
  #noteFull(cost: Cost, use: Priority): void {
    const { maxBytes } = this.#limits;
    const fitsBySpans = this.fits({ spans: cost.spans, bytes: 0 }, use);
    if (fitsBySpans && cost.bytes <= maxBytes * LARGE_SHARE) this.#noteFullFrom(this.#bytes, use);
  }

  #noteFullFrom(bytes: number, use: Priority | undefined): void {
    if (use === undefined) return;
    this.#fullFromBytes ??= {};
    this.#fullFromBytes[use] = Math.min(this.#fullFromBytes[use] ?? NOT_FULL, bytes);
  }

  fits(cost: Cost, use: Priority): boolean {
    if (this.#relaxed) return true;
    const { maxSpans, maxBytes } = this.#limits;
    const kept = this.#keptFree(use);
    return (
      (maxSpans === 0 || this.#spans + kept.spans + cost.spans <= spansFor(use, maxSpans)) &&
      (maxBytes === 0 || this.#bytes + kept.bytes + cost.bytes <= maxBytes * BYTES_SHARE[use])
    );
  }

  /** How many spans that are made sure fit besides one span; less than 0 where not even that does. */
  reservationsThatFit(use: Priority): number {
    if (this.#relaxed) return Number.POSITIVE_INFINITY;
    const { maxSpans, maxBytes } = this.#limits;
    const kept = this.#keptFree(use);
    const spans = maxSpans === 0 ? Number.POSITIVE_INFINITY : Math.floor(spansFor(use, maxSpans)) - kept.spans - this.#spans - 1;
    const bytes = maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes * BYTES_SHARE[use] - kept.bytes - this.#bytes;
    return Math.min(spans, Math.floor(bytes / RESERVED_COST.bytes));
  }

  charge(cost: Cost): void {
    this.#spans += cost.spans;
    this.#bytes += cost.bytes;
  }

  release(cost: Cost): void {
    this.#spans -= cost.spans;
    this.#bytes -= cost.bytes;
  }
}

/** As `BYTES_SHARE`, without the spans of the root and of the rollups. */
function spansFor(use: Priority, maxSpans: number): number {
  const structure = maxSpans - rollupShare(maxSpans) - 1;
  return use === 'structure' ? structure : (structure * BYTES_SHARE[use]) / BYTES_SHARE.structure;
}

function rollupShare(maxSpans: number): number {
  return Math.max(Math.ceil(maxSpans * 0.02), Math.min(30, Math.floor(maxSpans * 0.15)));
}
