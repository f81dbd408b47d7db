import { addTransitions, countOf, type LeftOut } from '../correlate/index.ts';
import { type ActorTransition, reasonLine } from '../event/index.ts';
import type { Needs } from './needs.ts';
import { shortened } from './text.ts';
import { toMs } from './times.ts';

/** One life of an actor's process. */
export interface IncarnationView {
  readonly startMs: number;
  /** NaN while the process lives. */
  readonly endMs: number;
  readonly nodeId: string | undefined;
  readonly pid: number | undefined;
  /** Why the process ended. */
  readonly reason: string | undefined;
}

/** A life of an actor has at most three states; the first life can have one more. */
const STATES_PER_LIFE = 4;

export class ActorView {
  readonly id: string;
  className: string | undefined;
  name: string | undefined;
  isDetached = false;
  isClosed = false;
  /** From the actor's definition. */
  needs: Needs | undefined;
  /** The latest transitions, in time order. */
  readonly #transitions: ActorTransition[] = [];
  #leftOut: LeftOut | undefined;
  readonly #maxIncarnations: number;

  constructor(id: string, maxIncarnations: number) {
    this.id = id;
    this.#maxIncarnations = maxIncarnations;
  }

  /** Ray's own name of the state; empty if Ray reported none. */
  get state(): string {
    return this.#transitions.at(-1)?.state ?? '';
  }

  /** The node it lives on; undefined while it is not alive. */
  get nodeId(): string | undefined {
    const last = this.#transitions.at(-1);
    return last?.state === 'ALIVE' ? last.nodeId : undefined;
  }

  get incarnationsNotShown(): number {
    const all = countOf({ transitions: this.#transitions, leftOut: this.#leftOut }, 'ALIVE');
    return all - this.incarnations().length;
  }

  enter(transitions: readonly ActorTransition[], maxMessageLength: number): void {
    const short = transitions.map((transition) => withShortCause(transition, maxMessageLength));
    const limits = { max: this.#maxIncarnations * STATES_PER_LIFE, first: 0 };
    this.#leftOut = addTransitions(this.#transitions, short, this.#leftOut, limits);
  }

  /** The latest lives, oldest first. */
  incarnations(): readonly IncarnationView[] {
    const lives = this.#transitions.flatMap((alive, index) => (alive.state === 'ALIVE' ? [this.#incarnation(alive, index)] : []));
    return lives.slice(-this.#maxIncarnations);
  }

  #incarnation(alive: ActorTransition, index: number): IncarnationView {
    const ended = this.#transitions.find(({ state }, at) => at > index && state !== 'PENDING_CREATION' && state !== 'DEPENDENCIES_UNREADY');
    return {
      startMs: toMs(alive.timeNs),
      endMs: ended === undefined ? Number.NaN : toMs(ended.timeNs),
      nodeId: alive.nodeId,
      pid: alive.pid,
      reason: ended?.restartReason ?? describeDeath(ended),
    };
  }
}

function describeDeath(ended: ActorTransition | undefined): string | undefined {
  if (ended?.deathCause === undefined) return undefined;
  const { reason, message } = ended.deathCause;
  return message === '' ? reason : `${reason}: ${message}`;
}

function withShortCause(transition: ActorTransition, maxMessageLength: number): ActorTransition {
  const { deathCause } = transition;
  if (deathCause === undefined) return transition;
  return { ...transition, deathCause: { ...deathCause, message: shortened(reasonLine(deathCause.message), maxMessageLength) } };
}
