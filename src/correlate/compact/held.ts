import { sizeOf } from '../../event/index.ts';
import type { SharedFacts } from './definitions.ts';
import type { Actor, AgingRecord, Attempt } from '../entities/entities.ts';
import { Job } from '../entities/entities.ts';

/** States and profile entries of one record up to which it is measured at each of its events. */
const FEW_ITEMS = 64;
/** Beyond them it is measured again when it has this share more. */
const GROWTH = 1 / 8;
/** A transition that is an object of its own, and a time of one that was left out. */
const TRANSITION_BYTES = 96;
const TIME_BYTES = 16;

/**
 * Bytes of what has no fixed size, about: names, labels, resources, call sites, runtime environments, errors, states, profile entries and metadata.
 * What is open counts towards the limit at which posts are answered 503; what is closed gives way by itself.
 */
export class HeldBytes {
  #open = 0;
  #aging = 0;
  /** States and entries of large records when they were measured. */
  readonly #measuredItems = new WeakMap<AgingRecord, number>();

  get open(): number {
    return this.#open;
  }

  /** Of closed records that are remembered. */
  get aging(): number {
    return this.#aging;
  }

  /** An attempt, or a task, has another definition. */
  replaceFacts(before: SharedFacts | undefined, after: SharedFacts | undefined): void {
    if (before === after) return;
    if (after?.hold() === true) this.#open += after.bytes;
    if (before?.release() === true) this.#open -= before.bytes;
  }

  /** Something else takes so much more, or less. */
  grow(change: number): void {
    this.#open += change;
  }

  /** More is known of an open attempt than `before`, which is what `bytesOf` said then. */
  attemptGrew(attempt: Attempt, before: number): void {
    this.#open += bytesOf(attempt) - before;
  }

  addAttempt(attempt: Attempt): void {
    this.attemptGrew(attempt, 0);
    this.replaceFacts(undefined, attempt.definition);
  }

  closeAttempt(attempt: Attempt): void {
    this.#open -= bytesOf(attempt);
    this.replaceFacts(attempt.definition, undefined);
  }

  /** Call after each event of a record. */
  measure(record: AgingRecord): void {
    const items = itemsOf(record);
    const measured = this.#measuredItems.get(record) ?? 0;
    if (items > FEW_ITEMS && items < measured * (1 + GROWTH)) return;
    if (items > FEW_ITEMS) this.#measuredItems.set(record, items);
    this.remove(record);
    record.bytes = sizeOfRecord(record);
    this.add(record);
  }

  add({ closed, bytes }: AgingRecord): void {
    if (closed) this.#aging += bytes;
    else this.#open += bytes;
  }

  remove({ closed, bytes }: AgingRecord): void {
    if (closed) this.#aging -= bytes;
    else this.#open -= bytes;
  }
}

/** Of an open attempt, without its definition, which it shares with others. */
export function bytesOf({ states, rareFields }: Attempt): number {
  const { transitions, leftOut, rareBytes, profileBytes } = rareFields;
  const many = transitions === undefined ? 0 : transitions.length * TRANSITION_BYTES + (leftOut?.count ?? 0) * TIME_BYTES;
  return states.length + many + rareBytes + profileBytes;
}

type WithStates = Exclude<AgingRecord, { readonly point: unknown }>;

function itemsOf(record: AgingRecord): number {
  if ('point' in record) return 0;
  const own = record.transitions.length + (record.leftOut?.count ?? 0);
  return record instanceof Job ? own + record.driverTransitions.length + (record.driverLeftOut?.count ?? 0) + record.profile.length : own;
}

function sizeOfRecord(record: AgingRecord): number {
  if ('point' in record) return sizeOf(record.point);
  const own = sizeOf(record.definition) + statesSize(record);
  if (!(record instanceof Job)) return own + namesSize(record);
  const { driverTransitions, driverLeftOut, driverError, profile } = record;
  return own + statesSize({ transitions: driverTransitions, leftOut: driverLeftOut }) + sizeOf(driverError) + sizeOf(profile);
}

function statesSize({ transitions, leftOut }: Pick<WithStates, 'transitions' | 'leftOut'>): number {
  return sizeOf(transitions) + (leftOut?.count ?? 0) * TIME_BYTES;
}

function namesSize(record: WithStates): number {
  const { className, moduleName }: Partial<Pick<Actor, 'className' | 'moduleName'>> = 'className' in record ? record : {};
  return sizeOf(className) + sizeOf(moduleName);
}
